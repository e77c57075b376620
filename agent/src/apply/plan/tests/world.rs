//! A model of one change's world: a journal that survives, a database that does too, an agent that doesn't.

use std::collections::VecDeque;
use std::time::Duration;

use querysmith_shared::change::lifecycle::ChangeState;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::fence::Fence;

use super::choices::Choices;
use super::deliveries::Message;
use super::fixture::{CHANGE, order, pre_image};
use crate::apply::accept::{self, Acceptance};
use crate::apply::allow_list::Permission;
use crate::apply::journal::entry::{Entry, Event};
use crate::apply::journal::record::Record;
use crate::apply::plan::{MAX_ATTEMPTS, Step, View, plan};
use crate::apply::seen::{Object, Seen, Sight, WaitFor};

/// How much of each misfortune a run may have.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) crashes: u32,
    pub(super) undos: u32,
    pub(super) failures: u32,
    pub(super) disturbances: u32,
}

/// More looks than any run needs.
const MOST_LOOKS: u32 = 3_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Thing {
    Nothing,
    Part,
    Whole,
    /// Of somebody else.
    Other,
}

/// The agent died; its journal and the database are what they are.
struct Crash;

pub(super) struct World<'a> {
    choices: &'a mut Choices,
    left: Limits,
    /// What arrives, in its order, at moments of the choices.
    pub(super) inbox: VecDeque<Message>,
    pub(super) obeyed: Option<Fence>,
    /// Refused an undo of a change that it didn't know; forgotten with the process.
    pub(super) is_withdrawn: bool,
    pub(super) journal: Vec<Entry>,
    thing: Thing,
    /// A statement of an agent that died is still running.
    orphan: bool,
    pub(super) statements: u32,
    /// How often a statement of ours made the thing whole.
    made: u32,
    pub(super) undo_was_asked: bool,
    was_disturbed: bool,
    now: Timestamp,
    waiting: Option<(WaitFor, Duration)>,
}

impl<'a> World<'a> {
    /// Runs a change to its rest and checks everything that must hold on the way and at the end.
    pub(super) fn run(choices: &'a mut Choices, left: Limits) {
        let mut world = Self::new(choices, left, VecDeque::new());
        world.receive();
        world.rest();
        world.check_end();
    }

    pub(super) fn new(choices: &'a mut Choices, left: Limits, inbox: VecDeque<Message>) -> Self {
        Self {
            choices,
            left,
            inbox,
            obeyed: None,
            is_withdrawn: false,
            journal: Vec::new(),
            thing: Thing::Nothing,
            orphan: false,
            statements: 0,
            made: 0,
            undo_was_asked: false,
            was_disturbed: false,
            now: Timestamp(0),
            waiting: None,
        }
    }

    pub(super) fn receive(&mut self) {
        self.write(Event::Received { order: Box::new(order()), signed_by: Vec::new() });
    }

    pub(super) fn rest(&mut self) {
        for look in 0.. {
            assert!(look < MOST_LOOKS, "it never comes to rest: {:?}", self.story());
            self.now = self.now.after(Duration::from_secs(1));
            match self.look_and_act() {
                Ok(true) => break,
                Ok(false) => {}
                Err(Crash) => (self.waiting, self.is_withdrawn) = (None, false),
            }
        }
    }

