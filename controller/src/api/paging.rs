//! Lists in pages. A cursor says where the last page ended, by the values of its last row, so that rows
//! that come or go meanwhile neither repeat others nor hide them.

use querysmith_shared::hex;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::problem::Problem;

/// Rows of a page unless asked otherwise.
pub const DEFAULT_LIMIT: u32 = 50;
/// Most rows of a page: more than a screen shows, few enough to answer at once.
pub const MAX_LIMIT: u32 = 200;
/// Longest cursor that is read; ours are far shorter.
const MAX_CURSOR_CHARS: usize = 2_000;

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Page<T> {
    /// The rows.
    pub items: Vec<T>,
    /// Give it back as `cursor` for the next page; null on the last.
    pub next_cursor: Option<String>,
    /// Rows of all pages together.
    pub total: i64,
}

impl<T> Page<T> {
    /// The same page with every row written in another way.
    pub fn map<U>(self, write: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(write).collect(),
            next_cursor: self.next_cursor,
            total: self.total,
        }
    }
}

/// How many rows to answer, or why the number is refused.
pub fn limit(asked: Option<u32>) -> Result<u32, Problem> {
    match asked {
        None => Ok(DEFAULT_LIMIT),
        Some(0) => Err(Problem::bad_field("limit", "limit must be at least 1")),
        Some(limit) if limit > MAX_LIMIT => {
            Err(Problem::bad_field("limit", format!("limit must be at most {MAX_LIMIT}"))
                .hint("read further pages with cursor"))
        }
        Some(limit) => Ok(limit),
    }
}

/// Makes a page of rows read one beyond `limit`: the extra one only says that there is a next page.
pub fn page<T, K: Serialize>(mut rows: Vec<T>, limit: u32, total: i64, key: impl Fn(&T) -> K) -> Page<T> {
    let limit = limit as usize;
    let more = rows.len() > limit;
    rows.truncate(limit);
    let next_cursor = if more { rows.last().map(|row| encode(&key(row))) } else { None };
    Page { items: rows, next_cursor, total }
}

/// Writes a key as a cursor.
pub fn encode<K: Serialize>(key: &K) -> String {
    hex::encode(&serde_json::to_vec(key).unwrap_or_default())
}

/// Reads a cursor back as a key.
pub fn decode<K: DeserializeOwned>(cursor: Option<&str>) -> Result<Option<K>, Problem> {
    let Some(cursor) = cursor else { return Ok(None) };
    let bad = || {
        Problem::bad_field("cursor", "this cursor is not one of this list")
            .hint("start again without a cursor")
    };
    if cursor.len() > MAX_CURSOR_CHARS || !cursor.is_ascii() || cursor.len() % 2 != 0 {
        return Err(bad());
    }
    let mut bytes = Vec::with_capacity(cursor.len() / 2);
    for at in (0..cursor.len()).step_by(2) {
        bytes.push(u8::from_str_radix(&cursor[at..at + 2], 16).map_err(|_| bad())?);
    }
    serde_json::from_slice(&bytes).map(Some).map_err(|_| bad())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_survives_the_way_out_and_back() {
        let key = ("2026-01-01T00:00:00Z".to_owned(), f64::MIN_POSITIVE.to_bits());
        assert_eq!(decode::<(String, u64)>(Some(&encode(&key))).unwrap(), Some(key));
        assert_eq!(decode::<u8>(None).unwrap(), None);
    }

    #[test]
    fn what_is_no_cursor_is_refused_with_its_field() {
        for text in ["", "x", "zz", "+1", "7b", "ä1", "5b315d00"] {
            let problem = decode::<(String, u64)>(Some(text)).unwrap_err();
            assert_eq!((problem.status, problem.field.as_deref()), (400, Some("cursor")), "{text}");
        }
        assert!(decode::<Vec<u64>>(Some(&"31".repeat(MAX_CURSOR_CHARS))).is_err());
    }

    #[test]
    fn the_extra_row_becomes_the_cursor_of_the_last_shown() {
        let full = page(vec![1, 2, 3], 2, 3, |row| *row);
        assert_eq!(full.items, [1, 2]);
        assert_eq!(decode::<i32>(full.next_cursor.as_deref()).unwrap(), Some(2));
        assert_eq!(page(vec![1, 2], 2, 2, |row| *row).next_cursor, None);
    }

    #[test]
    fn limits_are_kept() {
        assert_eq!(limit(None).unwrap(), DEFAULT_LIMIT);
        assert_eq!(limit(Some(200)).unwrap(), 200);
        assert!(limit(Some(0)).is_err() && limit(Some(201)).is_err());
    }
}
