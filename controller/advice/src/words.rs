//! Figures as a DBA reads them, with their unit.

/// A share: `37 %`, `0.4 %`.
pub(crate) fn percent(fraction: f64) -> String {
    let value = fraction * 100.0;
    match value.abs() {
        size if size >= 99.95 || size == 0.0 => format!("{value:.0} %"),
        size if size >= 99.0 => format!("{value:.1} %"),
        size if size >= 10.0 => format!("{value:.0} %"),
        size if size >= 0.1 => format!("{value:.1} %"),
        size if size >= 0.01 => format!("{value:.2} %"),
        _ => "under 0.01 %".to_owned(),
    }
}

/// A change: `92 % less`, `15 % more`, `3.2 times as much`.
pub(crate) fn change(fraction: f64) -> String {
    if fraction >= 1.0 {
        format!("{} times as much", number(1.0 + fraction))
    } else if fraction >= 0.0 {
        format!("{} more", percent(fraction))
    } else {
        format!("{} less", percent(-fraction))
    }
}

/// A duration: `0.05 ms`, `183 ms`, `2.4 s`, `3.1 h`.
pub(crate) fn duration(ms: f64) -> String {
    match ms {
        value if value < 0.1 => format!("{value:.3} ms"),
        value if value < 10.0 => format!("{value:.2} ms"),
        value if value < 1_000.0 => format!("{value:.0} ms"),
        value if value < 120_000.0 => format!("{:.1} s", value / 1_000.0),
        value if value < 7_200_000.0 => format!("{:.0} min", value / 60_000.0),
        value if value < 172_800_000.0 => format!("{:.1} h", value / 3_600_000.0),
        value => format!("{:.0} days", value / 86_400_000.0),
    }
}

/// `1 call`, `2 calls`.
pub(crate) fn count(count: u64, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}

/// A count: `312`, `41,000`, `1.2 million`.
pub(crate) fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1e9 => format!("{:.1} billion", value / 1e9),
        size if size >= 1e6 => format!("{:.1} million", value / 1e6),
        size if size >= 1_000.0 => grouped(value.round()),
        size if size >= 100.0 || (value - value.round()).abs() < 0.05 => format!("{value:.0}"),
        size if size >= 1.0 => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

/// A size: `8 KiB`, `102 MiB`, `1.5 GiB`.
pub(crate) fn bytes(value: f64) -> String {
    const KIB: f64 = 1024.0;
    match value {
        size if size >= KIB * KIB * KIB => format!("{:.1} GiB", size / KIB / KIB / KIB),
        size if size >= 10.0 * KIB * KIB => format!("{:.0} MiB", size / KIB / KIB),
        size if size >= KIB * KIB => format!("{:.1} MiB", size / KIB / KIB),
        size => format!("{:.0} KiB", size / KIB),
    }
}

/// `1 row`, `2 rows`.
pub(crate) fn rows(value: f64) -> String {
    if value.round() == 1.0 { "1 row".to_owned() } else { format!("{} rows", number(value.round())) }
}

/// `a`, `a and b`, `a, b and c`.
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [head @ .., last] => format!("{} and {last}", head.join(", ")),
    }
}

/// The beginning of a statement on one line, at most 80 characters, for titles.
pub(crate) fn statement_head(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
        if line.chars().count() > 80 {
            let cut: String = line.chars().take(79).collect();
            return format!("{}…", cut.trim_end());
        }
    }
    line
}

fn grouped(value: f64) -> String {
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if value < 0.0 { format!("-{text}") } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_read_well() {
        for (figure, expected) in [
            (percent(0.37), "37 %"),
            (percent(0.004), "0.4 %"),
            (percent(0.997), "99.7 %"),
            (percent(1.0), "100 %"),
            (change(-0.92), "92 % less"),
            (change(2.5), "3.5 times as much"),
            (duration(0.0512), "0.051 ms"),
            (duration(183.4), "183 ms"),
            (duration(2_400.0), "2.4 s"),
            (number(41_000.4), "41,000"),
            (number(1_234_567.0), "1.2 million"),
            (number(3.0), "3"),
            (bytes(8192.0), "8 KiB"),
            (bytes(107_000_000.0), "102 MiB"),
            (rows(1.0), "1 row"),
            (list(&["a".into(), "b".into(), "c".into()]), "a, b and c"),
            (statement_head("SELECT  1\n FROM t"), "SELECT 1 FROM t"),
        ] {
            assert_eq!(figure, expected);
        }
    }
}