    /// `true` when nothing is left to do.
    fn look_and_act(&mut self) -> Result<bool, Crash> {
        self.point()?;
        let record = self.record();
        let seen = self.seen();
        let permission = Permission::Granted { max_index_bytes: None, signed_by: Vec::new() };
        let view = View {
            record: &record,
            seen: &seen,
            permission: &permission,
            waiting: self.waiting,
            in_place_for: None,
            now: self.now,
            latest: self.now,
        };
        let step = plan(view);
        if !matches!(step, Step::Wait { .. } | Step::Cancel { .. }) {
            self.waiting = None;
        }
        match step {
            Step::Rest => return Ok(!self.orphan || record.state.is_final()),
            Step::Wait { what, .. } => self.wait(what),
            Step::Cancel { .. } | Step::End { .. } => self.end_orphan(),
            Step::Record(event) => {
                if self.write_if_unmoved(&record, event) {
                    self.point()?;
                }
            }
            Step::Begin(event) => {
                if self.write_if_unmoved(&record, event) {
                    self.point()?;
                    self.statement()?;
                }
            }
            Step::Switch { .. } => panic!("an index is not switched"),
            Step::Remove(event) => {
                assert!(self.thing != Thing::Other, "what isn't ours is removed: {:?}", self.story());
                if self.write_if_unmoved(&record, event) {
                    self.point()?;
                    self.removal()?;
                }
            }
        }
        Ok(false)
    }

    /// Between any two things: the agent may die, an order may arrive, somebody else may do something.
    fn point(&mut self) -> Result<(), Crash> {
        let mut options = vec![0];
        options.extend((self.left.crashes > 0).then_some(1));
        options.extend((self.left.undos > 0 && !self.journal.is_empty()).then_some(2));
        options.extend((self.left.disturbances > 0).then_some(3));
        options.extend((!self.inbox.is_empty()).then_some(4));
        match options[self.choices.of(options.len())] {
            1 => {
                self.left.crashes -= 1;
                return Err(Crash);
            }
            2 => {
                self.left.undos -= 1;
                self.undo();
            }
            3 => {
                self.left.disturbances -= 1;
                self.disturb();
            }
            4 => self.deliver(),
            _ => {}
        }
        Ok(())
    }

    fn undo(&mut self) {
        self.undo_was_asked = true;
        if let Acceptance::Write(event) = accept::undo(&self.record(), "asked for") {
            self.write(event);
        }
    }

    fn disturb(&mut self) {
        self.was_disturbed = true;
        self.thing = match self.thing {
            Thing::Nothing | Thing::Other => Thing::Other,
            Thing::Part | Thing::Whole => [Thing::Nothing, Thing::Part, Thing::Other][self.choices.of(3)],
        };
    }

    fn statement(&mut self) -> Result<(), Crash> {
        self.check_effect(|event| matches!(event, Event::Intent { .. }));
        self.statements += 1;
        if self.thing != Thing::Nothing {
            // The name is taken: the server says so and does nothing.
            return self.fail_statement();
        }
        match self.choices.of(6) {
            0 => self.leave(Thing::Whole),
            1 => return self.fail_statement(),
            2 => {
                self.thing = Thing::Part;
                return self.fail_statement();
            }
            // The connection broke: nothing was said about what happened.
            3 => {
                let left = [Thing::Nothing, Thing::Part, Thing::Whole][self.choices.of(3)];
                self.leave(left);
            }
            4 => self.orphan = true,
            // The agent died while it ran.
            _ if self.left.crashes > 0 => {
                self.left.crashes -= 1;
                self.orphan = true;
                return Err(Crash);
            }
            _ => self.leave(Thing::Whole),
        }
        self.point()
    }

    fn fail_statement(&mut self) -> Result<(), Crash> {
        self.point()?;
        // An undo that came meanwhile has moved the change on.
        if self.state() == ChangeState::Applying {
            self.write(Event::Failed { reason: "it failed".to_owned() });
        }
        self.point()
    }

    fn removal(&mut self) -> Result<(), Crash> {
        self.check_effect(|event| matches!(event, Event::RemovalIntent { .. }));
        if self.left.failures == 0 || self.thing == Thing::Nothing {
            self.thing = Thing::Nothing;
            return self.point();
        }
        match self.choices.of(4) {
            0 => self.thing = Thing::Nothing,
            fate => {
                self.left.failures -= 1;
                self.thing = Thing::Part;
                self.point()?;
                // The third way is a broken connection, of which nothing is written.
                if fate < 3 {
                    let event = Event::RemovalFailed { reason: "it failed".to_owned(), passing: fate == 1 };
                    self.write(event);
                }
            }
        }
        self.point()
    }

