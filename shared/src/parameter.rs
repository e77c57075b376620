//! Values of a server's parameters, as PostgreSQL writes and reads them.
//!
//! Amounts keep their dimension: 64 MB can be compared with 65,536 kB, and neither with a bare number, whose
//! meaning only the server knows.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What values a parameter takes. Appended to, never reordered: the position is on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParameterType {
    /// `on` or `off`.
    Bool,
    /// A whole number, in the parameter's unit.
    Integer,
    /// A number, in the parameter's unit.
    Real,
    /// One of some words.
    Enum,
    /// Any text.
    String,
}

impl ParameterType {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Bool, Self::Integer, Self::Real, Self::Enum, Self::String];

    /// The name that `pg_settings.vartype` has for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::Integer => "integer",
            Self::Real => "real",
            Self::Enum => "enum",
            Self::String => "string",
        }
    }

    /// The type of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Its values are numbers.
    pub fn is_number(self) -> bool {
        match self {
            Self::Integer | Self::Real => true,
            Self::Bool | Self::Enum | Self::String => false,
        }
    }
}

/// What a number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// Nothing that is written with it.
    Plain,
    /// Bytes.
    Bytes,
    /// Microseconds.
    Microseconds,
}

/// A number and what it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Amount {
    /// How many.
    pub number: f64,
    /// Of what.
    pub dimension: Dimension,
}

/// Units by their names in a value, with what one is: PostgreSQL's `guc.c`, largest first in each dimension.
const UNITS: [(&str, f64, Dimension); 11] = [
    ("TB", (1_u64 << 40) as f64, Dimension::Bytes),
    ("GB", (1_u64 << 30) as f64, Dimension::Bytes),
    ("MB", (1_u64 << 20) as f64, Dimension::Bytes),
    ("kB", 1024.0, Dimension::Bytes),
    ("B", 1.0, Dimension::Bytes),
    ("d", 86_400e6, Dimension::Microseconds),
    ("h", 3_600e6, Dimension::Microseconds),
    ("min", 60e6, Dimension::Microseconds),
    ("s", 1e6, Dimension::Microseconds),
    ("ms", 1e3, Dimension::Microseconds),
    ("us", 1.0, Dimension::Microseconds),
];

impl Amount {
    /// The amount that a text such as `64MB`, `1.5`, `-1` or `10 s` is; `None` of anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let end = text.find(|c: char| !matches!(c, '0'..='9' | '.' | '-')).unwrap_or(text.len());
        let (number, unit) = (&text[..end], text[end..].trim_start());
        // No infinity, no exponent, no hexadecimal digits: what a person would write.
        let digits = number.strip_prefix('-').unwrap_or(number);
        if digits.is_empty() || digits.starts_with('.') || digits.ends_with('.') || digits.contains('-') {
            return None;
        }
        let number: f64 = number.parse().ok()?;
        if unit.is_empty() {
            return Some(Self { number, dimension: Dimension::Plain });
        }
        let (_, one, dimension) = UNITS.into_iter().find(|(name, ..)| *name == unit)?;
        Some(Self { number: number * one, dimension })
    }

    /// What a bare number of a parameter with this unit (`8kB`, `ms`) means; as it is where the unit is unknown.
    pub fn in_unit(self, unit: Option<&str>) -> Self {
        let Some(one) = unit.and_then(one_of) else { return self };
        match self.dimension {
            Dimension::Plain => Self { number: self.number * one.number, dimension: one.dimension },
            Dimension::Bytes | Dimension::Microseconds => self,
        }
    }
}

/// What 1 is in the unit of a parameter, which may itself be a multiple.
fn one_of(unit: &str) -> Option<Amount> {
    if unit.starts_with(|c: char| c.is_ascii_digit()) {
        return Amount::parse(unit);
    }
    Amount::parse(&format!("1{unit}"))
}

/// Whether two texts are the same value of a parameter of this type and unit.
pub fn is_same(one: &str, other: &str, kind: ParameterType, unit: Option<&str>) -> bool {
    let same_truth = || truth(one).is_some() && truth(one) == truth(other);
    match kind {
        ParameterType::Integer | ParameterType::Real => {
            let (Some(one), Some(other)) = (Amount::parse(one), Amount::parse(other)) else { return false };
            let (one, other) = (one.in_unit(unit), other.in_unit(unit));
            let apart = (one.number - other.number).abs();
            // A whole number is rounded to its unit; a real comes back from the server with up to 15 digits.
            let close = match (kind, unit.and_then(one_of)) {
                (ParameterType::Integer, Some(unit)) => unit.number / 2.0,
                _ => 1e-9 * one.number.abs().max(other.number.abs()),
            };
            one.dimension == other.dimension && apart <= close
        }
        ParameterType::Bool => same_truth(),
        // Some words have an older form: `on` is one of them nearly everywhere.
        ParameterType::Enum => one.eq_ignore_ascii_case(other) || same_truth(),
        ParameterType::String => one == other,
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" | "1" => Some(true),
        "off" | "false" | "no" | "0" => Some(false),
        _ => None,
    }
}

