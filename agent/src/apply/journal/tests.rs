use std::fs;

use querysmith_shared::change::limits::Limits;
use querysmith_shared::change::{Analyze, Change, TableName};
use querysmith_shared::id::InstanceId;
use querysmith_shared::wire::fence::Fence;
use querysmith_shared::wire::order::Apply;
use redb::{Database, ReadableTable, TableDefinition};
use tempfile::TempDir;
use uuid::Uuid;

use super::*;

const LINES: TableDefinition<'_, u64, &[u8]> = TableDefinition::new("lines");

fn change(number: u128) -> ChangeId {
    ChangeId(Uuid::from_u128(number))
}

fn received(change: ChangeId) -> Event {
    let table = TableName { schema: "public".into(), name: "orders".into() };
    Event::Received {
        order: Box::new(Apply {
            change,
            instance: InstanceId(Uuid::from_u128(9)),
            system_identifier: "1".into(),
            what: Change::Analyze(Analyze { database: "shop".into(), table }),
            limits: Limits::ANALYZE,
            digest: [3; 32],
            approved_by: "Dana".into(),
            expires_at: Timestamp(50),
            signatures: Vec::new(),
            fence: Fence::default(),
        }),
        signed_by: Vec::new(),
    }
}

fn aborted() -> Event {
    Event::Aborted { reason: "no more wanted".into() }
}

/// A journal of two changes and three lines.
fn filled() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.record(change(1), None, Timestamp(10), received(change(1))).unwrap();
    journal.record(change(2), None, Timestamp(11), received(change(2))).unwrap();
    journal.record(change(1), Some(ChangeState::Received), Timestamp(12), aborted()).unwrap();
    directory
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let directory = filled();
    let journal = Journal::open(directory.path()).unwrap();
    assert_eq!(journal.state(change(1)), Some(ChangeState::Aborted));
    assert_eq!(journal.open_changes(), [change(2)]);
    let history = journal.history(change(1)).unwrap();
    assert_eq!(history.iter().map(|entry| entry.sequence).collect::<Vec<_>>(), [1, 3]);
    let record = journal.change(change(1)).unwrap().unwrap();
    assert_eq!(
        (record.state, record.since, record.last.as_str()),
        (ChangeState::Aborted, Timestamp(12), "no more wanted")
    );
    assert_eq!(journal.change(change(3)).unwrap(), None);
    assert_eq!(journal.after(1, 10).unwrap().len(), 2);
    assert_eq!(journal.verify_chain().unwrap().sequence, 3);
}

#[test]
fn a_line_is_only_added_in_the_state_it_was_decided_in() {
    let directory = filled();
    let journal = Journal::open(directory.path()).unwrap();
    let record = |change, from, event| journal.record(change, from, Timestamp(20), event);
    assert!(matches!(record(change(1), None, received(change(1))), Err(RecordError::Moved)));
    assert!(matches!(record(change(1), Some(ChangeState::Received), aborted()), Err(RecordError::Moved)));
    let stuck = Event::Stuck { reason: "odd".into() };
    assert!(matches!(record(change(2), Some(ChangeState::Received), stuck), Err(RecordError::Illegal(_))));
    assert!(matches!(record(change(4), None, aborted()), Err(RecordError::Illegal(_))));
    assert_eq!(journal.state(change(2)), Some(ChangeState::Received));
}

#[test]
fn the_mark_of_what_was_reported_stays() {
    let directory = filled();
    let journal = Journal::open(directory.path()).unwrap();
    assert_eq!(journal.reported().unwrap(), 0);
    assert!(journal.set_reported(0, 2).unwrap());
    assert!(!journal.set_reported(1, 3).unwrap(), "the mark was moved by somebody else");
    journal.record(change(2), Some(ChangeState::Received), Timestamp(13), aborted()).unwrap();
    drop(journal);
    assert_eq!(Journal::open(directory.path()).unwrap().reported().unwrap(), 2);
}

