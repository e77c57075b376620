//! One lane of an agent's reports: reads ahead within a bound, stores in batches, and acknowledges what
//! was committed.

use std::collections::VecDeque;
use std::time::Duration;

use querysmith_link::frames::{Frame, FrameError, message, read_frame, write_message};
use querysmith_shared::wire::codec::Message;
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use querysmith_shared::wire::report::{Lane, Report, Stored};
use quinn::{RecvStream, SendStream};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use tokio::time::timeout;

use super::pace::UNIT;
use super::session::{Conversation, WRITE_TIME};
use super::store::IngestError;

/// Most reports of one batch: one commit.
const MAX_BATCH: usize = 64;
/// Most bytes of one batch.
const MAX_BATCH_BYTES: usize = 4 << 20;
/// Frames that are read ahead of the store.
const READ_AHEAD: usize = 64;
/// First and longest wait while the store is away.
const FIRST_WAIT: Duration = Duration::from_millis(250);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// What the reading half hands to the storing half.
enum Arrival {
    Report(Box<Report>, usize, OwnedSemaphorePermit),
    /// A frame that is no report we can read; the id says which.
    Unreadable {
        message_id: u128,
        refusal: Refusal,
    },
}

/// The lane of a frame that holds a report.
pub(super) fn of(frame: &Frame) -> Result<Lane, Refusal> {
    message::<Report>(frame).map(|report| report.lane).map_err(|error| error.refusal())
}

/// Takes the reports of one stream, `first` among them, until it ends.
pub(super) async fn run(
    conversation: &Conversation,
    lane: Lane,
    first: Frame,
    send: &mut SendStream,
    receive: &mut RecvStream,
) -> Result<(), Refusal> {
    let (arrivals, queue) = mpsc::channel(READ_AHEAD);
    let mut stop = conversation.context.fleet.stopping();
    let reading = async {
        // Dropping the sender ends the storing half after what was read.
        let arrivals = arrivals;
        tokio::select! {
            outcome = read(conversation, lane, first, receive, &arrivals) => outcome,
            _ = stop.wait_for(|stop| *stop) => Ok(()),
        }
    };
    let (read, stored) = tokio::join!(reading, store(conversation, lane, queue, send));
    match conversation.connection.close_reason() {
        // Whatever failed, failed because the connection is gone.
        Some(_) => Ok(()),
        None => read.and(stored),
    }
}

async fn read(
    conversation: &Conversation,
    lane: Lane,
    first: Frame,
    receive: &mut RecvStream,
    arrivals: &mpsc::Sender<Arrival>,
) -> Result<(), Refusal> {
    let mut last = 0;
    let mut next = Ok(Some(first));
    loop {
        let arrival = match next {
            Ok(Some(frame)) => arrival(conversation, lane, &mut last, &frame).await?,
            Ok(None) => return Ok(()),
            Err(FrameError::Unsupported { kind, schema, message_id }) => {
                let refusal = FrameError::Unsupported { kind, schema, message_id }.refusal();
                Arrival::Unreadable { message_id, refusal }
            }
            // The connection's end is not the agent's fault.
            Err(FrameError::Truncated(_)) if conversation.connection.close_reason().is_some() => {
                return Ok(());
            }
            Err(error) => return Err(error.refusal()),
        };
        if arrivals.send(arrival).await.is_err() {
            return Ok(());
        }
        next = read_frame(receive, Kind::Report).await;
    }
}

async fn arrival(
    conversation: &Conversation,
    lane: Lane,
    last: &mut u64,
    frame: &Frame,
) -> Result<Arrival, Refusal> {
    let message_id = frame.envelope.message_id;
    let report = match message::<Report>(frame) {
        Ok(report) => report,
        Err(error) => return Ok(Arrival::Unreadable { message_id, refusal: error.refusal() }),
    };
    if report.lane != lane || report.sequence <= *last {
        let reason = format!("report {} does not follow report {last} of its lane", report.sequence);
        return Err(Refusal { code: RefusalCode::Malformed, reason });
    }
    *last = report.sequence;
    let bytes = frame.body.len();
    tokio::select! {
        () = conversation.context.pace.wait(conversation.agent, lane, bytes) => {}
        _ = conversation.connection.closed() => {}
    }
    let units = u32::try_from(bytes / UNIT + 1).unwrap_or(u32::MAX);
    let memory = conversation.memory.clone().acquire_many_owned(units).await;
    let memory =
        memory.map_err(|_| Refusal { code: RefusalCode::Stopping, reason: "stopping".to_owned() })?;
    Ok(Arrival::Report(Box::new(report), bytes, memory))
}

async fn store(
    conversation: &Conversation,
    lane: Lane,
    mut queue: mpsc::Receiver<Arrival>,
    send: &mut SendStream,
) -> Result<(), Refusal> {
    let mut waiting = VecDeque::new();
    loop {
        if waiting.is_empty() {
            let Some(arrival) = queue.recv().await else { return Ok(()) };
            waiting.push_back(arrival);
        }
        while waiting.len() < MAX_BATCH
            && let Ok(arrival) = queue.try_recv()
        {
            waiting.push_back(arrival);
        }
        let mut reports = Vec::new();
        let mut memory = Vec::new();
        let mut bytes = 0;
        while let Some(Arrival::Report(_, size, _)) = waiting.front()
            && (reports.is_empty() || bytes + size <= MAX_BATCH_BYTES)
            && let Some(Arrival::Report(report, size, permit)) = waiting.pop_front()
        {
            bytes += size;
            reports.push(*report);
            memory.push(permit);
        }
        if !reports.is_empty() {
            commit(conversation, lane, reports, send).await?;
        } else if let Some(Arrival::Unreadable { message_id, refusal }) = waiting.pop_front() {
            conversation.bad_frame(&refusal);
            answer(send, &refusal, message_id).await?;
        }
    }
}

/// Stores a batch, however long the store is away, and acknowledges it.
async fn commit(
    conversation: &Conversation,
    lane: Lane,
    mut reports: Vec<Report>,
    send: &mut SendStream,
) -> Result<(), Refusal> {
    let mut wait = FIRST_WAIT;
    let mut stop = conversation.context.fleet.stopping();
    while !reports.is_empty() {
        let ingest = &conversation.context.ingest;
        match ingest.ingest(conversation.agent, conversation.incarnation, lane, reports.clone()).await {
            Ok(sequence) => return answer(send, &Stored { lane, sequence }, 0).await,
            Err(IngestError::Malformed { sequence, reason }) => {
                let refusal = Refusal { code: RefusalCode::Malformed, reason };
                let before = reports.len();
                reports.retain(|report| report.sequence != sequence);
                if reports.len() == before {
                    return Err(refusal);
                }
                conversation.bad_frame(&refusal);
                answer(send, &refusal, u128::from(sequence)).await?;
            }
            Err(IngestError::Away(error)) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(agent = %conversation.agent, ?lane, reports = reports.len(), cause, "the store is away; reports wait");
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    _ = conversation.connection.closed() => return Ok(()),
                    _ = stop.wait_for(|stop| *stop) => return Ok(()),
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
    Ok(())
}

async fn answer<M: Message>(send: &mut SendStream, message: &M, message_id: u128) -> Result<(), Refusal> {
    match timeout(WRITE_TIME, write_message(send, message, message_id)).await {
        Ok(Ok(())) => Ok(()),
        // The connection is gone, or the agent does not listen: what was stored stays stored, and the
        // agent learns of it at its next hello.
        Ok(Err(_)) | Err(_) => {
            Err(Refusal { code: RefusalCode::TooMany, reason: "the agent does not take answers".to_owned() })
        }
    }
}
