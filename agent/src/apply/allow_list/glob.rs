//! Names with `*` (any run of characters) and `?` (any one character).

/// Whether the whole of `name` fits `pattern`. Takes time in proportion to the product of their lengths.
pub(super) fn fits(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let name: Vec<char> = name.chars().collect();
    let (mut p, mut n) = (0, 0);
    // Where to go on when a guess for the last `*` turns out wrong.
    let mut retry = None;
    while n < name.len() {
        if p < pattern.len() && pattern[p] == '*' {
            retry = Some((p + 1, n));
            p += 1;
        } else if p < pattern.len() && (pattern[p] == '?' || pattern[p] == name[n]) {
            p += 1;
            n += 1;
        } else if let Some((after_star, taken)) = retry {
            p = after_star;
            n = taken + 1;
            retry = Some((after_star, n));
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_fit_whole_names() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("*", "orders", true),
            ("order*", "orders", true),
            ("order?", "orders", true),
            ("order?", "order", false),
            ("*_log", "audit_log", true),
            ("*_log", "audit_logs", false),
            ("a*b*c", "aXbXbXc", true),
            ("Orders", "orders", false),
            ("", "", true),
            ("", "x", false),
            ("ä*", "äb", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn many_stars_end_soon() {
        assert!(!fits(&"*a".repeat(40), &"a".repeat(39)));
        assert!(fits(&"*a".repeat(40), &"a".repeat(40)));
    }
}
