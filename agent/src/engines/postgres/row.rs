//! Reads columns from the binary protocol directly: no type negotiation for each value of thousands of rows.

use querysmith_shared::timestamp::Timestamp;
use sqlx::postgres::PgRow;
use sqlx::{Row, ValueRef};

/// Microseconds from 1970-01-01 to PostgreSQL's epoch, 2000-01-01.
const POSTGRES_EPOCH: i64 = 946_684_800_000_000;

/// The bytes of column `index`; `None` for NULL.
fn bytes(row: &PgRow, index: usize) -> Result<Option<&[u8]>, sqlx::Error> {
    let value = row.try_get_raw(index)?;
    if value.is_null() {
        return Ok(None);
    }
    value.as_bytes().map(Some).map_err(sqlx::Error::Decode)
}

fn wrong(index: usize, expected: &str) -> sqlx::Error {
    sqlx::Error::Decode(format!("column {index} is not {expected}").into())
}

/// A whole number of any width, oids included; `None` for NULL.
pub(crate) fn int(row: &PgRow, index: usize) -> Result<Option<i64>, sqlx::Error> {
    let Some(bytes) = bytes(row, index)? else { return Ok(None) };
    match *bytes {
        [a, b] => Ok(Some(i64::from(i16::from_be_bytes([a, b])))),
        [a, b, c, d] => Ok(Some(i64::from(i32::from_be_bytes([a, b, c, d])))),
        [a, b, c, d, e, f, g, h] => Ok(Some(i64::from_be_bytes([a, b, c, d, e, f, g, h]))),
        _ => Err(wrong(index, "a whole number")),
    }
}

/// A count; NULL and negative numbers are 0.
pub(crate) fn count(row: &PgRow, index: usize) -> Result<u64, sqlx::Error> {
    Ok(u64::try_from(int(row, index)?.unwrap_or(0)).unwrap_or(0))
}

/// An object id; NULL is 0.
pub(crate) fn oid(row: &PgRow, index: usize) -> Result<u32, sqlx::Error> {
    match bytes(row, index)? {
        None => Ok(0),
        Some(&[a, b, c, d]) => Ok(u32::from_be_bytes([a, b, c, d])),
        Some(_) => Err(wrong(index, "an object id")),
    }
}

/// A floating-point number of either width; `None` for NULL.
pub(crate) fn float(row: &PgRow, index: usize) -> Result<Option<f64>, sqlx::Error> {
    let Some(bytes) = bytes(row, index)? else { return Ok(None) };
    match *bytes {
        [a, b, c, d] => Ok(Some(f64::from(f32::from_be_bytes([a, b, c, d])))),
        [a, b, c, d, e, f, g, h] => Ok(Some(f64::from_be_bytes([a, b, c, d, e, f, g, h]))),
        _ => Err(wrong(index, "a floating-point number")),
    }
}

/// A truth value; NULL is false.
pub(crate) fn bool(row: &PgRow, index: usize) -> Result<bool, sqlx::Error> {
    Ok(bytes(row, index)?.is_some_and(|bytes| bytes.first() == Some(&1)))
}

/// A text; `None` for NULL. What is not UTF-8 in it is replaced.
pub(crate) fn text(row: &PgRow, index: usize) -> Result<Option<String>, sqlx::Error> {
    Ok(bytes(row, index)?.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
}

/// A text; NULL is empty.
pub(crate) fn string(row: &PgRow, index: usize) -> Result<String, sqlx::Error> {
    Ok(text(row, index)?.unwrap_or_default())
}

/// A `timestamptz`; `None` for NULL and for infinity.
pub(crate) fn timestamp(row: &PgRow, index: usize) -> Result<Option<Timestamp>, sqlx::Error> {
    let micros = int(row, index)?.filter(|micros| !matches!(*micros, i64::MIN | i64::MAX));
    Ok(micros.map(|micros| Timestamp(micros.saturating_add(POSTGRES_EPOCH))))
}

/// A `text[]`, `oid[]` or `int4[]` as its elements' bytes; NULL is empty.
fn elements(row: &PgRow, index: usize) -> Result<Vec<Option<&[u8]>>, sqlx::Error> {
    let Some(mut rest) = bytes(row, index)? else { return Ok(Vec::new()) };
    let mut take = |length: usize| {
        let taken = rest.get(..length).ok_or_else(|| wrong(index, "an array"))?;
        rest = &rest[length..];
        Ok::<&[u8], sqlx::Error>(taken)
    };
    let word = |bytes: &[u8]| i32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
    let dimensions = word(take(4)?);
    take(8)?;
    if dimensions == 0 {
        return Ok(Vec::new());
    }
    if dimensions != 1 {
        return Err(wrong(index, "an array of one dimension"));
    }
    let length = word(take(4)?);
    take(4)?;
    let mut items = Vec::new();
    for _ in 0..length {
        items.push(match usize::try_from(word(take(4)?)) {
            Ok(size) => Some(take(size)?),
            Err(_) => None,
        });
    }
    Ok(items)
}

/// A `text[]`; NULLs in it are empty.
pub(crate) fn strings(row: &PgRow, index: usize) -> Result<Vec<String>, sqlx::Error> {
    let items = elements(row, index)?.into_iter();
    Ok(items.map(|item| String::from_utf8_lossy(item.unwrap_or_default()).into_owned()).collect())
}

/// An `int4[]`; NULLs in it are 0.
pub(crate) fn ints(row: &PgRow, index: usize) -> Result<Vec<i32>, sqlx::Error> {
    let items = elements(row, index)?.into_iter();
    Ok(items
        .map(|item| match item {
            Some(&[a, b, c, d]) => i32::from_be_bytes([a, b, c, d]),
            _ => 0,
        })
        .collect())
}

/// A `float4[]`; NULLs in it are 0.
pub(crate) fn floats(row: &PgRow, index: usize) -> Result<Vec<f64>, sqlx::Error> {
    let items = elements(row, index)?.into_iter();
    Ok(items
        .map(|item| match item {
            Some(&[a, b, c, d]) => f64::from(f32::from_be_bytes([a, b, c, d])),
            _ => 0.0,
        })
        .collect())
}
