//! What is written is read again, and what can be read can be written: for values and for bytes.

use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::{Index, select};
use uuid::Uuid;

use super::samples::frames;
use super::samples::orders::{apply, create_index};
use super::samples::reports::{change_report, delta, query_stats, report};
use super::{HEADER_BYTES, read};
use crate::change::lifecycle::ChangeState;
use crate::change::{Change, CreateIndex, DropIndex, IndexKey, TableName};
use crate::id::{ChangeId, InstanceId, StatementId};
use crate::observation::query_stats::{QueryStats, StatementDelta};
use crate::timestamp::Timestamp;
use crate::wire::codec::{Message, decode_body, encode};
use crate::wire::order::{Answer, Apply, Order};
use crate::wire::report::{ChangeReport, Report, ReportBody};

fn statement_deltas() -> impl Strategy<Value = Vec<StatementDelta>> {
    let row = (any::<i64>(), any::<u64>(), any::<u64>(), 0.0..1e12, any::<u64>()).prop_map(
        |(statement, calls, rows, total_ms, wal_bytes)| StatementDelta {
            statement: StatementId(statement),
            calls,
            rows,
            total_ms,
            sum_squares_ms2: total_ms * total_ms,
            wal_bytes,
            ..delta(0)
        },
    );
    vec(row, 0..50)
}

fn indexes() -> impl Strategy<Value = CreateIndex> {
    let keys = vec(("\\PC{1,20}", any::<bool>()), 1..8);
    (".{0,20}", ".{0,20}", keys, vec(".*", 0..4)).prop_map(|(schema, name, keys, include)| CreateIndex {
        table: TableName { schema, name },
        keys: keys.into_iter().map(|(column, descending)| IndexKey { column, descending }).collect(),
        include,
        ..create_index()
    })
}

fn change_reports() -> impl Strategy<Value = ChangeReport> {
    let state = select(ChangeState::ALL.to_vec());
    (any::<u128>(), state, any::<i64>(), ".*", proptest::option::of(".*"), proptest::option::of(any::<u64>()))
        .prop_map(|(change, state, at, detail, sql, duration_ms)| ChangeReport {
            change: ChangeId(Uuid::from_u128(change)),
            state,
            at: Timestamp(at),
            detail,
            sql,
            duration_ms,
            ..change_report()
        })
}

fn check<M: Message + PartialEq + std::fmt::Debug>(message: &M, message_id: u128) {
    let frame = encode(message, message_id).unwrap();
    let (envelope, _) = read(&frame).unwrap();
    assert_eq!((envelope.kind, envelope.schema, envelope.message_id), (M::KIND, M::SCHEMA, message_id));
    assert_eq!(&decode_body::<M>(&frame[HEADER_BYTES..]).unwrap(), message);
}

proptest! {
    #[test]
    fn reports_survive(rows in statement_deltas(), sequence in any::<u64>(), of in proptest::option::of(any::<u128>())) {
        let body = ReportBody::QueryStats(QueryStats { rows, ..query_stats() });
        let instance = of.map(|id| InstanceId(Uuid::from_u128(id)));
        check(&Report { sequence, instance, ..report(body) }, u128::from(sequence));
    }

    #[test]
    fn orders_survive(index in indexes(), message_id in any::<u128>(), digest in any::<[u8; 32]>()) {
        let covered_by = index.name.clone();
        for what in [Change::CreateIndex(index.clone()), Change::DropIndex(DropIndex { index, covered_by })] {
            check(&Order::Apply(Box::new(Apply { digest, ..apply(what) })), message_id);
        }
    }

    #[test]
    fn change_reports_survive(change in change_reports(), reason in ".*") {
        check(&report(ReportBody::Change(change)), 1);
        check(&Answer::Refused(reason), 2);
    }

    /// A sample with some bytes changed: it can't be read, or what was read can be written and read again.
    #[test]
    fn a_damaged_message_is_an_error_or_another_message(
        sample in any::<Index>(),
        damage in vec((any::<Index>(), any::<u8>()), 1..6),
    ) {
        let frames = frames();
        let mut frame = frames[sample.index(frames.len())].1.clone();
        let end = frame.len();
        for (at, byte) in damage {
            frame[at.index(end)] = byte;
        }
        if let Ok((envelope, body)) = read(&frame) {
            let mut again = frame[..HEADER_BYTES].to_vec();
            again[28..32].copy_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
            again.extend_from_slice(&body);
            let (envelope_again, body_again) = read(&again).expect("what was written can be read");
            prop_assert_eq!(envelope_again.kind, envelope.kind);
            prop_assert_eq!(body_again, body);
        }
    }

    #[test]
    fn random_bytes_are_no_message_and_no_panic(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert!(read(&bytes).is_err());
        for (_, mut frame) in frames() {
            frame.truncate(HEADER_BYTES);
            frame[28..32].copy_from_slice(&u32::try_from(bytes.len()).unwrap().to_le_bytes());
            frame.extend_from_slice(&bytes);
            let _ = read(&frame);
        }
    }
}
