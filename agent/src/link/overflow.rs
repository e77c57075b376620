//! Makes room in a full spool, and says in the spool what is missing. Carries out what
//! [`room`](super::room) decides.

use querysmith_shared::observation::gap::{Gap, GapReason};
use querysmith_shared::observation::query_stats::QueryStats;
use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::codec::encode_body;
use querysmith_shared::wire::report::{Lane, Report, ReportBody};

use super::room::{Nature, drops, merge, merge_groups};
use super::spool::edit::Edit;
use super::spool::{FileError, Spool, label};
use super::spool_file::Opened;

/// Labels that are looked at in one go: about a megabyte of memory.
const MAX_LABELS: usize = 16_384;
/// Reports dropped in one transaction, so that a full spool is emptied in short steps.
const DROPS_AT_ONCE: usize = 64;

/// The gaps that can still grow, because they did not leave this host yet; one for each reason.
#[derive(Debug, Default)]
pub(super) struct OpenGaps(Vec<(u64, Gap)>);

/// What making room has cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Lost {
    /// Reports dropped.
    pub(super) reports: u64,
    /// Those among them that say something once.
    pub(super) said_once: u64,
}

/// One attempt to make room.
pub(super) struct Overflow<'a> {
    pub(super) opened: &'a mut Opened,
    pub(super) max_bytes: u64,
    /// What the gap says.
    pub(super) reason: GapReason,
    pub(super) now: Timestamp,
    /// What it has cost so far, also when it failed half-way.
    pub(super) lost: Lost,
}

impl Overflow<'_> {
    /// Frees telemetry until `incoming` more bytes fit below `max_bytes`, and a tenth more, so that a full
    /// spool is not rearranged for every single report.
    pub(super) fn make_room(&mut self, incoming: u64) -> Result<(), FileError> {
        let spool = &mut self.opened.spool;
        if spool.waiting(Lane::Telemetry).bytes + incoming <= self.max_bytes {
            return Ok(());
        }
        let target = (self.max_bytes - self.max_bytes / 10).saturating_sub(incoming);
        for group in merge_groups(&spool.labels(MAX_LABELS)?, spool.handed_out()) {
            if spool.waiting(Lane::Telemetry).bytes <= target {
                return Ok(());
            }
            merge_group(spool, &group)?;
        }
        loop {
            let spool = &self.opened.spool;
            let excess = spool.waiting(Lane::Telemetry).bytes.saturating_sub(target);
            let dropped = drops(&spool.labels(MAX_LABELS)?, excess);
            if dropped.is_empty() {
                return Ok(());
            }
            for some in dropped.chunks(DROPS_AT_ONCE) {
                self.drop_some(some)?;
            }
        }
    }

    fn drop_some(&mut self, some: &[u64]) -> Result<(), FileError> {
        let Opened { spool, gaps } = &mut *self.opened;
        let handed_out = spool.handed_out();
        let mut edit = spool.edit()?;
        let mut lost = Lost::default();
        let mut gap: Option<Gap> = None;
        for sequence in some {
            let Some(label) = edit.remove(Lane::Telemetry, *sequence)? else { continue };
            lost.reports += 1;
            lost.said_once += u64::from(label.nature == Nature::Once);
            let one = Gap { from: label.from, to: label.to, dropped_reports: 1, reason: self.reason };
            gap = Some(gap.map_or(one.clone(), |gap| widened(gap, &one)));
        }
        if let Some(gap) = gap {
            let noted = gaps.note(&mut edit, handed_out, &gap, self.now)?;
            edit.commit()?;
            gaps.remember(noted);
            self.lost.reports += lost.reports;
            self.lost.said_once += lost.said_once;
        }
        Ok(())
    }
}

fn merge_group(spool: &mut Spool, group: &[u64]) -> Result<(), FileError> {
    let mut pending: Option<(Vec<u64>, Report, QueryStats)> = None;
    for sequence in group {
        let Some(report) = spool.report(Lane::Telemetry, *sequence)? else { continue };
        let ReportBody::QueryStats(stats) = &report.body else { continue };
        let stats = stats.clone();
        pending = Some(match pending.take() {
            None => (vec![*sequence], report, stats),
            Some((mut members, earlier, sum)) => match merge(&sum, &stats) {
                Some(merged) => {
                    members.push(*sequence);
                    (members, report, merged)
                }
                None => {
                    replace(spool, &members, earlier, sum)?;
                    (vec![*sequence], report, stats)
                }
            },
        });
    }
    match pending {
        Some((members, last, sum)) => replace(spool, &members, last, sum),
        None => Ok(()),
    }
}

/// Puts one report in the place of `members`, under the number of the last of them. If a crash takes
/// this back, nothing is lost or doubled: the members are as they were.
fn replace(spool: &mut Spool, members: &[u64], last: Report, sum: QueryStats) -> Result<(), FileError> {
    if members.len() < 2 {
        return Ok(());
    }
    let report = Report { body: ReportBody::QueryStats(sum), ..last };
    let body = encode(&report)?;
    let mut edit = spool.edit()?;
    for member in members {
        edit.remove(Lane::Telemetry, *member)?;
    }
    edit.put(Lane::Telemetry, report.sequence, &label(&report, body.len()), &body)?;
    edit.commit_lazily()
}

impl OpenGaps {
    /// Stores `gap` in the transaction: grows the one of its reason if that did not leave this host yet,
    /// or else begins one. The result is for [`OpenGaps::remember`], after the commit.
    pub(super) fn note(
        &self,
        edit: &mut Edit<'_>,
        handed_out: u64,
        gap: &Gap,
        now: Timestamp,
    ) -> Result<(u64, Gap), FileError> {
        let open = self.0.iter().find(|(sequence, open)| open.reason == gap.reason && *sequence > handed_out);
        let (sequence, gap) = match open {
            Some((sequence, open)) => (*sequence, widened(open.clone(), gap)),
            None => (edit.next_number(Lane::Telemetry), gap.clone()),
        };
        let body = ReportBody::Gap(gap.clone());
        let report = Report { lane: Lane::Telemetry, sequence, made_at: now, instance: None, body };
        let encoded = encode(&report)?;
        let label = label(&report, encoded.len());
        match open {
            Some(_) => edit.put(Lane::Telemetry, sequence, &label, &encoded)?,
            None => {
                edit.append(Lane::Telemetry, &label, &encoded)?;
            }
        }
        Ok((sequence, gap))
    }

    /// Takes over what [`OpenGaps::note`] has stored.
    pub(super) fn remember(&mut self, noted: (u64, Gap)) {
        self.0.retain(|(_, open)| open.reason != noted.1.reason);
        self.0.push(noted);
    }
}

/// The gap that covers both.
pub(super) fn widened(gap: Gap, more: &Gap) -> Gap {
    Gap {
        from: gap.from.min(more.from),
        to: gap.to.max(more.to),
        dropped_reports: gap.dropped_reports.saturating_add(more.dropped_reports),
        reason: gap.reason,
    }
}

/// The body of a report's frame.
pub(super) fn encode(report: &Report) -> Result<Vec<u8>, FileError> {
    encode_body(report).map_err(|_| FileError::damaged("a report can't be written"))
}
