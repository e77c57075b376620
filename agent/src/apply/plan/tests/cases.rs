//! The table of decisions, row by row.

use querysmith_shared::change::parameter::SetParameter;
use querysmith_shared::change::{Analyze, Change};

use super::fixture::{order, pre_image};
use super::*;
use crate::apply::ground::TablePreImage;
use crate::apply::journal::entry::Entry;

/// A change that went through these events.
fn record(events: Vec<Event>) -> Record {
    let first = Event::Received { order: Box::new(order()), signed_by: Vec::new() };
    let mut entries: Vec<Entry> = Vec::new();
    for event in std::iter::once(first).chain(events) {
        let state = event.lead(entries.last().map(|entry| entry.state)).unwrap();
        let sequence = entries.len() as u64 + 1;
        entries.push(Entry { sequence, change: order().change, at: Timestamp(0), state, event });
    }
    Record::from_entries(&entries).unwrap()
}

fn armed() -> Vec<Event> {
    let armed = arm(&record(vec![]), &pre_image()).unwrap();
    vec![Event::Armed(Box::new(armed))]
}

fn then(mut events: Vec<Event>, event: Event) -> Vec<Event> {
    events.push(event);
    events
}

fn applying(attempt: u32) -> Vec<Event> {
    then(armed(), Event::Intent { attempt })
}

fn failed() -> Vec<Event> {
    then(applying(1), Event::Failed { reason: "no room".into() })
}

fn on_trial() -> Vec<Event> {
    then(applying(1), Event::Applied { observed: "it".into(), duration_ms: None })
}

fn reverting() -> Vec<Event> {
    then(on_trial(), Event::RevertIntent { reason: "harm".into() })
}

fn ours(object: Object) -> Seen {
    let ground = if object == Object::Before { Ok(pre_image()) } else { Err("the name is taken".into()) };
    Seen::Ours(Box::new(Sight::new(object, ground)))
}

fn whole() -> Seen {
    ours(Object::After("it".into()))
}

fn other() -> Seen {
    ours(Object::Foreign("another index".into()))
}

fn occupied() -> Seen {
    Seen::Occupied { holder: "process 5".into() }
}

fn adoptable(is_idle: bool) -> Seen {
    Seen::Adoptable { pid: 5, is_idle, undoes: false }
}

fn stalled() -> Seen {
    let sight = Sight::new(Object::Before, Ok(pre_image()));
    Seen::Ours(Box::new(Sight { stalled: Some("a transaction of process 5".into()), ..sight }))
}

fn busy() -> Seen {
    let sight = Sight::new(Object::Before, Ok(pre_image()));
    Seen::Ours(Box::new(Sight { busy: Some("standby replica is 31 s behind".into()), ..sight }))
}

fn intruded(object: Object) -> Seen {
    let Seen::Ours(sight) = ours(object) else { unreachable!("it is ours") };
    Seen::Ours(Box::new(Sight { intruder: Some("process 5 of role mallory".into()), ..*sight }))
}

fn view<'a>(record: &'a Record, seen: &'a Seen) -> View<'a> {
    static GRANTED: Permission = Permission::Granted { max_index_bytes: Some(100), signed_by: Vec::new() };
    View {
        record,
        seen,
        permission: &GRANTED,
        waiting: None,
        in_place_for: None,
        now: Timestamp(0),
        latest: Timestamp(0),
    }
}

/// What the step is, in a word or two, and its reason.
fn told(step: &Step) -> String {
    match step {
        Step::Record(event) => format!("record {}: {event}", event.name()),
        Step::Begin(event) => format!("begin: {event}"),
        Step::Remove(event) => format!("remove: {event}"),
        Step::Switch { arm } => format!("switch to {arm:?}"),
        Step::Cancel { pid } => format!("cancel {pid}"),
        Step::End { pid } => format!("end {pid}"),
        Step::Wait { what, reason } => format!("wait {what:?}: {reason}"),
        Step::Rest => "rest".into(),
    }
}

