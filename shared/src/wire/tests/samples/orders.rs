//! Everything that an agent can be asked, and what it can answer.

use super::id;
use crate::approval::{PublicKey, Signature};
use crate::change::coins::CoinSeed;
use crate::change::limits::Limits;
use crate::change::parameter::SetParameter;
use crate::change::statistics::{CreateStatistics, SetStatisticsTarget};
use crate::change::switchback::Switchback;
use crate::change::trial::TrialTerms;
use crate::change::{Analyze, Change, CreateIndex, DropIndex, IndexKey, TableName};
use crate::id::{ChangeId, InstanceId, QuestionId, StatementId};
use crate::timestamp::Timestamp;
use crate::wire::fence::Fence;
use crate::wire::order::{
    Answer, Apply, CandidateAnswer, Confirm, Lease, MissingSignatures, Order, Pause, PlannedStatement, Renew,
    Undo, WhatIf, WhatIfAnswer,
};

pub(in crate::wire::tests) fn create_index() -> CreateIndex {
    CreateIndex {
        database: "shop".into(),
        table: TableName { schema: "public".into(), name: "orders".into() },
        name: "qs_orders_customer_id_00000002".into(),
        keys: vec![IndexKey { column: "customer_id".into(), descending: true }],
        include: vec!["total".into()],
    }
}

pub(super) fn fence() -> Fence {
    Fence { epoch: 2, position: 300, hash: [0xba; 32] }
}

fn signature() -> Signature {
    Signature::new(PublicKey([0xcd; 32]), [0xef; 64])
}

pub(in crate::wire::tests) fn apply(what: Change) -> Apply {
    Apply {
        change: ChangeId(id(2)),
        instance: InstanceId(id(1)),
        system_identifier: "7300000000000000001".into(),
        what,
        limits: Limits::INDEX_BUILD,
        digest: [0xab; 32],
        approved_by: "dba".into(),
        expires_at: Timestamp(1_700_000_000_000_000),
        signatures: vec![signature()],
        fence: fence(),
    }
}

pub(super) fn orders() -> Vec<(&'static str, Order)> {
    let analyze = Analyze { database: "shop".into(), table: create_index().table };
    let drop = DropIndex { index: create_index(), covered_by: "orders_by_customer".into() };
    let set = SetParameter {
        name: "work_mem".into(),
        value: "64MB".into(),
        replaces: "8MB".into(),
        before: Some("8MB".into()),
    };
    let statistics = CreateStatistics {
        database: "shop".into(),
        table: create_index().table,
        name: "qs_orders_city_zip_00000002".into(),
        columns: vec!["city".into(), "zip".into()],
    };
    let target = SetStatisticsTarget {
        database: "shop".into(),
        table: create_index().table,
        column: "city".into(),
        target: 500,
        before: Some(200),
    };
    let undo = Undo {
        change: ChangeId(id(2)),
        reason: "harmed".into(),
        signatures: vec![signature()],
        fence: fence(),
    };
    let confirm = Confirm { change: ChangeId(id(2)), reason: "helped".into(), fence: fence() };
    let renew = Renew { changes: vec![ChangeId(id(2)), ChangeId(id(3))], fence: fence() };
    let pause = Pause { change: ChangeId(id(2)), reason: "slow".into(), for_s: 3_600, fence: fence() };
    let tried = Limits {
        trial: TrialTerms {
            switchback: Some(Switchback {
                window_s: 300,
                washout_s: 60,
                most_pairs: 60,
                seed: CoinSeed([9; 32]),
            }),
            ..Limits::PARAMETER.trial
        },
        ..Limits::PARAMETER
    };
    let applied = |apply| Order::Apply(Box::new(apply));
    vec![
        (
            "what_if",
            Order::WhatIf(WhatIf {
                question: QuestionId(id(3)),
                instance: InstanceId(id(1)),
                database: "shop".into(),
                candidates: vec![create_index()],
                statements: vec![StatementId(1), StatementId(-1)],
            }),
        ),
        ("apply_index", applied(apply(Change::CreateIndex(create_index())))),
        ("apply_analyze", applied(Apply { limits: Limits::ANALYZE, ..apply(Change::Analyze(analyze)) })),
        ("apply_drop", applied(apply(Change::DropIndex(drop)))),
        (
            "apply_parameter",
            applied(Apply { limits: Limits::PARAMETER, ..apply(Change::SetParameter(set.clone())) }),
        ),
        ("apply_switchback", applied(Apply { limits: tried, ..apply(Change::SetParameter(set)) })),
        (
            "apply_statistics",
            applied(Apply { limits: Limits::ANALYZE, ..apply(Change::CreateStatistics(statistics)) }),
        ),
        (
            "apply_target",
            applied(Apply { limits: Limits::ANALYZE, ..apply(Change::SetStatisticsTarget(target)) }),
        ),
        ("undo", Order::Undo(undo)),
        ("confirm", Order::Confirm(confirm)),
        ("renew", Order::Renew(renew)),
        ("pause", Order::Pause(pause)),
    ]
}

pub(super) fn answers() -> Vec<(&'static str, Answer)> {
    let planned =
        |cost, plan| PlannedStatement { statement: StatementId(1), cost, uses_candidate: true, plan };
    let candidate = CandidateAnswer {
        estimated_bytes: 1 << 33,
        problem: Some("no such column".into()),
        changed: vec![planned(Ok(12.5), Some("[]".into()))],
    };
    vec![
        ("accepted", Answer::Accepted),
        ("behind", Answer::Behind(fence())),
        (
            "leases",
            Answer::Leases(vec![Lease { change: ChangeId(id(2)), lease_left_s: 900, trial_left_s: 28_800 }]),
        ),
        ("refused", Answer::Refused("not on the allow-list".into())),
        (
            "missing_signatures",
            Answer::MissingSignatures(MissingSignatures {
                needed: 2,
                signed: vec!["dana".into()],
                reason: "one more".into(),
            }),
        ),
        (
            "what_if",
            Answer::WhatIf(WhatIfAnswer {
                question: QuestionId(id(3)),
                not_simulated: Some("no hypopg".into()),
                baseline: vec![planned(Err("unknown statement".into()), None)],
                candidates: vec![candidate],
            }),
        ),
    ]
}
