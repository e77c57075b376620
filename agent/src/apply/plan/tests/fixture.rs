//! One change, and the ground it stands on.

use std::time::Duration;

use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::{Change, CreateIndex, IndexKey, TableName, index_name};
use querysmith_shared::dialect::postgres::render;
use querysmith_shared::id::{ChangeId, InstanceId};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::Apply;
use uuid::Uuid;

use crate::apply::ground::{KindOfPreImage, PreImage, TablePreImage};

pub(super) const CHANGE: ChangeId = ChangeId(Uuid::from_u128(1));

pub(super) fn pre_image() -> PreImage {
    let kind = KindOfPreImage::NoIndex {
        keys: vec![2],
        include: Vec::new(),
        estimated_bytes: 1,
        free_bytes: None,
        note: None,
    };
    PreImage::Table(TablePreImage { table_oid: 1, rows: Some(1), bytes: 1, kind })
}

pub(super) fn order() -> Apply {
    let change = CHANGE;
    let table = TableName { schema: "public".into(), name: "orders".into() };
    let keys = vec![IndexKey { column: "customer_id".into(), descending: false }];
    let name = index_name(change, &table, &keys);
    let what =
        Change::CreateIndex(CreateIndex { database: "shop".into(), table, name, keys, include: Vec::new() });
    let limits = Limits::INDEX_BUILD;
    let digest = render(&what, limits).unwrap().digest("shop");
    Apply {
        change,
        instance: InstanceId(Uuid::from_u128(2)),
        system_identifier: "1".into(),
        what,
        limits,
        digest,
        approved_by: "Dana".into(),
        expires_at: Timestamp(0).after(Duration::from_secs(86_400)),
        signatures: Vec::new(),
        fence: Fence::default(),
    }
}
