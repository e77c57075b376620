//! Orders from the controller: each on a stream of its own, answered there.

use querysmith_link::frames::{FrameError, message, read_frame, write_message};
use querysmith_shared::wire::codec::CodecError;
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use querysmith_shared::wire::order::{Answer, Order};
use quinn::{Connection, ConnectionError, RecvStream, SendStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;

use super::connection::IncomingOrder;

/// Takes orders until the connection ends.
pub(super) async fn take(connection: &Connection, orders: &mpsc::Sender<IncomingOrder>) -> ConnectionError {
    // Dropped with the connection: an order that was handed over is carried out all the same.
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            stream = connection.accept_bi() => match stream {
                Ok((send, receive)) => {
                    open.spawn(answer_one(send, receive, orders.clone()));
                }
                Err(error) => return error,
            },
            Some(_) = open.join_next() => {}
        }
    }
}

async fn answer_one(mut send: SendStream, mut receive: RecvStream, orders: mpsc::Sender<IncomingOrder>) {
    let frame = match read_frame(&mut receive, Kind::Order).await {
        Ok(Some(frame)) => frame,
        Ok(None) => return,
        Err(error) => return refuse(&mut send, error.refusal(), 0).await,
    };
    let message_id = frame.envelope.message_id;
    let order = match message::<Order>(&frame) {
        Ok(order) => order,
        Err(error) => return refuse(&mut send, error.refusal(), message_id).await,
    };
    let (reply, answer) = oneshot::channel();
    let handed_over = orders.send(IncomingOrder { order, reply }).await.is_ok();
    let answer = match handed_over {
        true => answer.await.ok(),
        false => None,
    };
    let Some(answer) = answer else {
        let reason = "this agent is stopping and did not take the order".to_owned();
        return refuse(&mut send, Refusal { code: RefusalCode::Stopping, reason }, message_id).await;
    };
    let written = match write_message(&mut send, &answer, message_id).await {
        Err(FrameError::Unwritable(CodecError::TooLong { bytes, limit })) => {
            let reason = format!("the answer has {bytes} bytes, more than the {limit} that are allowed");
            write_message(&mut send, &Answer::Refused(reason), message_id).await
        }
        written => written,
    };
    if let Err(error) = written {
        tracing::warn!(%error, "failed to answer an order");
    }
    let _ = send.finish();
}

async fn refuse(send: &mut SendStream, refusal: Refusal, message_id: u128) {
    tracing::warn!(reason = %refusal, "an order was refused");
    let _ = write_message(send, &refusal, message_id).await;
    let _ = send.finish();
}
