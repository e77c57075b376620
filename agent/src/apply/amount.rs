//! Amounts as people read them.

/// Bytes in the unit that leaves at most three digits before the point.
pub(crate) fn bytes(amount: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = amount as f64;
    let mut unit = 0;
    while value >= 1_000.0 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0 && value < 10.0);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// Bytes from a number with or without a unit: `500`, `64 kB`, `10GB`. Units are powers of 1024.
pub(crate) fn parse_bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..digits].parse().ok()?;
    let shift = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "kb" => 10,
        "mb" => 20,
        "gb" => 30,
        "tb" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

/// A count with thousands apart.
pub(crate) fn count(amount: u64) -> String {
    let digits = amount.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_and_written() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(1 << 20), "1.0 MB");
        assert_eq!(bytes(50 << 30), "50 GB");
        assert_eq!(bytes(u64::MAX), "16777216 TB");
        for (text, expected) in
            [("500", Some(500)), ("64 kB", Some(65_536)), ("10GB", Some(10 << 30)), ("1e9", None)]
        {
            assert_eq!(parse_bytes(text), expected, "{text}");
        }
        assert_eq!(parse_bytes("99999999999 TB"), None);
        assert_eq!(
            (count(0), count(1_000), count(1_234_567)),
            ("0".into(), "1,000".into(), "1,234,567".into())
        );
    }
}
