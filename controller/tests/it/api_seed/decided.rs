//! What is wrong, what is proposed, and what became of it.

use chrono::{TimeDelta, Utc};
use querysmith_advice::finding::EvidenceItem;
use querysmith_advice::interval::Interval;
use querysmith_advice::measure::effect::{Effect, MeasuredStatement, Role, Sample, Verdict};
use querysmith_advice::propose::draft::{DurationEstimate, ProposalDraft, StatementEffect, StatementVerdict};
use querysmith_advice::propose::how_tried::HowTried;
use querysmith_controller::store::Store;
use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::{Change, ChangeKind, CreateIndex, IndexKey, TableName, index_name};
use querysmith_shared::dialect::postgres;
use querysmith_shared::hex;
use querysmith_shared::id::{ChangeId, FindingId, InstanceId, ProposalId};
use serde_json::json;
use uuid::Uuid;

use super::{CONTROL, HOT, document, stamp};

pub(super) async fn finding(store: &Store, instance: InstanceId) -> FindingId {
    let id = FindingId(Uuid::now_v7());
    let evidence = vec![EvidenceItem::new("rows read", "1,000,000", "plan")];
    sqlx::query(
        "INSERT INTO finding (finding_id, instance_id, kind, severity, statement_id, database, object, title, summary,
                              advice, evidence, time_share, lost_ms_per_hour, first_seen_at, last_seen_at)
         VALUES ($1, $2, 'missing_index', 'critical', $3, 'shop', 'public.orders', 'orders are read one by one',
                 'Every call reads the table.', 'Build an index.', $4, 0.75, 1800000, now() - interval '1 hour', now())",
    )
    .bind(id.0)
    .bind(instance.0)
    .bind(HOT.0)
    .bind(document(&evidence))
    .execute(&store.pool)
    .await
    .unwrap();
    id
}

/// A proposal that was put in.
pub(crate) struct Sown {
    pub(crate) id: ProposalId,
    pub(crate) change: ChangeId,
    pub(crate) digest: String,
    pub(crate) what: Change,
    pub(crate) instance: InstanceId,
}

pub(crate) async fn proposal(
    store: &Store,
    instance: InstanceId,
    finding: FindingId,
    state: &str,
    life: TimeDelta,
) -> Sown {
    let (id, change) = (ProposalId(Uuid::now_v7()), ChangeId(Uuid::now_v7()));
    let table = TableName { schema: "public".into(), name: "orders".into() };
    let keys = vec![IndexKey { column: "customer_id".into(), descending: false }];
    let name = index_name(change, &table, &keys);
    let what =
        Change::CreateIndex(CreateIndex { database: "shop".into(), table, name, keys, include: Vec::new() });
    let limits = Limits::INDEX_BUILD;
    let rendered = postgres::render(&what, limits).unwrap();
    let digest = rendered.digest("shop");
    let draft = draft(change, instance, finding, what.clone());
    sqlx::query(
        "INSERT INTO proposal (proposal_id, instance_id, kind, state, title, reason, change_id, what, subject, limits,
                               system_identifier, sql, digest, evidence, evidence_digest, draft, simulated,
                               model_version, created_at, expires_at)
         VALUES ($1, $2, 'create_index', $3, $4, $5, $6, $7, $8, $9, '7', $10, $11, $12, 'e1', $13, true, 1, now(), $14)",
    )
    .bind(id.0)
    .bind(instance.0)
    .bind(state)
    .bind(&draft.title)
    .bind(&draft.reason)
    .bind(change.0)
    .bind(document(&what))
    .bind(change.to_string())
    .bind(document(&limits))
    .bind(json!({ "apply": rendered.apply, "verify": rendered.verify, "undo": rendered.undo }))
    .bind(digest.as_slice())
    .bind(document(&draft.evidence))
    .bind(document(&draft))
    .bind(Utc::now() + life)
    .execute(&store.pool)
    .await
    .unwrap();
    sqlx::query("INSERT INTO proposal_finding (proposal_id, finding_id) VALUES ($1, $2)")
        .bind(id.0)
        .bind(finding.0)
        .execute(&store.pool)
        .await
        .unwrap();
    let digest = hex::encode(&digest);
    Sown { id, change, digest, what, instance }
}

fn draft(change_id: ChangeId, instance: InstanceId, finding: FindingId, what: Change) -> ProposalDraft {
    let predicted = Interval { estimate: -0.9, low: -0.97, high: -0.6 };
    ProposalDraft {
        change_id,
        instance,
        change: what,
        kind: ChangeKind::CreateIndex,
        title: "Index orders by customer_id".into(),
        reason: "Every call reads the whole table.".into(),
        finding_ids: vec![finding],
        evidence: vec![EvidenceItem::new("cost", "27,346 → 12", "hypopg")],
        statements: vec![StatementEffect {
            statement_id: HOT,
            time_share: 0.75,
            cost_before: Some(27_346.0),
            cost_after: Some(12.0),
            predicted: Some(predicted),
            verdict: StatementVerdict::Helps,
            uses_index: true,
        }],
        predicted: Some(predicted),
        cost_log_ratio: Some(-7.7),
        simulated: true,
        not_simulated_reason: None,
        size_bytes: Some(30_000_000),
        write_cost: "one more index entry for each insert".into(),
        entries_per_hour: Some(100.0),
        lock: "SHARE UPDATE EXCLUSIVE: reads and writes go on".into(),
        duration_estimate_s: Some(DurationEstimate { low: 1.0, high: 10.0 }),
        tried: HowTried::BeforeAfter,
        risks: vec!["it takes 30 MB of disk".into()],
        evidence_digest: "e1".into(),
        model_version: 1,
    }
}

/// A change that came of a proposal, with a measured effect.
pub(crate) async fn change(store: &Store, proposal: &Sown, state: &str) -> ChangeId {
    let sample = |mean_ms, calls| Some(Sample { calls, mean_ms, blocks_per_call: 10.0 });
    let measured = |statement_id, role, after| MeasuredStatement {
        statement_id,
        role,
        before: sample(300.0, 3_000),
        after: sample(after, 3_000),
        effect: Some(Interval { estimate: -0.9, low: -0.95, high: -0.8 }),
    };
    let effect = Effect {
        estimate: -0.9,
        low: -0.95,
        high: -0.8,
        blocks: None,
        controls: Some(Interval { estimate: 0.0, low: -0.01, high: 0.01 }),
        verdict: Verdict::Helped,
        windows_before: 40,
        windows_after: 20,
        statements: vec![measured(HOT, Role::Touched, 30.0), measured(CONTROL, Role::Control, 300.0)],
        method: "against one control".into(),
        shortage: None,
        early_harm: false,
        measured_at: stamp(Utc::now()),
    };
    sqlx::query(
        "INSERT INTO change (change_id, proposal_id, instance_id, kind, title, what, state, state_since, object_name,
                             created_at, applied_at, verified_at, effect, effect_at, verdict)
         VALUES ($1, $2, $3, 'create_index', 'Index orders by customer_id', $4, $5, now(), 'public.qs_orders', now(),
                 now() - interval '10 minutes', now() - interval '9 minutes', $6, now(), 'helped')",
    )
    .bind(proposal.change.0)
    .bind(proposal.id.0)
    .bind(proposal.instance.0)
    .bind(document(&proposal.what))
    .bind(state)
    .bind(document(&effect))
    .execute(&store.pool)
    .await
    .unwrap();
    proposal.change
}
