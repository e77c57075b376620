//! Whether an index may go: that it is the one that was approved, that nothing is lost with it for good, and
//! that another one does its work.

use querysmith_shared::change::{CreateIndex, DropIndex};

use super::{KindOfPreImage, PreImage, TablePreImage, does_the_work, numbers_of, wanted_keys};
use crate::apply::facts::{IndexFacts, Named, TableFacts};

pub(super) fn survey(drop: &DropIndex, table: &TableFacts, named: &Named) -> Result<KindOfPreImage, String> {
    let name = &drop.index.name;
    super::check_rights(super::INDEXES_ON, &drop.index.table, table)?;
    let found = match named {
        Named::Nothing => return Err(format!("there is no index {name}: it is gone already")),
        Named::Other(what) => return Err(format!("the name {name} belongs to {what}")),
        Named::Index(found) => found,
    };
    let (keys, include) = numbers_of(&drop.index, table)?;
    if found.table_oid != table.oid || !is_as_described(&drop.index, &keys, &include, found) {
        return Err(format!("index {name} is another one than was approved: {}", found.definition));
    }
    if !found.usable {
        return Err(format!("index {name} is INVALID or being built: drop it by hand once nobody builds it"));
    }
    if let Some(holds) = &found.holds {
        return Err(format!("index {name} stays: {holds}, which the undo could not bring back"));
    }
    let wanted = wanted_keys(&drop.index, &keys);
    let covers =
        |other: &&IndexFacts| other.name == drop.covered_by && does_the_work(other, &wanted, &include);
    if !table.indexes.iter().any(|other| covers(&other)) {
        return Err(format!(
            "index {} does not do the work of {name} (any more), so {name} stays",
            drop.covered_by
        ));
    }
    Ok(KindOfPreImage::Index {
        keys,
        include,
        definition: found.definition.clone(),
        bytes: found.bytes,
        scans: found.scans,
    })
}

/// Whether `found` is the index that a change with this pre-image drops, or has built again.
pub fn is_the_dropped(index: &CreateIndex, pre_image: &PreImage, found: &IndexFacts) -> bool {
    let PreImage::Table(TablePreImage {
        table_oid, kind: KindOfPreImage::Index { keys, include, .. }, ..
    }) = pre_image
    else {
        return false;
    };
    found.table_oid == *table_oid && is_as_described(index, keys, include, found)
}

fn is_as_described(index: &CreateIndex, keys: &[i16], include: &[i16], found: &IndexFacts) -> bool {
    found.plain && found.keys == wanted_keys(index, keys) && found.include == include
}
