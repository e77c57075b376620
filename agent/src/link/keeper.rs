//! The thread that owns the spool: takes commands one after the other, and groups appends into one
//! commit.

use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant, SystemTime};

use querysmith_shared::observation::gap::{Gap, GapReason};
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::codec::encode_body;
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::report::{Lane, Report};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use super::outbox::{OutboxError, Shared, SpoolConfig};
use super::overflow::{Lost, Overflow};
use super::spool::edit::Edit;
use super::spool::{FileError, NewReport, Opener, label, place};
use super::spool_file::{Opened, SpoolFile};

/// Most appends in one commit.
const MAX_GROUP: usize = 64;
/// Quiet time after which the file is tended to, and the time after which it is although it is never
/// quiet.
const QUIET: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(60);

/// Numbers and bodies of reports, in order.
pub(super) type Batch = Vec<(u64, Vec<u8>)>;

/// What the outbox asks of its thread. The permit keeps the queue short.
pub(super) enum Command {
    Append(Box<NewReport>, oneshot::Sender<Result<u64, OutboxError>>, OwnedSemaphorePermit),
    Next { lane: Lane, after: u64, most: usize, reply: oneshot::Sender<Option<Batch>> },
    Acknowledge { lane: Lane, sequence: u64, reply: oneshot::Sender<()> },
    SetAside { lane: Lane, sequence: u64, reply: oneshot::Sender<()> },
    Close(oneshot::Sender<()>),
}

type Append = (Box<NewReport>, oneshot::Sender<Result<u64, OutboxError>>, OwnedSemaphorePermit);

pub(super) struct Keeper {
    config: SpoolConfig,
    shared: Arc<Shared>,
    file: SpoolFile,
    /// Since when the file has needed tending.
    untended_since: Option<Instant>,
}

impl Keeper {
    /// Opens the spool; a damaged file is moved aside and a new one begun.
    pub(super) fn open(
        path: PathBuf,
        opener: Opener,
        config: SpoolConfig,
        shared: Arc<Shared>,
    ) -> Result<Self, OutboxError> {
        let file = SpoolFile::open(path, opener, Arc::clone(&shared))?;
        let mut keeper = Self { config, shared, file, untended_since: None };
        if !keeper.file.missing().is_empty() {
            keeper.append_all(&[]);
        }
        keeper.publish();
        Ok(keeper)
    }

    /// Works until every handle is gone or one asks to close.
    pub(super) fn run(mut self, commands: &mpsc::Receiver<Command>) {
        let mut held_back = None;
        loop {
            let command = match held_back.take() {
                Some(command) => Ok(command),
                None if self.needs_tending() => commands.recv_timeout(QUIET),
                None => commands.recv().map_err(|_| mpsc::RecvTimeoutError::Disconnected),
            };
            match command {
                Ok(Command::Close(reply)) => {
                    self.file.close();
                    self.shared.announce(0, [0; 2]);
                    let _ = reply.send(());
                    return;
                }
                Ok(Command::Append(report, reply, permit)) => {
                    let mut group = vec![(report, reply, permit)];
                    while group.len() < MAX_GROUP && held_back.is_none() {
                        match commands.try_recv() {
                            Ok(Command::Append(report, reply, permit)) => group.push((report, reply, permit)),
                            Ok(other) => held_back = Some(other),
                            Err(_) => break,
                        }
                    }
                    self.append(group);
                }
                Ok(Command::Next { lane, after, most, reply }) => {
                    let batch = self.file.attempt(|opened| opened.spool.next(lane, after, most));
                    self.publish();
                    let _ = reply.send(batch);
                }
                Ok(Command::Acknowledge { lane, sequence, reply }) => {
                    self.acknowledge(lane, sequence);
                    self.publish();
                    let _ = reply.send(());
                }
                Ok(Command::SetAside { lane, sequence, reply }) => {
                    self.file.attempt(|opened| {
                        let mut edit = opened.spool.edit()?;
                        edit.set_aside(lane, sequence)?;
                        edit.commit()
                    });
                    self.publish();
                    let _ = reply.send(());
                }
                Err(mpsc::RecvTimeoutError::Timeout) => self.tend(),
                Err(mpsc::RecvTimeoutError::Disconnected) => return,
            }
            if self.untended_since.is_some_and(|since| since.elapsed() > PATIENCE) {
                self.tend();
            }
        }
    }

    fn append(&mut self, group: Vec<Append>) {
        let (reports, waiters): (Vec<_>, Vec<_>) =
            group.into_iter().map(|(report, reply, permit)| (report, (reply, permit))).unzip();
        let results = match self.append_all(&reports) {
            Some(results) => results,
            None => {
                self.shared.count(|stats| stats.failed_appends += reports.len() as u64);
                for report in reports.iter().filter(|report| report.lane == Lane::Telemetry) {
                    self.file.note_missing(Gap {
                        from: report.made_at,
                        to: report.made_at,
                        dropped_reports: 1,
                        reason: GapReason::DiskFull,
                    });
                }
                reports.iter().map(|_| Err(OutboxError::Unwritable)).collect()
            }
        };
        self.publish();
        for ((reply, _permit), result) in waiters.into_iter().zip(results) {
            let _ = reply.send(result);
        }
    }

