//! One lane of reports over one stream: sends in order, at most a window ahead of what the controller
//! has stored, and forgets what it has.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use querysmith_link::frames::{FrameError, message, read_frame, write_body};
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::Refusal;
use querysmith_shared::wire::report::{Lane, Report, Stored};
use quinn::{Connection, RecvStream, SendStream};
use tokio::sync::Notify;

use super::outbox::Outbox;

/// Most reports that are sent and not acknowledged.
const WINDOW: u64 = 16;
/// Wait before a disk that can't be read is tried again.
const DISK_PAUSE: Duration = Duration::from_secs(1);
/// What changes are sent before telemetry: streams of a higher priority go first.
const CHANGES_PRIORITY: i32 = 1;

/// Why a lane ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LaneError {
    #[error("the connection broke")]
    Connection(#[source] quinn::ConnectionError),
    #[error("the lane's stream broke")]
    Frame(#[source] FrameError),
    #[error("the controller ended the lane")]
    Ended,
    #[error("the controller refused the lane: {0}")]
    Refused(Refusal),
    #[error("the spool was replaced")]
    NewSpool,
}

/// What was acknowledged, and by whom it was heard.
struct Progress {
    /// Reports that were sent and neither stored nor refused.
    open: std::sync::Mutex<Vec<u64>>,
    acknowledged: AtomicU64,
    moved: Notify,
}

/// Sends the reports of `lane` behind `stored` until something breaks.
pub(super) async fn run(
    connection: &Connection,
    outbox: &Outbox,
    incarnation: u64,
    lane: Lane,
    stored: u64,
) -> Result<(), LaneError> {
    // The stream is opened with its first report: the controller can't see an empty one.
    let Some(_) = outbox.wait_beyond(incarnation, lane, stored).await else {
        return Err(LaneError::NewSpool);
    };
    let (send, receive) = connection.open_bi().await.map_err(LaneError::Connection)?;
    if lane == Lane::Changes {
        let _ = send.set_priority(CHANGES_PRIORITY);
    }
    let progress = Progress {
        open: std::sync::Mutex::new(Vec::new()),
        acknowledged: AtomicU64::new(stored),
        moved: Notify::new(),
    };
    tokio::try_join!(
        write(send, outbox, incarnation, lane, stored, &progress),
        hear(receive, outbox, lane, &progress),
    )
    .map(drop)
}

async fn write(
    mut stream: SendStream,
    outbox: &Outbox,
    incarnation: u64,
    lane: Lane,
    stored: u64,
    progress: &Progress,
) -> Result<(), LaneError> {
    let mut sent = stored;
    loop {
        let Some(highest) = outbox.wait_beyond(incarnation, lane, sent).await else {
            return Err(LaneError::NewSpool);
        };
        let room = progress.room().await;
        let Some(batch) = outbox.next(lane, sent, room).await else {
            tokio::time::sleep(DISK_PAUSE).await;
            continue;
        };
        if batch.is_empty() {
            // What had these numbers was merged, dropped or set aside.
            sent = highest;
        }
        for (sequence, body) in batch {
            progress.sent(sequence);
            let message_id = u128::from(sequence);
            write_body::<Report>(&mut stream, &body, message_id).await.map_err(LaneError::Frame)?;
            sent = sequence;
        }
    }
}

async fn hear(
    mut stream: RecvStream,
    outbox: &Outbox,
    lane: Lane,
    progress: &Progress,
) -> Result<(), LaneError> {
    loop {
        let frame =
            read_frame(&mut stream, Kind::Stored).await.map_err(LaneError::Frame)?.ok_or(LaneError::Ended)?;
        if frame.envelope.kind == Kind::Refusal {
            let refusal: Refusal = message(&frame).map_err(LaneError::Frame)?;
            let sequence = u64::try_from(frame.envelope.message_id).unwrap_or(0);
            if !progress.is_open(sequence) {
                return Err(LaneError::Refused(refusal));
            }
            tracing::error!(?lane, sequence, reason = %refusal, "the controller can't store a report; it is kept aside");
            outbox.set_aside(lane, sequence).await;
            progress.close(sequence);
            continue;
        }
        let stored: Stored = message(&frame).map_err(LaneError::Frame)?;
        if stored.lane == lane
            && progress.acknowledged.fetch_max(stored.sequence, Ordering::AcqRel) < stored.sequence
        {
            outbox.acknowledge(lane, stored.sequence).await;
            progress.close_up_to(stored.sequence);
        }
    }
}

impl Progress {
    /// Waits until something may be sent; how many reports.
    async fn room(&self) -> usize {
        loop {
            let moved = self.moved.notified();
            let open = self.lock().len() as u64;
            if open < WINDOW {
                return usize::try_from(WINDOW - open).unwrap_or(1);
            }
            moved.await;
        }
    }

    fn sent(&self, sequence: u64) {
        self.lock().push(sequence);
    }

    fn is_open(&self, sequence: u64) -> bool {
        self.lock().contains(&sequence)
    }

    fn close(&self, sequence: u64) {
        self.lock().retain(|open| *open != sequence);
        self.moved.notify_waiters();
    }

    fn close_up_to(&self, sequence: u64) {
        self.lock().retain(|open| *open > sequence);
        self.moved.notify_waiters();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<u64>> {
        self.open.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