#[track_caller]
fn check(events: Vec<Event>, seen: Seen, expected: &str) {
    let step = plan(view(&record(events), &seen));
    assert!(told(&step).starts_with(expected), "{}", told(&step));
}

#[test]
fn what_has_not_begun() {
    let elsewhere = || Seen::OtherServer { what: "another server".into() };
    check(vec![], ours(Object::Before), "record armed: ready to begin");
    check(vec![], other(), "record rejected: the name is taken");
    check(vec![], elsewhere(), "record rejected: another server");
    check(vec![], Seen::InRecovery, "record rejected: the server is a standby");
    check(
        vec![],
        Seen::NoEntry { why: "wrong password".into() },
        "record rejected: the database doesn't let",
    );
    check(vec![], Seen::Unreachable { why: "refused".into() }, "wait Database");
    check(vec![], occupied(), "wait Scope: the table is in use by process 5");
    check(vec![], adoptable(false), "wait EarlierSession");
    check(armed(), ours(Object::Before), "begin: the statement starts");
    check(armed(), other(), "record rejected");
    check(armed(), stalled(), "wait Transactions: waiting for a transaction of process 5 to end");
}

#[test]
fn what_may_have_begun() {
    check(applying(1), ours(Object::Before), "begin: the statement starts again, attempt 2");
    check(applying(2), ours(Object::Before), "record aborted: the statement was interrupted 2 times");
    check(applying(1), ours(Object::Partial), "record failed: the statement was interrupted");
    check(applying(1), whole(), "record applied");
    check(applying(1), other(), "record aborted: nothing of this change is there, but another index");
    check(applying(1), adoptable(false), "wait EarlierSession");
    check(applying(1), stalled(), "wait Transactions");
    check(applying(1), Seen::InRecovery, "wait Database");
    check(applying(1), Seen::NoEntry { why: "wrong password".into() }, "wait Database");
    check(applying(1), Seen::OtherServer { what: "another server".into() }, "record stuck");
    check(failed(), ours(Object::Before), "record aborted: no room");
    check(failed(), ours(Object::Partial), "remove: the undo starts");
    check(failed(), whole(), "record applied");
    check(failed(), other(), "record aborted: nothing of this change is there, but another index; no room");
}

#[test]
fn what_is_on_trial() {
    check(on_trial(), whole(), "rest");
    check(on_trial(), ours(Object::Before), "record revert_intent: the database is as it was before");
    check(on_trial(), ours(Object::Partial), "record stuck: the index has become INVALID");
    check(on_trial(), other(), "record stuck: instead of");
    check(on_trial(), Seen::OtherServer { what: "another server".into() }, "record stuck");
    let mut analyze = record(on_trial());
    let table = analyze.order.what.table().unwrap().clone();
    analyze.order.what = Change::Analyze(Analyze { database: "shop".into(), table });
    assert_eq!(plan(view(&analyze, &ours(Object::Before))), Step::Rest);
    for away in [
        occupied(),
        Seen::InRecovery,
        Seen::NoEntry { why: "wrong password".into() },
        Seen::Unreachable { why: "refused".into() },
    ] {
        check(on_trial(), away, "rest");
    }
}

#[test]
fn a_parameter_on_trial_goes_where_it_is_no_longer_in_force() {
    let mut parameter = record(on_trial());
    parameter.order.what = Change::SetParameter(SetParameter {
        name: "work_mem".into(),
        value: "64MB".into(),
        replaces: "4MB".into(),
        before: None,
    });
    let step = |seen: Seen| plan(view(&parameter, &seen));
    let reverts = |seen: Seen, expected: &str| match step(seen) {
        Step::Record(Event::RevertIntent { reason }) => assert!(reason.contains(expected), "{reason}"),
        step => panic!("{step:?}"),
    };
    assert_eq!(step(whole()), Step::Rest);
    reverts(ours(Object::Partial), "in the server's file, and another one in force");
    reverts(ours(Object::Before), "somebody else took it back");
    let Seen::Ours(sight) = whole() else { unreachable!("it is ours") };
    reverts(Seen::Ours(Box::new(Sight { in_recovery: true, ..*sight })), "became a standby");
}

