//! How large a b-tree index will be.
//!
//! hypopg's estimate knows nothing of deduplication and was 1.7 to 4.7 times the real size in the benchmark.
//! This one builds the leaf pages as the server's own bulk load does.

use crate::evidence::TableEvidence;

use super::candidate::Candidate;

/// Bytes of a page that hold entries: without its header and the b-tree's own special space.
const PAGE_ROOM: f64 = 8192.0 - 24.0 - 16.0;
/// Leaf pages are filled so far by a build (the fillfactor of b-trees).
const FILL: f64 = 0.9;
/// Header of an entry, and its pointer in the page.
const ENTRY_HEADER: f64 = 8.0;
const ITEM_POINTER: f64 = 4.0;
/// Bytes of one row's address in a posting list.
const ROW_ADDRESS: f64 = 6.0;
/// Largest entry that a build makes by deduplication: a tenth of a page.
const LARGEST_POSTING: f64 = 812.0;
/// Branch pages, as a share of the leaves.
const BRANCHES: f64 = 0.005;
/// First version that deduplicates.
const DEDUPLICATES_FROM: u16 = 13;
/// Width of a column without statistics, bytes.
const UNKNOWN_WIDTH: f64 = 16.0;

/// The size of an index on these columns, bytes, once built.
pub(crate) fn estimate(table: &TableEvidence, candidate: &Candidate, major: u16) -> f64 {
    let rows = table.rows().max(1.0);
    let columns = candidate.keys.iter().map(|key| &key.column).chain(&candidate.include);
    let width: f64 = columns.map(|column| column_width(table, column)).sum();
    let key = (width / 8.0).ceil() * 8.0;
    let duplicates = rows / distinct_keys(table, candidate, rows);
    let plain = ENTRY_HEADER + key + ITEM_POINTER;
    let deduplicates = major >= DEDUPLICATES_FROM && candidate.include.is_empty();
    let per_row = if deduplicates && duplicates >= 2.0 {
        let per_posting = ((LARGEST_POSTING - ENTRY_HEADER - key) / ROW_ADDRESS).floor().max(2.0);
        let postings = (duplicates / per_posting).ceil();
        let addresses = duplicates * ROW_ADDRESS;
        // Every posting list is aligned to eight bytes: four more on average.
        (postings * (plain + 4.0) + addresses) / duplicates
    } else {
        plain
    };
    let leaves = (rows * per_row / (PAGE_ROOM * FILL)).ceil();
    (leaves * (1.0 + BRANCHES) + 2.0).ceil() * 8192.0
}

fn column_width(table: &TableEvidence, column: &str) -> f64 {
    let Some(column) = table.column(column) else { return UNKNOWN_WIDTH };
    let Some(statistics) = column.statistics else { return UNKNOWN_WIDTH };
    let width = f64::from(statistics.average_width.max(1));
    // A variable-width column is aligned by what follows it; a fixed one by its own size.
    if width >= 8.0 { (width / 4.0).ceil() * 4.0 } else { width }
}

/// Distinct combinations of the keys. Columns depend on each other more often than not, so every further
/// column counts only in part; the first counts in full.
fn distinct_keys(table: &TableEvidence, candidate: &Candidate, rows: f64) -> f64 {
    let mut counts: Vec<f64> =
        candidate.keys.iter().map(|key| table.distinct(&key.column).unwrap_or(rows / 10.0)).collect();
    counts.sort_by(|a, b| b.total_cmp(a));
    let mut product = 1.0;
    for (position, count) in counts.into_iter().enumerate() {
        product *= if position == 0 { count } else { count.powf(0.75) };
    }
    product.clamp(1.0, rows)
}

#[cfg(test)]
mod tests {
    use querysmith_shared::change::IndexKey;

    use super::*;
    use crate::testing;

    /// Sizes of indexes really built on the shop's tables by PostgreSQL 15, bytes.
    const BUILT: [(&str, &[&str], &[&str], f64); 15] = [
        ("orders", &["customer_id", "status"], &[], 16_769_024.0),
        ("orders", &["customer_id"], &[], 9_281_536.0),
        ("orders", &["customer_id", "status", "created_at"], &[], 47_988_736.0),
        ("orders", &["status"], &[], 7_053_312.0),
        ("orders", &["created_at"], &[], 22_487_040.0),
        ("orders", &["shipping_country", "created_at"], &[], 31_563_776.0),
        ("order_items", &["order_id"], &[], 49_258_496.0),
        ("order_items", &["product_id"], &[], 21_610_496.0),
        ("orders", &["customer_id"], &["total_cents"], 31_563_776.0),
        ("orders", &["note"], &[], 6_979_584.0),
        ("customers", &["email"], &[], 4_997_120.0),
        ("sessions", &["token"], &[], 6_332_416.0),
        ("reviews", &["customer_id"], &[], 3_129_344.0),
        ("order_items", &["order_id", "product_id"], &[], 94_552_064.0),
        ("orders", &["status", "shipping_country"], &[], 7_077_888.0),
    ];

    #[test]
    fn the_estimate_is_near_what_is_really_built() {
        let tables = testing::shop_tables();
        for (name, keys, include, built) in BUILT {
            let table = tables.iter().find(|table| table.table.name.name == name).unwrap();
            let key = |column: &&str| IndexKey { column: (*column).to_owned(), descending: false };
            let candidate = Candidate {
                keys: keys.iter().map(key).collect(),
                include: include.iter().map(|column| (*column).to_owned()).collect(),
                equality_keys: keys.len(),
            };
            let ratio = estimate(table, &candidate, 15) / built;
            assert!(
                (0.75..=1.3).contains(&ratio),
                "{name} {keys:?} {include:?}: {ratio:.2} of the real size"
            );
        }
    }
}
