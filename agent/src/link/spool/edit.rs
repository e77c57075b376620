//! One transaction on the spool's file.

use querysmith_shared::wire::codec::encode_body;
use querysmith_shared::wire::report::Lane;
use redb::{Durability, ReadableTable, ReadableTableMetadata, Table, WriteTransaction};

use super::{FileError, LABELS, META, REPORTS, SET_ASIDE, Spool, Waiting, key, last_name, place, read_label};
use crate::link::room::Label;

/// Most reports that are kept aside; they are evidence, and a few are enough.
const MAX_SET_ASIDE: u64 = 100;

/// One transaction's changes. Nothing counts until [`Edit::commit`].
pub(in crate::link) struct Edit<'a> {
    pub(super) spool: &'a mut Spool,
    pub(super) transaction: WriteTransaction,
    pub(super) last: [u64; 2],
    pub(super) waiting: [Waiting; 2],
}

impl Edit<'_> {
    /// The number that the next report of `lane` gets.
    pub(in crate::link) fn next_number(&self, lane: Lane) -> u64 {
        self.last[place(lane)] + 1
    }

    /// Stores an encoded report under the next number of its lane.
    pub(in crate::link) fn append(
        &mut self,
        lane: Lane,
        label: &Label,
        body: &[u8],
    ) -> Result<u64, FileError> {
        let sequence = self.next_number(lane);
        self.last[place(lane)] = sequence;
        self.transaction.open_table(META)?.insert(last_name(lane), sequence)?;
        self.put(lane, sequence, label, body)?;
        Ok(sequence)
    }

    /// Stores an encoded report under a number that was given before.
    pub(in crate::link) fn put(
        &mut self,
        lane: Lane,
        sequence: u64,
        label: &Label,
        body: &[u8],
    ) -> Result<(), FileError> {
        let encoded = encode_body(label).map_err(|_| FileError::damaged("a label can't be written"))?;
        self.remove(lane, sequence)?;
        self.transaction.open_table(REPORTS)?.insert(key(lane, sequence), body)?;
        self.transaction.open_table(LABELS)?.insert(key(lane, sequence), encoded.as_slice())?;
        let waiting = &mut self.waiting[place(lane)];
        waiting.reports += 1;
        waiting.bytes += u64::from(label.bytes);
        Ok(())
    }

    /// Removes one report, if it is there.
    pub(in crate::link) fn remove(&mut self, lane: Lane, sequence: u64) -> Result<Option<Label>, FileError> {
        let mut labels = self.transaction.open_table(LABELS)?;
        let label = take_label(&mut labels, key(lane, sequence))?;
        drop(labels);
        self.transaction.open_table(REPORTS)?.remove(key(lane, sequence))?;
        if let Some(label) = &label {
            let waiting = &mut self.waiting[place(lane)];
            waiting.reports = waiting.reports.saturating_sub(1);
            waiting.bytes = waiting.bytes.saturating_sub(u64::from(label.bytes));
        }
        Ok(label)
    }

    /// Removes every report of `lane` up to `sequence`; returns how many there were.
    pub(in crate::link) fn remove_up_to(&mut self, lane: Lane, sequence: u64) -> Result<u64, FileError> {
        let mut removed = 0;
        loop {
            let first = {
                let reports = self.transaction.open_table(LABELS)?;
                let mut range = reports.range(key(lane, 0)..=key(lane, sequence))?;
                range.next().transpose()?.map(|(at, _)| at.value().1)
            };
            let Some(first) = first else { return Ok(removed) };
            self.remove(lane, first)?;
            removed += 1;
        }
    }

    /// Moves a report out of its lane to where it is kept and not sent.
    pub(in crate::link) fn set_aside(&mut self, lane: Lane, sequence: u64) -> Result<(), FileError> {
        let body = {
            let reports = self.transaction.open_table(REPORTS)?;
            reports.get(key(lane, sequence))?.map(|body| body.value().to_vec())
        };
        let Some(body) = body else { return Ok(()) };
        self.remove(lane, sequence)?;
        let mut aside = self.transaction.open_table(SET_ASIDE)?;
        aside.insert(key(lane, sequence), body.as_slice())?;
        while aside.len()? > MAX_SET_ASIDE {
            aside.pop_first()?;
        }
        Ok(())
    }

    /// Makes sure that no number up to `sequence` is given again.
    pub(in crate::link) fn skip_to(&mut self, lane: Lane, sequence: u64) -> Result<(), FileError> {
        if self.last[place(lane)] < sequence {
            self.last[place(lane)] = sequence;
            self.transaction.open_table(META)?.insert(last_name(lane), sequence)?;
        }
        Ok(())
    }

    /// Commits to the disk.
    pub(in crate::link) fn commit(self) -> Result<(), FileError> {
        self.transaction.commit()?;
        self.spool.last = self.last;
        self.spool.waiting = self.waiting;
        Ok(())
    }

    /// Commits, but leaves it to the next durable commit to reach the disk. After a crash in between,
    /// the change has not happened: only for what may happen twice.
    pub(in crate::link) fn commit_lazily(mut self) -> Result<(), FileError> {
        self.transaction.set_durability(Durability::None)?;
        self.commit()
    }
}

fn take_label(labels: &mut Table<'_, (u8, u64), &[u8]>, at: (u8, u64)) -> Result<Option<Label>, FileError> {
    match labels.remove(at)? {
        Some(label) => read_label(label.value()).map(Some),
        None => Ok(None),
    }
}