#[test]
fn what_is_taken_back() {
    check(reverting(), whole(), "remove: the undo starts");
    check(reverting(), ours(Object::Partial), "remove: the undo starts");
    check(reverting(), ours(Object::Before), "record reverted");
    check(reverting(), other(), "record stuck");
    check(reverting(), adoptable(false), "cancel 5");
    check(reverting(), Seen::Adoptable { pid: 5, is_idle: false, undoes: true }, "wait EarlierSession");
    check(reverting(), occupied(), "wait Scope");
    check(reverting(), Seen::Unreachable { why: "refused".into() }, "wait Database");
    for end in [
        then(on_trial(), Event::Confirmed { reason: "help".into() }),
        then(reverting(), Event::Reverted { duration_ms: None }),
        then(armed(), Event::Aborted { reason: "no".into() }),
        vec![Event::Rejected { reason: "no".into() }],
        then(reverting(), Event::Stuck { reason: "odd".into() }),
    ] {
        check(end, whole(), "rest");
    }
}

#[test]
fn removals_have_an_end() {
    let removal = |events, attempt, passing| {
        let failed = Event::RemovalFailed { reason: "no".into(), passing };
        then(then(events, Event::RemovalIntent { attempt }), failed)
    };
    let failing = |events, times, passing| (1..=times).fold(events, |events, n| removal(events, n, passing));
    let part = || ours(Object::Partial);
    check(failing(failed(), MAX_FAILED_REMOVALS - 1, false), part(), "remove");
    let given_up = "record stuck: the undo failed too often; run it by hand: DROP INDEX";
    check(failing(failed(), MAX_FAILED_REMOVALS, false), part(), given_up);
    check(failing(reverting(), MAX_REMOVALS - 1, true), part(), "remove");
    check(failing(reverting(), MAX_REMOVALS, true), part(), given_up);
}

#[test]
fn patience_and_permission_end() {
    let waits = |events: Vec<Event>, seen: Seen, what, span: Duration, expected: &str| {
        let record = record(events);
        for (waited, expected) in [(span - Duration::from_secs(1), "wait"), (span, expected)] {
            let step = plan(View { waiting: Some((what, waited)), ..view(&record, &seen) });
            assert!(told(&step).starts_with(expected), "{}", told(&step));
        }
        // Having waited for something else doesn't count.
        let step = plan(View { waiting: Some((WaitFor::Removal, span)), ..view(&record, &seen) });
        assert!(told(&step).starts_with("wait"), "{}", told(&step));
    };
    waits(armed(), occupied(), WaitFor::Scope, SCOPE_PATIENCE, "record aborted: the table stayed in use");
    waits(
        armed(),
        stalled(),
        WaitFor::Transactions,
        STALL_PATIENCE,
        "record aborted: a transaction of process 5",
    );
    waits(applying(1), stalled(), WaitFor::Transactions, STALL_PATIENCE, "record aborted");
    waits(applying(1), adoptable(true), WaitFor::EarlierSession, IDLE_PATIENCE, "end 5");
    waits(reverting(), adoptable(true), WaitFor::EarlierSession, IDLE_PATIENCE, "end 5");

    let denied = Permission::Denied { reason: "not here".into() };
    let small = Permission::Granted { max_index_bytes: Some(0), signed_by: Vec::new() };
    for (events, expected) in
        [(vec![], "record rejected"), (armed(), "record rejected"), (applying(1), "record aborted")]
    {
        let (record, seen) = (record(events), ours(Object::Before));
        for permission in [&denied, &small] {
            let step = plan(View { permission, ..view(&record, &seen) });
            assert!(told(&step).starts_with(expected), "{}", told(&step));
        }
        let step = plan(View { now: record.order.expires_at, ..view(&record, &seen) });
        assert!(told(&step).starts_with("record aborted: the approval expired"), "{}", told(&step));
    }
    // Taking back needs no permission, and does not expire.
    let (record, seen) = (record(reverting()), whole());
    let step = plan(View { permission: &denied, now: record.order.expires_at, ..view(&record, &seen) });
    assert!(matches!(step, Step::Remove(_)));
}