    /// One transaction for all of `reports`, with the gaps that wait to be written. `None` if the file
    /// failed.
    fn append_all(&mut self, reports: &[Box<NewReport>]) -> Option<Vec<Result<u64, OutboxError>>> {
        let now = Timestamp::from(SystemTime::now());
        let telemetry = reports.iter().filter(|report| report.lane == Lane::Telemetry);
        let incoming =
            telemetry.map(|report| encode_body(&report.body).map_or(0, |body| body.len() as u64)).sum();
        // A full disk shows here and at the commit; then, with the reserve given up, once more.
        for _ in 0..2 {
            let was_short = self.file.is_short_of_room();
            let (max_bytes, reason) = self.file.limit(self.config.max_bytes);
            let missing = self.file.missing();
            let (shared, config) = (&self.shared, &self.config);
            let results = self.file.attempt(|opened| {
                let mut overflow = Overflow { opened, max_bytes, reason, now, lost: Lost::default() };
                let made = overflow.make_room(incoming);
                let lost = overflow.lost;
                shared.count(|stats| {
                    stats.dropped_reports += lost.reports;
                    stats.forgotten += lost.said_once;
                });
                made?;
                write(opened, &missing, reports, config.max_change_bytes, now)
            });
            if results.is_some() {
                self.file.missing_is_written();
                return results;
            }
            if was_short || !self.file.is_short_of_room() {
                return None;
            }
        }
        None
    }

    fn acknowledge(&mut self, lane: Lane, sequence: u64) {
        // Lazily, because it may happen twice: the controller says it again at the next hello. On a full
        // disk at once, because the room is needed.
        let lazily = !self.file.is_short_of_room();
        let unknown = self.file.attempt(|opened| {
            let last = opened.spool.last()[place(lane)];
            let mut edit = opened.spool.edit()?;
            let removed = edit.remove_up_to(lane, sequence)?;
            if removed > 0 {
                self.shared.count(|stats| stats.acknowledged += 1);
            }
            if sequence <= last {
                return match lazily {
                    true => edit.commit_lazily().map(|()| 0),
                    false => edit.commit().map(|()| 0),
                };
            }
            // The controller has numbers that this file never gave: an old copy of the state directory
            // was put back. What was numbered since can't be told from what is stored there.
            tracing::error!(
                ?lane,
                sequence,
                last,
                "the controller has newer reports than this spool ever made"
            );
            edit.skip_to(lane, sequence)?;
            edit.commit()?;
            Ok(removed)
        });
        if let Some(reports @ 1..) = unknown {
            let now = Timestamp::from(SystemTime::now());
            self.shared.count(|stats| stats.forget(reports));
            let reason = GapReason::SpoolDamaged;
            self.file.note_missing(Gap { from: now, to: now, dropped_reports: reports, reason });
        }
    }

    fn needs_tending(&mut self) -> bool {
        let needed = self.file.needs_tending();
        self.untended_since = needed.then(|| self.untended_since.unwrap_or_else(Instant::now));
        needed
    }

    fn tend(&mut self) {
        self.file.tend();
        self.untended_since = None;
    }

    /// Tells every handle what is in the file now: before the answer, so that whoever got the answer sees
    /// what it did.
    fn publish(&self) {
        let Some(Opened { spool, .. }) = self.file.opened() else { return };
        let (telemetry, changes) = (spool.waiting(Lane::Telemetry), spool.waiting(Lane::Changes));
        self.shared.count(|stats| {
            stats.reports = telemetry.reports + changes.reports;
            stats.bytes = telemetry.bytes + changes.bytes;
        });
        self.shared.announce(spool.incarnation(), spool.last());
    }
}

/// Numbers and stores `reports` behind the gaps in `missing`, in one transaction.
fn write(
    opened: &mut Opened,
    missing: &[Gap],
    reports: &[Box<NewReport>],
    max_change_bytes: u64,
    now: Timestamp,
) -> Result<Vec<Result<u64, OutboxError>>, FileError> {
    let handed_out = opened.spool.handed_out();
    let mut change_room = max_change_bytes.saturating_sub(opened.spool.waiting(Lane::Changes).bytes);
    let mut edit = opened.spool.edit()?;
    let mut noted = Vec::new();
    for gap in missing {
        noted.push(opened.gaps.note(&mut edit, handed_out, gap, now)?);
    }
    let mut results = Vec::with_capacity(reports.len());
    for new in reports {
        results.push(write_one(&mut edit, new, &mut change_room)?);
    }
    edit.commit()?;
    for gap in noted {
        opened.gaps.remember(gap);
    }
    Ok(results)
}

/// The outer error is the file's and ends the transaction; the inner one is this report's alone.
fn write_one(
    edit: &mut Edit<'_>,
    new: &NewReport,
    change_room: &mut u64,
) -> Result<Result<u64, OutboxError>, FileError> {
    let sequence = edit.next_number(new.lane);
    let report = Report {
        lane: new.lane,
        sequence,
        made_at: new.made_at,
        instance: new.instance,
        body: new.body.clone(),
    };
    let body = match encode_body(&report) {
        Ok(body) if body.len() <= Kind::Report.limit() => body,
        Ok(body) => return Ok(Err(OutboxError::TooLong { bytes: body.len() })),
        Err(error) => return Ok(Err(OutboxError::Unencodable(error))),
    };
    if new.lane == Lane::Changes {
        match change_room.checked_sub(body.len() as u64) {
            Some(left) => *change_room = left,
            None => return Ok(Err(OutboxError::ChangesFull)),
        }
    }
    edit.append(new.lane, &label(&report, body.len()), &body).map(Ok)
}
