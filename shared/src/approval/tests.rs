use uuid::Uuid;

use super::*;
use crate::change::coins::CoinSeed;
use crate::change::switchback::Switchback;
use crate::change::trial::TrialTerms;
use crate::change::{Change, CreateIndex, IndexKey, TableName};
use crate::dialect::postgres::render;

fn rendered() -> Rendered {
    let index = CreateIndex {
        database: "shop".into(),
        table: TableName { schema: "public".into(), name: "orders".into() },
        name: "qs_orders_customer_id_deadbeef".into(),
        keys: vec![IndexKey { column: "customer_id".into(), descending: false }],
        include: Vec::new(),
    };
    render(&Change::CreateIndex(index), Limits::INDEX_BUILD).unwrap()
}

fn approval(rendered: &Rendered) -> Approval<'_> {
    Approval {
        change: ChangeId(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_dead_beef)),
        instance: InstanceId(Uuid::from_u128(7)),
        system_identifier: "7300000000000000001",
        database: "shop",
        rendered,
        limits: Limits::INDEX_BUILD,
        expires_at: Timestamp(1_800_000_000_000_001),
    }
}

#[test]
fn the_text_is_as_pinned() {
    assert_eq!(approval(&rendered()).text(), include_str!("expected.txt"));
}

#[test]
fn only_whole_texts_are_to_be_signed() {
    let rendered = rendered();
    for text in [approval(&rendered).text(), approval(&rendered).undo_text()] {
        assert!(is_signable(&text));
        assert!(!is_signable(text.trim_end()));
    }
    assert!(!is_signable("\"Querysmith approval, format 1\\n"));
    assert!(!is_signable("Querysmith approval, format 2\n"));
    assert!(!is_signable(""));
}

#[test]
fn any_difference_is_another_text() {
    let (plain, empty) = (rendered(), String::new());
    let with = |change: fn(&mut Rendered)| {
        let mut other = rendered();
        change(&mut other);
        other
    };
    let others = [
        with(|text| text.apply.truncate(2)),
        with(|text| text.apply[0].push('1')),
        // Two statements, or one of two lines; one group, or the next.
        with(|text| {
            let last = text.apply.pop().unwrap();
            text.apply[1].push_str(&format!("\n{last}"));
        }),
        with(|text| {
            let last = text.apply.pop().unwrap();
            text.undo.insert(0, last);
        }),
        with(|text| text.verify.push('\n')),
        with(|text| text.undo.clear()),
        with(|text| text.terms.clear()),
        // What looks like the next title.
        with(|text| text.apply[2].push_str("\nverify 1:")),
    ];
    let trial = TrialTerms { on_partition: OnPartition::Revert, ..TrialTerms::DEFAULT };
    let this = approval(&plain);
    let mut texts = vec![
        this.text(),
        Approval { change: ChangeId(Uuid::from_u128(1)), ..this }.text(),
        Approval { instance: InstanceId(Uuid::from_u128(1)), ..this }.text(),
        Approval { system_identifier: &empty, ..this }.text(),
        Approval { database: "shop\ndatabase: shop2", ..this }.text(),
        Approval { database: "shop\\ndatabase: shop2", ..this }.text(),
        Approval { expires_at: Timestamp(1_800_000_000_000_002), ..this }.text(),
        this.undo_text(),
        Approval { limits: Limits { lock_wait_ms: 1, ..this.limits }, ..this }.text(),
        Approval { limits: Limits { duration_ms: 1, ..this.limits }, ..this }.text(),
        Approval { limits: Limits { trial, ..this.limits }, ..this }.text(),
        Approval { limits: Limits { trial: TrialTerms { lease_s: 1, ..trial }, ..this.limits }, ..this }
            .text(),
        Approval { limits: Limits { trial: TrialTerms { longest_s: 1, ..trial }, ..this.limits }, ..this }
            .text(),
    ];
    let plan = Switchback { window_s: 300, washout_s: 60, most_pairs: 60, seed: CoinSeed([1; 32]) };
    let plans = [
        plan,
        Switchback { window_s: 301, ..plan },
        Switchback { washout_s: 61, ..plan },
        Switchback { most_pairs: 61, ..plan },
        Switchback { seed: CoinSeed([2; 32]), ..plan },
    ];
    texts.extend(plans.map(|plan| {
        let trial = TrialTerms { switchback: Some(plan), ..trial };
        Approval { limits: Limits { trial, ..this.limits }, ..this }.text()
    }));
    texts.extend(others.iter().map(|other| approval(other).text()));
    let count = texts.len();
    texts.sort();
    texts.dedup();
    assert_eq!(texts.len(), count);
}

#[test]
fn what_would_hide_is_written_out() {
    // Right-to-left override, zero-width space, a carriage return that would overwrite its line.
    assert_eq!(escaped("a\u{202e}b\u{200b}\rc\\d\ne"), "a\\u{202e}b\\u{200b}\\u{d}c\\\\d\ne");
    assert_eq!(escaped("Größe 数量 🙂"), "Größe 数量 🙂");
    let text = Approval { database: "x\ny", ..approval(&rendered()) }.text();
    assert!(text.contains("database: x\\ny\n"), "{text}");
}

#[test]
fn a_signature_keeps_its_bytes() {
    let bytes = std::array::from_fn(|at| u8::try_from(at).unwrap());
    let signature = Signature::new(PublicKey([9; 32]), bytes);
    assert_eq!(signature.bytes(), bytes);
}
