//! The spool's file: numbered reports in a redb database. Synchronous, one owner; every change is one
//! transaction, so that after a crash the file is as before or as after it.

pub(super) mod edit;

use std::path::Path;

use querysmith_shared::id::InstanceId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::codec::decode_body;
use querysmith_shared::wire::report::{Lane, Report, ReportBody};
use redb::{Database, DatabaseError, ReadableDatabase, ReadableTable, TableDefinition};

use self::edit::Edit;
use super::room::{Label, Nature};

/// Reports by lane and number.
const REPORTS: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("reports");
/// Their labels, under the same keys, so that making room need not read the reports.
const LABELS: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("labels");
/// Reports that the controller can't store, kept for whoever looks into it.
const SET_ASIDE: TableDefinition<(u8, u64), &[u8]> = TableDefinition::new("set_aside");
/// Numbers about the file itself.
const META: TableDefinition<&str, u64> = TableDefinition::new("meta");

/// Version of this file's layout.
const FORMAT: u64 = 1;
/// redb's page cache: the agent's whole memory is 20 MB, and the spool is read once, in order.
const CACHE_BYTES: usize = 1 << 20;
/// Most bytes handed out at once: one batch in memory on its way to the connection.
const MAX_BATCH_BYTES: usize = 1 << 20;

/// Any failure of the file; boxed, because redb's own error is large.
#[derive(Debug, thiserror::Error)]
#[error("failed to use the spool's file")]
pub(super) struct FileError(#[source] pub(super) Box<redb::Error>);

impl<E: Into<redb::Error>> From<E> for FileError {
    fn from(error: E) -> Self {
        Self(Box::new(error.into()))
    }
}

impl FileError {
    /// The file is not what it was when it was written; opening it again will not help.
    pub(super) fn is_damage(&self) -> bool {
        match &*self.0 {
            redb::Error::Corrupted(_)
            | redb::Error::UpgradeRequired(_)
            | redb::Error::TableTypeMismatch { .. }
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::ValueTooLarge(_) => true,
            redb::Error::Io(error) => {
                matches!(error.kind(), std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof)
            }
            _ => false,
        }
    }

    /// The disk has no more room for this file.
    pub(super) fn is_full_disk(&self) -> bool {
        use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        match &*self.0 {
            redb::Error::Io(error) => matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge),
            _ => false,
        }
    }

    /// An error that says so itself.
    pub(super) fn damaged(what: &str) -> Self {
        Self(Box::new(redb::Error::Corrupted(what.to_owned())))
    }
}

/// A report that has no number yet.
#[derive(Debug, Clone)]
pub(super) struct NewReport {
    pub(super) lane: Lane,
    pub(super) made_at: Timestamp,
    pub(super) instance: Option<InstanceId>,
    pub(super) body: ReportBody,
}

/// What waits in one lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) reports: u64,
    pub(super) bytes: u64,
}

/// How a database file is opened; tests put a faulty disk below it.
pub(super) type Opener = Box<dyn Fn(&Path) -> Result<Database, DatabaseError> + Send>;

/// The open file.
pub(super) struct Spool {
    database: Database,
    incarnation: u64,
    last: [u64; 2],
    waiting: [Waiting; 2],
    /// Highest telemetry number that the controller may have, as far as this side can know.
    handed_out: u64,
}

/// The index of a lane, in keys and arrays. Never changes: it is in the file.
pub(super) fn place(lane: Lane) -> usize {
    match lane {
        Lane::Telemetry => 0,
        Lane::Changes => 1,
    }
}

fn key(lane: Lane, sequence: u64) -> (u8, u64) {
    let lane = match lane {
        Lane::Telemetry => 0,
        Lane::Changes => 1,
    };
    (lane, sequence)
}

fn last_name(lane: Lane) -> &'static str {
    match lane {
        Lane::Telemetry => "last_telemetry",
        Lane::Changes => "last_changes",
    }
}

/// Opens a database on an ordinary disk, checking every page: a crash or a bad disk shows here, not later.
pub(super) fn open_on_disk(path: &Path) -> Result<Database, DatabaseError> {
    redb::Builder::new().set_cache_size(CACHE_BYTES).set_check_integrity_on_open(true).create(path)
}

