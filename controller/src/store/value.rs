//! How values look in the store: moments, texts and documents that PostgreSQL can hold.

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use querysmith_shared::timestamp::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use uuid::Uuid;

/// Nothing the product stores happened before 2000 or happens after 2200; what says so has a broken clock.
const EARLIEST: Timestamp = Timestamp(946_684_800_000_000);
const LATEST: Timestamp = Timestamp(7_258_118_400_000_000);

/// The moment as the driver wants it, within what the store holds.
pub fn moment(at: Timestamp) -> DateTime<Utc> {
    let micros = at.0.clamp(EARLIEST.0, LATEST.0);
    DateTime::from_timestamp_micros(micros).expect("the years 2000 to 2200 are within chrono's range")
}

/// The moment as the vocabulary has it.
pub fn timestamp(at: DateTime<Utc>) -> Timestamp {
    Timestamp(at.timestamp_micros())
}

/// The text without NUL characters, which PostgreSQL can't hold.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{FFFD}")) } else { Cow::Borrowed(text) }
}

/// The start of a text, at most `bytes` long, cut between characters.
pub fn head(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// A value as the text of a JSON document that jsonb takes: no NUL in any string.
pub fn json<T: Serialize>(value: &T) -> Result<String, serde_json::Error> {
    let written = serde_json::to_string(value)?;
    if !written.contains("\\u0000") {
        return Ok(written);
    }
    let mut document: Value = serde_json::from_str(&written)?;
    without_nul(&mut document);
    Ok(document.to_string())
}

/// Reads a stored document for a list of the whole fleet: what can't be read is told in the log and left
/// out, because one bad row must not keep the others from anybody.
pub fn readable<T: DeserializeOwned>(document: Value, what: &'static str, of: Uuid) -> Option<T> {
    legible(serde_json::from_value(document), what, of)
}

/// What could be read; the failure goes to the log.
pub fn legible<T, E: std::fmt::Display>(read: Result<T, E>, what: &'static str, of: Uuid) -> Option<T> {
    read.inspect_err(|error| tracing::warn!(id = %of, what, %error, "left out a row that can't be read")).ok()
}

fn without_nul(value: &mut Value) {
    match value {
        Value::String(string) => {
            if string.contains('\0') {
                *string = string.replace('\0', "\u{FFFD}");
            }
        }
        Value::Array(items) => items.iter_mut().for_each(without_nul),
        Value::Object(members) => {
            let has_bad_name = members.keys().any(|name| name.contains('\0'));
            if has_bad_name {
                let old = std::mem::take(members);
                members.extend(old.into_iter().map(|(name, item)| (name.replace('\0', "\u{FFFD}"), item)));
            }
            members.values_mut().for_each(without_nul);
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// A count as the store holds it. Counts near the limit come from broken counters only; the clamp leaves
/// room so that sums of them still fit.
pub fn count(count: u64) -> i64 {
    const MOST: i64 = i64::MAX >> 20;
    i64::try_from(count).unwrap_or(MOST).min(MOST)
}

/// A measure as the store holds it: finite, not negative, and small enough that sums stay finite. No window's
/// time in ms comes near the bound, nor does its square, nor a planner's cost but that of a switched-off plan.
pub fn measure(measure: f64) -> f64 {
    const MOST: f64 = 1e30;
    if measure.is_finite() { measure.clamp(0.0, MOST) } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_with_nul_is_left() {
        assert_eq!(text("a\0b"), "a\u{FFFD}b");
        let value = serde_json::json!({"a\0": ["x\0", {"b": "\0"}], "c": "\\u0000"});
        let written = json(&value).unwrap();
        let read: Value = serde_json::from_str(&written).unwrap();
        assert_eq!(read, serde_json::json!({"a\u{FFFD}": ["x\u{FFFD}", {"b": "\u{FFFD}"}], "c": "\\u0000"}));
    }

    #[test]
    fn broken_clocks_and_counters_fit() {
        assert_eq!(timestamp(moment(Timestamp(i64::MIN))), EARLIEST);
        assert_eq!(timestamp(moment(Timestamp(i64::MAX))), LATEST);
        assert_eq!(timestamp(moment(Timestamp(1_700_000_000_123_456))), Timestamp(1_700_000_000_123_456));
        assert!(count(u64::MAX).checked_mul(1_000_000).is_some());
        assert_eq!(measure(f64::NAN), 0.0);
        assert_eq!(measure(f64::INFINITY), 0.0);
        assert_eq!(measure(-1.0), 0.0);
        assert!((measure(f64::MAX) * 1e6).is_finite());
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        assert_eq!(head("aä", 2), "a");
        assert_eq!(head("aä", 3), "aä");
        assert_eq!(head("aä", 300), "aä");
    }
}
