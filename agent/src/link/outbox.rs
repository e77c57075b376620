//! The outbox: reports on disk, numbered, until the controller has committed them.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;

use querysmith_shared::id::InstanceId;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::codec::CodecError;
use querysmith_shared::wire::report::{Lane, ReportBody};
use tokio::sync::{Semaphore, oneshot, watch};

use super::keeper::{Command, Keeper};
use super::spool::{NewReport, Opener, open_on_disk, place};

/// Name of the spool's file in the state directory.
const FILE: &str = "spool.redb";
/// Appends that may wait for the disk at a time: each holds its report in memory.
const MAX_QUEUED: usize = 32;

/// How large the spool may become.
#[derive(Debug, Clone, Copy)]
pub struct SpoolConfig {
    /// Most bytes of telemetry that wait.
    pub max_bytes: u64,
    /// Most bytes of change reports that wait; kept free of telemetry.
    pub max_change_bytes: u64,
}

impl Default for SpoolConfig {
    fn default() -> Self {
        Self { max_bytes: 256 << 20, max_change_bytes: 16 << 20 }
    }
}

/// How full the spool is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SpoolStats {
    /// Reports that wait.
    pub reports: u64,
    /// Their size, bytes.
    pub bytes: u64,
    /// Telemetry reports that were dropped since the start.
    pub dropped_reports: u64,
    /// Those of them that are, or may be, of a kind that is sent only once (texts, schema, settings,
    /// plans, the instance). When this rises, everything of that kind must be sent anew.
    pub forgotten: u64,
    /// Times since the start that the controller said it had stored something more.
    pub acknowledged: u64,
    /// Appends that failed since the start.
    pub failed_appends: u64,
}

impl SpoolStats {
    /// Counts reports that are gone without anyone knowing what they were.
    pub(super) fn forget(&mut self, reports: u64) {
        self.dropped_reports += reports;
        self.forgotten += reports;
    }
}