    fn wait(&mut self, what: WaitFor) {
        let waited =
            self.waiting.filter(|(waiting, _)| *waiting == what).map_or(Duration::ZERO, |(_, span)| span);
        self.waiting = Some((what, waited + Duration::from_secs(1)));
        if self.orphan {
            self.end_orphan();
        }
    }

    fn end_orphan(&mut self) {
        self.orphan = false;
        if self.thing == Thing::Nothing {
            let left = [Thing::Nothing, Thing::Part, Thing::Whole][self.choices.of(3)];
            self.leave(left);
        }
    }

    /// What a statement of ours leaves behind.
    fn leave(&mut self, thing: Thing) {
        self.made += u32::from(thing == Thing::Whole);
        self.thing = thing;
    }

    fn seen(&self) -> Seen {
        if self.orphan {
            return Seen::Adoptable { pid: 1, is_idle: false, undoes: false };
        }
        let object = match self.thing {
            Thing::Nothing => Object::Before,
            Thing::Part => Object::Partial,
            Thing::Whole => Object::After("an index".to_owned()),
            Thing::Other => Object::Foreign("another index".to_owned()),
        };
        let ground = match self.thing {
            Thing::Nothing => Ok(pre_image()),
            Thing::Part | Thing::Whole | Thing::Other => Err("the name is taken".to_owned()),
        };
        Seen::Ours(Box::new(Sight::new(object, ground)))
    }

    /// No effect without its intent as the last word (but for an undo that was asked for just now), and the
    /// undo's text before it.
    fn check_effect(&self, is_intent: impl Fn(&Event) -> bool) {
        let record = self.record();
        let asked = |entry: &&Entry| matches!(entry.event, Event::RevertIntent { .. });
        let last = self.journal.iter().rev().find(|entry| !asked(entry)).unwrap();
        assert!(is_intent(&last.event), "{:?}", self.story());
        assert!(record.armed.is_some_and(|armed| !armed.undo.is_empty()), "{:?}", self.story());
        assert!(!self.orphan, "two at the same time: {:?}", self.story());
    }

    pub(super) fn check_end(&self) {
        let state = self.state();
        let story = self.story();
        assert!(self.record().attempts <= MAX_ATTEMPTS && self.statements <= MAX_ATTEMPTS, "{story:?}");
        assert!(!self.orphan, "{story:?}");
        if self.was_disturbed {
            return;
        }
        assert!(self.made <= 1, "{story:?}");
        match state {
            ChangeState::Trial | ChangeState::Confirmed => {
                assert!(self.thing == Thing::Whole && !self.undo_was_asked, "{:?}: {story:?}", self.thing);
            }
            ChangeState::Rejected | ChangeState::Aborted | ChangeState::Reverted => {
                assert_eq!(self.thing, Thing::Nothing, "{story:?}");
            }
            ChangeState::Stuck => assert!(self.record().removals >= 3, "{story:?}"),
            _ => panic!("it rests in {state}: {story:?}"),
        }
    }

    pub(super) fn record(&self) -> Record {
        Record::from_entries(&self.journal).unwrap()
    }

    fn state(&self) -> ChangeState {
        self.journal.last().unwrap().state
    }

    fn story(&self) -> Vec<String> {
        self.journal.iter().map(|entry| format!("{} ({})", entry.event.name(), entry.event)).collect()
    }

    /// As the journal does it: only in the state in which it was decided.
    fn write_if_unmoved(&mut self, record: &Record, event: Event) -> bool {
        let is_unmoved = self.state() == record.state;
        if is_unmoved {
            self.write(event);
        }
        is_unmoved
    }

    pub(super) fn write(&mut self, event: Event) {
        let state = self.journal.last().map(|entry| entry.state);
        let sequence = self.journal.len() as u64 + 1;
        let state = event.lead(state).unwrap_or_else(|error| panic!("{error}: {:?}", self.story()));
        self.journal.push(Entry { sequence, change: CHANGE, at: self.now, state, event });
    }
}