/// A value as a person would write it: `65536` of a parameter in kB is `64MB`. What has no unit stays as it is.
pub fn readable(value: &str, unit: Option<&str>) -> String {
    let plain = |amount: &Amount| amount.dimension == Dimension::Plain && amount.number > 0.0;
    let (Some(amount), Some(_)) = (Amount::parse(value).filter(plain), unit.and_then(one_of)) else {
        return value.to_owned();
    };
    let Amount { number, dimension } = amount.in_unit(unit);
    let mut units = UNITS.into_iter().filter(|(.., of)| *of == dimension);
    match units.find(|(_, one, _)| number % one == 0.0) {
        Some((name, one, _)) => format!("{}{name}", number / one),
        None => format!("{value}{}", unit.unwrap_or_default()),
    }
}

/// A person's text as it is written into a change: without spaces, words small, `on` and `off`. `None` where it is
/// no value of this type.
pub fn normal(text: &str, kind: ParameterType) -> Option<String> {
    match kind {
        ParameterType::Integer | ParameterType::Real => {
            Amount::parse(text)?;
            Some(text.split_whitespace().collect())
        }
        ParameterType::Bool => truth(text.trim()).map(|on| if on { "on" } else { "off" }.to_owned()),
        ParameterType::Enum => {
            let word = text.trim().to_ascii_lowercase();
            is_word(&word).then_some(word)
        }
        ParameterType::String => None,
    }
}

/// Longest value of a change, bytes.
const MAX_VALUE_BYTES: usize = 63;

/// Whether a text is one that [`normal`] makes: a number with or without a unit, or a word.
pub fn is_plain(value: &str) -> bool {
    let is_short = value.len() <= MAX_VALUE_BYTES;
    is_short && (is_word(value) || Amount::parse(value).is_some() && !value.contains(char::is_whitespace))
}

fn is_word(text: &str) -> bool {
    let mut bytes = text.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-')
}

impl fmt::Display for ParameterType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_read_with_its_unit() {
        for (text, number, dimension) in [
            ("64MB", 67_108_864.0, Dimension::Bytes),
            ("1.5 GB", 1_610_612_736.0, Dimension::Bytes),
            ("-1", -1.0, Dimension::Plain),
            ("1.1", 1.1, Dimension::Plain),
            ("2min", 120e6, Dimension::Microseconds),
            ("5ms", 5e3, Dimension::Microseconds),
        ] {
            assert_eq!(Amount::parse(text), Some(Amount { number, dimension }), "{text}");
        }
        for text in
            ["", "-", "MB", "64mb", "64 MB x", "1e3", "0x10", "inf", "NaN", "1.", ".5", "1-1", "--1", "1..2"]
        {
            assert_eq!(Amount::parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_same_value_is_known_in_every_form() {
        use ParameterType as T;
        for (one, other, kind, unit, same) in [
            ("65536", "64MB", T::Integer, Some("kB"), true),
            ("16384", "128MB", T::Integer, Some("8kB"), true),
            ("1", "16MB", T::Integer, Some("16MB"), true),
            ("65536", "64", T::Integer, Some("kB"), false),
            ("10957", "10.7MB", T::Integer, Some("kB"), true),
            ("10958", "10.7MB", T::Integer, Some("kB"), false),
            ("on", "Yes", T::Enum, None, true),
            ("1.1", "1.10", T::Real, None, true),
            ("1.1", "1.2", T::Real, None, false),
            ("200", "0.2s", T::Real, Some("ms"), true),
            ("64MB", "64", T::Integer, None, false),
            ("on", "true", T::Bool, None, true),
            ("on", "off", T::Bool, None, false),
            ("on", "maybe", T::Bool, None, false),
            ("Replica", "replica", T::Enum, None, true),
            ("a", "A", T::String, None, false),
        ] {
            assert_eq!(is_same(one, other, kind, unit), same, "{one} {other} {unit:?}");
            assert_eq!(is_same(other, one, kind, unit), same, "{other} {one} {unit:?}");
        }
    }

    #[test]
    fn a_value_reads_as_a_person_writes_it() {
        for (value, unit, text) in [
            ("65536", Some("kB"), "64MB"),
            ("4097", Some("kB"), "4097kB"),
            ("16384", Some("8kB"), "128MB"),
            ("1", Some("8kB"), "8kB"),
            ("300", Some("s"), "5min"),
            ("0.5", Some("ms"), "500us"),
            ("-1", Some("ms"), "-1"),
            ("0", Some("kB"), "0"),
            ("4", None, "4"),
            ("4", Some("parsecs"), "4"),
            ("replica", None, "replica"),
        ] {
            assert_eq!(readable(value, unit), text, "{value} {unit:?}");
            assert!(
                is_plain(text) && (unit.is_none() || is_same(value, text, ParameterType::Real, unit)),
                "{text}"
            );
        }
    }

    #[test]
    fn what_a_person_writes_becomes_one_form() {
        use ParameterType as T;
        for (text, kind, expected) in [
            (" 64 MB ", T::Integer, Some("64MB")),
            ("64 megs", T::Integer, None),
            ("YES", T::Bool, Some("on")),
            ("2", T::Bool, None),
            ("Remote_Apply", T::Enum, Some("remote_apply")),
            ("a b", T::Enum, None),
            ("/etc/passwd", T::String, None),
        ] {
            let normal = normal(text, kind);
            assert_eq!(normal.as_deref(), expected, "{text}");
            assert!(normal.is_none_or(|text| is_plain(&text)));
        }
        for text in ["'", "a'b", "64 MB", "", "on; DROP TABLE t", "A", "a\n", &"x".repeat(64)] {
            assert!(!is_plain(text), "{text}");
        }
    }
}