/// Why a report was not taken.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// The reserved room for change reports is used up.
    #[error("the spool has no more room for change reports")]
    ChangesFull,
    /// The report is longer than a frame may be.
    #[error("the report is {bytes} bytes long, more than a frame may be")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// The report can't be turned into bytes.
    #[error("the report can't be encoded")]
    Unencodable(#[source] CodecError),
    /// The disk is full or not writable; the log has the cause. Counted, and reported as a gap once
    /// writing works again.
    #[error("the spool can't be written")]
    Unwritable,
    /// Another process has the spool open.
    #[error("the spool is in use by another agent")]
    InUse,
    /// The state directory can't be made.
    #[error("failed to make the state directory")]
    Directory(#[source] std::io::Error),
    /// The spool can't be opened.
    #[error("failed to open the spool")]
    Open(#[source] Box<redb::Error>),
    /// The spool is closed.
    #[error("the spool is closed")]
    Closed,
}

/// A cheap handle of the one spool of this agent.
#[derive(Debug, Clone)]
pub struct Outbox {
    commands: mpsc::Sender<Command>,
    room: Arc<Semaphore>,
    shared: Arc<Shared>,
}

/// What the thread tells every handle without being asked.
#[derive(Debug)]
pub(super) struct Shared {
    sent_bytes: AtomicU64,
    stats: Mutex<SpoolStats>,
    given: watch::Sender<Given>,
}

/// The numbers that were given so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Given {
    incarnation: u64,
    last: [u64; 2],
}

impl Shared {
    pub(super) fn count(&self, change: impl FnOnce(&mut SpoolStats)) {
        change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
    }

    pub(super) fn announce(&self, incarnation: u64, last: [u64; 2]) {
        let given = Given { incarnation, last };
        self.given.send_if_modified(|known| std::mem::replace(known, given) != given);
    }
}

impl Outbox {
    /// Opens the spool below `state_dir`, or makes it. Reads and checks the whole file: call it before
    /// the runtime is busy.
    pub fn open(state_dir: &Path, config: SpoolConfig) -> Result<Self, OutboxError> {
        Self::open_with(state_dir, config, Box::new(open_on_disk))
    }

    pub(super) fn open_with(
        state_dir: &Path,
        config: SpoolConfig,
        opener: Opener,
    ) -> Result<Self, OutboxError> {
        let mut directory = fs::DirBuilder::new();
        directory.recursive(true).mode(0o700).create(state_dir).map_err(OutboxError::Directory)?;
        let shared = Arc::new(Shared {
            sent_bytes: AtomicU64::new(0),
            stats: Mutex::new(SpoolStats::default()),
            given: watch::Sender::new(Given::default()),
        });
        let keeper = Keeper::open(state_dir.join(FILE), opener, config, Arc::clone(&shared))?;
        let (commands, receiver) = mpsc::channel();
        thread::Builder::new()
            .name("spool".to_owned())
            .spawn(move || keeper.run(&receiver))
            .map_err(OutboxError::Directory)?;
        Ok(Self { commands, room: Arc::new(Semaphore::new(MAX_QUEUED)), shared })
    }

    /// Numbers a report and stores it. It is on disk when this returns `Ok`, in either lane; reports
    /// appended at the same time share one commit.
    pub async fn append(
        &self,
        lane: Lane,
        made_at: Timestamp,
        instance: Option<InstanceId>,
        body: ReportBody,
    ) -> Result<u64, OutboxError> {
        let permit = Arc::clone(&self.room).acquire_owned().await.map_err(|_| OutboxError::Closed)?;
        let report = Box::new(NewReport { lane, made_at, instance, body });
        self.ask(|reply| Command::Append(report, reply, permit)).await?
    }

    /// Reports of `lane` with numbers above `after`, in order, at most `most`: number and body of the
    /// frame. What was handed out is never changed afterwards. `None` if the disk can't be read now.
    pub async fn next(&self, lane: Lane, after: u64, most: usize) -> Option<Vec<(u64, Vec<u8>)>> {
        self.ask(|reply| Command::Next { lane, after, most, reply }).await.ok().flatten()
    }

    /// Forgets every report of `lane` up to `sequence`: the controller has them.
    pub async fn acknowledge(&self, lane: Lane, sequence: u64) {
        let _ = self.ask(|reply| Command::Acknowledge { lane, sequence, reply }).await;
    }

    /// Keeps one report out of the way, because the controller says it can't ever be stored.
    pub async fn set_aside(&self, lane: Lane, sequence: u64) {
        let _ = self.ask(|reply| Command::SetAside { lane, sequence, reply }).await;
    }

    /// Waits for a number above `after` in `lane` and returns the highest there is; `None` when the file
    /// is no longer the one of `incarnation`, or closed.
    pub async fn wait_beyond(&self, incarnation: u64, lane: Lane, after: u64) -> Option<u64> {
        let mut given = self.shared.given.subscribe();
        let news = |given: &Given| given.incarnation != incarnation || given.last[place(lane)] > after;
        let given = *given.wait_for(news).await.ok()?;
        (given.incarnation == incarnation).then_some(given.last[place(lane)])
    }

    /// How full the spool is.
    pub fn stats(&self) -> SpoolStats {
        *self.shared.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Random number of this spool's file: report numbers count within it. It changes only when a
    /// damaged file was replaced.
    pub fn incarnation(&self) -> u64 {
        self.shared.given.borrow().incarnation
    }

    /// Bytes sent to the controller since the start: UDP payload, everything included.
    pub fn sent_bytes(&self) -> u64 {
        self.shared.sent_bytes.load(Ordering::Relaxed)
    }

    /// Counts bytes that were sent.
    pub(super) fn count_sent(&self, bytes: u64) {
        self.shared.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Closes the file. Nothing is lost without it; it is for whoever opens the same file next.
    pub async fn close(&self) {
        let _ = self.ask(Command::Close).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(oneshot::Sender<T>) -> Command) -> Result<T, OutboxError> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).map_err(|_| OutboxError::Closed)?;
        answer.await.map_err(|_| OutboxError::Closed)
    }
}

#[cfg(test)]
mod tests;
