//! The spool's file over its whole life: opened, failed and opened again, moved aside when it is damaged,
//! made smaller when it is emptied. Whatever happens, its owner goes on.

use std::fs;
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::observation::gap::{Gap, GapReason};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::report::Lane;

use super::outbox::{OutboxError, Shared};
use super::overflow::{OpenGaps, widened};
use super::reserve::Reserve;
use super::spool::{FileError, Opener, Spool};

/// Files below this are not worth compacting, bytes.
const SMALL_FILE: u64 = 4 << 20;
/// Longest wait before a file that failed is opened again.
const MAX_RETRY: Duration = Duration::from_secs(30);
/// The least that the spool may take of a full disk, bytes.
const LEAST: u64 = 64 << 10;

/// The file while it is open.
pub(super) struct Opened {
    pub(super) spool: Spool,
    pub(super) gaps: OpenGaps,
}

pub(super) struct SpoolFile {
    path: PathBuf,
    opener: Opener,
    shared: Arc<Shared>,
    opened: Option<Opened>,
    /// Gaps that are known but not in the file yet.
    missing: Vec<Gap>,
    reserve: Reserve,
    /// What the disk has room for, once it was full; until the reserve is held again.
    disk_limit: Option<u64>,
    failures: u32,
    retry_at: Instant,
    /// Size of the file after it was last compacted; what is left then can't be given back.
    compacted_to: u64,
}

impl SpoolFile {
    /// Opens the file, or makes it; a damaged one is moved aside.
    pub(super) fn open(path: PathBuf, opener: Opener, shared: Arc<Shared>) -> Result<Self, OutboxError> {
        let reserve = Reserve::new(path.with_extension("reserve"));
        let mut file = Self {
            path,
            opener,
            shared,
            opened: None,
            missing: Vec::new(),
            reserve,
            disk_limit: None,
            failures: 0,
            retry_at: Instant::now(),
            compacted_to: 0,
        };
        file.reopen()?;
        if !file.reserve.hold() {
            tracing::warn!(path = %file.path.display(), "the disk has no room for the spool's reserve");
        }
        Ok(file)
    }

    /// The file, if it is open now.
    pub(super) fn opened(&self) -> Option<&Opened> {
        self.opened.as_ref()
    }

    /// Closes the file in order.
    pub(super) fn close(&mut self) {
        self.opened = None;
    }

    /// Most bytes of telemetry, and what is said when they are exceeded.
    pub(super) fn limit(&self, configured: u64) -> (u64, GapReason) {
        match self.disk_limit {
            Some(limit) if limit < configured => (limit, GapReason::DiskFull),
            _ => (configured, GapReason::SpoolFull),
        }
    }

    /// The disk was full, and there is no sign yet that it is not.
    pub(super) fn is_short_of_room(&self) -> bool {
        self.disk_limit.is_some()
    }

    /// Notes that reports are missing; it is written with the next append.
    pub(super) fn note_missing(&mut self, gap: Gap) {
        match self.missing.iter_mut().find(|known| known.reason == gap.reason) {
            Some(known) => *known = widened(known.clone(), &gap),
            None => self.missing.push(gap),
        }
    }

    /// What is to be written with the next append.
    pub(super) fn missing(&self) -> Vec<Gap> {
        self.missing.clone()
    }

    /// It was written.
    pub(super) fn missing_is_written(&mut self) {
        self.missing.clear();
    }

    /// Does one thing with the open file. `None` if it failed: then the file is closed, to be opened
    /// again later, because redb does nothing more after an I/O error. A panic counts as damage.
    pub(super) fn attempt<T>(&mut self, work: impl FnOnce(&mut Opened) -> Result<T, FileError>) -> Option<T> {
        if self.opened.is_none() && (Instant::now() < self.retry_at || self.reopen().is_err()) {
            return None;
        }
        let mut opened = self.opened.take()?;
        let error = match catch_unwind(AssertUnwindSafe(|| work(&mut opened))) {
            Ok(Ok(value)) => {
                self.opened = Some(opened);
                self.failures = 0;
                return Some(value);
            }
            Ok(Err(error)) => error,
            Err(_) => FileError::damaged("the spool's code panicked"),
        };
        let waiting = opened.spool.waiting(Lane::Telemetry);
        drop(opened);
        if error.is_damage() {
            self.move_aside(&error, waiting.reports);
        } else if error.is_full_disk() {
            self.give_way(&error, waiting.bytes);
        } else {
            self.failed(&error);
        }
        None
    }

