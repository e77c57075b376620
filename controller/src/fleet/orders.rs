//! One order to one agent, on a stream of its own.

use querysmith_link::frames::{FrameError, answer, read_frame, write_message};
use querysmith_shared::wire::envelope::Kind;
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use querysmith_shared::wire::order::{Answer, Order};
use quinn::Connection;

use super::roster::OrderError;

/// Sends `order` and waits for its answer; the caller limits the time.
pub(super) async fn send(connection: &Connection, order: &Order) -> Result<Answer, OrderError> {
    let (mut send, mut receive) = connection.open_bi().await.map_err(|_| OrderError::NotConnected)?;
    match write_message(&mut send, order, 0).await {
        Ok(()) => {}
        Err(FrameError::Unwritable(error)) => {
            let reason = error.to_string();
            return Err(OrderError::Refused(Refusal { code: RefusalCode::Malformed, reason }));
        }
        Err(_) => return Err(OrderError::Timeout),
    }
    let _ = send.finish();
    let Ok(Some(frame)) = read_frame(&mut receive, Kind::Answer).await else {
        return Err(OrderError::Timeout);
    };
    let unreadable = |error: FrameError| OrderError::Refused(error.refusal());
    answer(&frame).map_err(unreadable)?.map_err(OrderError::Refused)
}