#[test]
fn a_journal_is_never_made_twice() {
    let directory = filled();
    fs::remove_file(directory.path().join("journal.redb")).unwrap();
    assert!(matches!(Journal::open(directory.path()), Err(JournalError::Missing { .. })));
    assert!(!directory.path().join("journal.redb").exists());
}

#[test]
fn a_journal_that_was_not_finished_is_begun_anew() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("journal.new"), "half a journal").unwrap();
    let journal = Journal::open(directory.path()).unwrap();
    journal.record(change(1), None, Timestamp(10), received(change(1))).unwrap();
    assert!(!directory.path().join("journal.new").exists());
}

#[test]
fn a_journal_that_cannot_be_read_is_left_as_it_is() {
    let directory = filled();
    let path = directory.path().join("journal.redb");
    fs::write(&path, "this is no journal").unwrap();
    assert!(matches!(Journal::open(directory.path()), Err(JournalError::Unusable { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"this is no journal");
}

#[test]
fn two_processes_cannot_write_one_journal() {
    let directory = filled();
    let _journal = Journal::open(directory.path()).unwrap();
    assert!(matches!(Journal::open(directory.path()), Err(JournalError::InUse(_))));
}

/// Changes the stored lines behind the journal's back and checks what it says about it.
#[track_caller]
fn tampered(tamper: impl FnOnce(&mut redb::Table<'_, u64, &'static [u8]>), expected_line: u64) {
    let directory = filled();
    let database = Database::open(directory.path().join("journal.redb")).unwrap();
    let transaction = database.begin_write().unwrap();
    tamper(&mut transaction.open_table(LINES).unwrap());
    transaction.commit().unwrap();
    drop(database);
    match Journal::open(directory.path()) {
        Err(JournalError::Broken { sequence, .. }) => assert_eq!(sequence, expected_line),
        other => panic!("{other:?}"),
    }
}

#[test]
fn edited_removed_swapped_added_and_cut_lines_are_noticed() {
    let line = |lines: &redb::Table<'_, u64, &'static [u8]>, at: u64| {
        lines.get(at).unwrap().unwrap().value().to_vec()
    };
    tampered(
        |lines| {
            let text = String::from_utf8_lossy(&line(lines, 2)[32..]).replace("Dana", "Mara");
            let edited = [&line(lines, 2)[..32], text.as_bytes()].concat();
            lines.insert(2, edited.as_slice()).unwrap();
        },
        2,
    );
    tampered(|lines| drop(lines.remove(2).unwrap()), 2);
    tampered(
        |lines| {
            let (first, second) = (line(lines, 1), line(lines, 2));
            lines.insert(1, second.as_slice()).unwrap();
            lines.insert(2, first.as_slice()).unwrap();
        },
        1,
    );
    tampered(
        |lines| {
            let third = line(lines, 3);
            lines.insert(4, third.as_slice()).unwrap();
        },
        4,
    );
    tampered(|lines| drop(lines.remove(3).unwrap()), 3);
    tampered(|lines| drop(lines.insert(3, [0_u8; 10].as_slice()).unwrap()), 3);
}

#[test]
fn a_stored_line_reads_as_it_did_when_it_was_released() {
    // Journals outlive agents: this text must be readable for ever.
    let text = r#"{"sequence":3,"change":"00000000-0000-0000-0000-000000000001","at":12,"state":"armed","event":
        {"event":"armed","apply":["CREATE"],"verify":"SELECT","undo":["DROP"],"pre_image":
        {"table_oid":5,"rows":7,"bytes":8,"kind":
        {"kind":"no_index","keys":[1],"include":[],"estimated_bytes":9,"free_bytes":null,"note":null}}}}"#;
    let entry: Entry = serde_json::from_str(text).unwrap();
    assert_eq!((entry.state, entry.event.name()), (ChangeState::Armed, "armed"));
    let written = serde_json::to_value(&entry).unwrap();
    assert_eq!(written, serde_json::from_str::<serde_json::Value>(text).unwrap());
}