impl Spool {
    /// Opens the file, or makes it. `fresh_incarnation` is used only for a new file.
    pub(super) fn open(path: &Path, opener: &Opener, fresh_incarnation: u64) -> Result<Self, FileError> {
        let database = opener(path)?;
        let transaction = database.begin_write()?;
        let incarnation;
        let mut last = [0; 2];
        let mut waiting = [Waiting::default(); 2];
        {
            let mut meta = transaction.open_table(META)?;
            let known = meta.get("format")?.map(|value| value.value());
            match known {
                None => {
                    meta.insert("format", FORMAT)?;
                    meta.insert("incarnation", fresh_incarnation)?;
                }
                Some(FORMAT) => {}
                Some(_) => return Err(FileError::damaged("the spool's layout is not known here")),
            }
            let number = meta.get("incarnation")?.map(|value| value.value());
            incarnation = number.ok_or_else(|| FileError::damaged("the spool has no incarnation"))?;
            for lane in [Lane::Telemetry, Lane::Changes] {
                last[place(lane)] = meta.get(last_name(lane))?.map_or(0, |value| value.value());
            }
            transaction.open_table(REPORTS)?;
            transaction.open_table(SET_ASIDE)?;
            for entry in transaction.open_table(LABELS)?.iter()? {
                let (at, label) = entry?;
                let lane = waiting.get_mut(usize::from(at.value().0));
                let lane = lane.ok_or_else(|| FileError::damaged("a report is in no lane"))?;
                lane.reports += 1;
                lane.bytes += u64::from(read_label(label.value())?.bytes);
            }
        }
        transaction.commit()?;
        // What an earlier run handed out is not known: everything that is there may have been.
        let handed_out = last[place(Lane::Telemetry)];
        Ok(Self { database, incarnation, last, waiting, handed_out })
    }

    /// Random number of this file.
    pub(super) fn incarnation(&self) -> u64 {
        self.incarnation
    }

    /// The highest number given in each lane.
    pub(super) fn last(&self) -> [u64; 2] {
        self.last
    }

    /// What waits in `lane`.
    pub(super) fn waiting(&self, lane: Lane) -> Waiting {
        self.waiting[place(lane)]
    }

    /// The highest telemetry number that may have left this host.
    pub(super) fn handed_out(&self) -> u64 {
        self.handed_out
    }

    /// Reports of `lane` with numbers above `after`, in order: at most `most`, and at most
    /// [`MAX_BATCH_BYTES`] unless one alone is larger. They count as handed out from here on.
    pub(super) fn next(
        &mut self,
        lane: Lane,
        after: u64,
        most: usize,
    ) -> Result<Vec<(u64, Vec<u8>)>, FileError> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        let reports = self.database.begin_read()?.open_table(REPORTS)?;
        for entry in reports.range(key(lane, after.saturating_add(1))..=key(lane, u64::MAX))?.take(most) {
            let (at, body) = entry?;
            bytes += body.value().len();
            if bytes > MAX_BATCH_BYTES && !batch.is_empty() {
                break;
            }
            batch.push((at.value().1, body.value().to_vec()));
        }
        if let (Lane::Telemetry, Some((sequence, _))) = (lane, batch.last()) {
            self.handed_out = self.handed_out.max(*sequence);
        }
        Ok(batch)
    }

    /// The labels of waiting telemetry, oldest first, at most `most`.
    pub(super) fn labels(&self, most: usize) -> Result<Vec<(u64, Label)>, FileError> {
        let table = self.database.begin_read()?.open_table(LABELS)?;
        let range = table.range(key(Lane::Telemetry, 0)..=key(Lane::Telemetry, u64::MAX))?;
        let mut labels = Vec::new();
        for entry in range.take(most) {
            let (at, label) = entry?;
            labels.push((at.value().1, read_label(label.value())?));
        }
        Ok(labels)
    }

    /// One waiting report.
    pub(super) fn report(&self, lane: Lane, sequence: u64) -> Result<Option<Report>, FileError> {
        let table = self.database.begin_read()?.open_table(REPORTS)?;
        let Some(body) = table.get(key(lane, sequence))? else { return Ok(None) };
        let report =
            decode_body(body.value()).map_err(|_| FileError::damaged("a report can't be read back"))?;
        Ok(Some(report))
    }

    /// Begins a transaction.
    pub(super) fn edit(&mut self) -> Result<Edit<'_>, FileError> {
        let transaction = self.database.begin_write()?;
        let (last, waiting) = (self.last, self.waiting);
        Ok(Edit { spool: self, transaction, last, waiting })
    }

    /// Gives unused room of the file back to the file system.
    pub(super) fn compact(&mut self) -> Result<(), FileError> {
        self.database.compact()?;
        Ok(())
    }
}

fn read_label(bytes: &[u8]) -> Result<Label, FileError> {
    decode_body(bytes).map_err(|_| FileError::damaged("a label can't be read back"))
}

/// The label of a report that is `bytes` long.
pub(super) fn label(report: &Report, bytes: usize) -> Label {
    let (from, to) = match &report.body {
        ReportBody::QueryStats(stats) => (stats.window_start, stats.window_end),
        ReportBody::Gap(gap) => (gap.from, gap.to),
        _ => (report.made_at, report.made_at),
    };
    let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
    Label { nature: Nature::of(&report.body), instance: report.instance, from, to, bytes }
}