    /// Whether there is something for [`SpoolFile::tend`] to do.
    pub(super) fn needs_tending(&self) -> bool {
        self.is_too_large() || !self.reserve.is_held()
    }

    /// Gives room back to the disk, and takes the reserve again if there is room for it.
    pub(super) fn tend(&mut self) {
        if self.is_too_large() {
            self.attempt(|opened| opened.spool.compact());
            self.compacted_to = self.size();
        }
        if !self.reserve.is_held() && self.reserve.hold() && self.disk_limit.take().is_some() {
            tracing::info!(path = %self.path.display(), "the disk has room again");
        }
    }

    fn is_too_large(&self) -> bool {
        let Some(Opened { spool, .. }) = &self.opened else { return false };
        let live = spool.waiting(Lane::Telemetry).bytes + spool.waiting(Lane::Changes).bytes;
        self.size() > SMALL_FILE.max(2 * live).max(self.compacted_to + self.compacted_to / 2)
    }

    fn size(&self) -> u64 {
        fs::metadata(&self.path).map_or(0, |metadata| metadata.len())
    }

    /// Lives with what the disk has: from here on the oldest telemetry goes, as if the spool were full. The
    /// reserve makes that possible at once; without one, the next attempt has to find room by luck.
    fn give_way(&mut self, error: &FileError, waiting: u64) {
        let limit = (waiting - waiting / 10).max(LEAST);
        self.disk_limit = Some(self.disk_limit.map_or(limit, |known| known.min(limit)));
        if self.reserve.give_up() {
            tracing::error!(path = %self.path.display(), limit, "the disk is full; the spool gives way");
        } else {
            self.failed(error);
        }
    }

    fn failed(&mut self, error: &FileError) {
        tracing::error!(error = %error.0, path = %self.path.display(), "failed to use the spool");
        let wait = Duration::from_secs(1 << self.failures.min(5)).min(MAX_RETRY);
        self.failures += 1;
        self.retry_at = Instant::now() + wait;
    }

    fn reopen(&mut self) -> Result<(), OutboxError> {
        let opened = match self.open_file() {
            Err(error) if error.is_damage() => {
                self.move_aside(&error, 0);
                self.open_file()
            }
            opened => opened,
        };
        match opened {
            Ok(spool) => {
                self.opened = Some(Opened { spool, gaps: OpenGaps::default() });
                Ok(())
            }
            Err(error) if matches!(*error.0, redb::Error::DatabaseAlreadyOpen) => Err(OutboxError::InUse),
            Err(error) => {
                self.failed(&error);
                Err(OutboxError::Open(error.0))
            }
        }
    }

    fn open_file(&self) -> Result<Spool, FileError> {
        private_file(&self.path).map_err(|error| FileError(Box::new(redb::Error::Io(error))))?;
        let incarnation = rand::random();
        catch_unwind(AssertUnwindSafe(|| Spool::open(&self.path, &self.opener, incarnation)))
            .unwrap_or_else(|_| Err(FileError::damaged("the spool can't be opened")))
    }

    /// Keeps the damaged file under another name and notes what is missing since it was last written.
    fn move_aside(&mut self, error: &FileError, reports: u64) {
        let now = SystemTime::now();
        let written = fs::metadata(&self.path).and_then(|metadata| metadata.modified()).unwrap_or(now);
        let aside = self.path.with_extension("damaged");
        let moved = fs::rename(&self.path, &aside);
        tracing::error!(error = %error.0, kept_as = %aside.display(), moved = moved.is_ok(), "the spool is damaged; a new one is begun");
        self.shared.count(|stats| stats.forget(reports.max(1)));
        self.note_missing(Gap {
            from: Timestamp::from(written.min(now)),
            to: Timestamp::from(now),
            dropped_reports: reports,
            reason: GapReason::SpoolDamaged,
        });
    }
}

/// Makes the file readable by its owner only, before redb makes it with wider rights.
fn private_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path).map(drop)
}