#[test]
fn nothing_begins_on_a_busy_server_and_its_approval_ends_all_the_same() {
    check(vec![], busy(), "record armed");
    check(armed(), busy(), "wait Load");
    check(applying(1), busy(), "wait Load");
    let (record, seen) = (record(armed()), busy());
    let hours = (WaitFor::Load, Duration::from_secs(20 * 3_600));
    assert!(matches!(plan(View { waiting: Some(hours), ..view(&record, &seen) }), Step::Wait { .. }));
    let late = View { now: record.order.expires_at, ..view(&record, &seen) };
    assert!(matches!(plan(late), Step::Record(Event::Aborted { .. })));
    // What is there is judged as ever.
    let Seen::Ours(sight) = whole() else { unreachable!("it is ours") };
    let seen = || Seen::Ours(Box::new(Sight { busy: Some("full".into()), ..(*sight).clone() }));
    check(applying(1), seen(), "record applied");
    check(reverting(), seen(), "remove: the undo starts");
}

#[test]
fn other_ground_is_armed_anew() {
    let altered = |alter: fn(&mut TablePreImage)| {
        let PreImage::Table(mut table) = pre_image() else { unreachable!("it is a table's") };
        alter(&mut table);
        Seen::Ours(Box::new(Sight::new(Object::Before, Ok(PreImage::Table(table)))))
    };
    check(armed(), altered(|table| table.table_oid += 1), "record armed");
    check(armed(), altered(|table| table.bytes += 1), "begin");
}

#[test]
fn a_lock_of_no_agent_keeps_from_beginning_and_from_nothing_else() {
    check(vec![], intruded(Object::Before), "record aborted: process 5 of role mallory holds the lock");
    check(armed(), intruded(Object::Before), "record aborted: process 5 of role mallory");
    check(applying(1), intruded(Object::Before), "record aborted: process 5 of role mallory");
    check(applying(1), intruded(Object::Partial), "record failed: the statement was interrupted");
    check(failed(), intruded(Object::Partial), "remove");
    check(applying(1), intruded(Object::After("it".into())), "record applied");
    check(reverting(), intruded(Object::After("it".into())), "remove");
    check(reverting(), intruded(Object::Before), "record reverted");
}

#[test]
fn an_approval_ends_whatever_it_says_and_whatever_the_clock_shows() {
    let begins = |record: &Record, now: Timestamp, latest: Timestamp, expected: &str| {
        let seen = ours(Object::Before);
        let step = plan(View { now, latest, ..view(record, &seen) });
        assert!(told(&step).starts_with(expected), "{}", told(&step));
    };
    // An order that says it holds for ever holds for a week after it came.
    let mut endless = record(armed());
    endless.order.expires_at = Timestamp(i64::MAX);
    let end = Timestamp(0).after(LONGEST_APPROVAL);
    begins(&endless, end.before(Duration::from_secs(1)), Timestamp(0), "begin");
    begins(&endless, end, end, "record aborted: the approval expired");
    // A clock that was set back makes nothing young again.
    let latest = Timestamp(0).after(Duration::from_secs(86_400));
    begins(&endless, latest.before(CLOCK_TOLERANCE), latest, "begin");
    let set_back = latest.before(CLOCK_TOLERANCE + Duration::from_secs(1));
    for events in [vec![], armed(), applying(1)] {
        begins(&record(events), set_back, latest, "record aborted: this host's clock is 5 min behind");
    }
    // Taking back goes on.
    let (taken_back, seen) = (record(reverting()), whole());
    let step = plan(View { now: set_back, latest, ..view(&taken_back, &seen) });
    assert!(matches!(step, Step::Remove(_)));
}
