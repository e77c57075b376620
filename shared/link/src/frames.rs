//! Frames on streams: how they are read within limits, and written. The wire itself is in
//! `querysmith_shared::wire`.

use std::time::Duration;

use querysmith_shared::wire::codec::{self, CodecError, Message};
use querysmith_shared::wire::envelope::{Envelope, EnvelopeError, HEADER_BYTES, Kind};
use querysmith_shared::wire::link::{Refusal, RefusalCode};
use quinn::{ReadExactError, RecvStream, SendStream, WriteError};
use tokio::time::timeout;

/// A frame that was begun must be complete within this time.
const FRAME_TIME: Duration = Duration::from_secs(10);
/// Bytes of a body that are read at a time.
const STEP_BYTES: usize = 64 << 10;

/// One frame, whole, its body unread.
#[derive(Debug)]
pub struct Frame {
    /// What its body is.
    pub envelope: Envelope,
    /// The message, encoded.
    pub body: Vec<u8>,
}

/// Why there is no frame, or no message in it.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    /// The stream ended or broke inside a frame.
    #[error("the stream ended inside a frame")]
    Truncated(#[source] ReadExactError),
    /// The frame took too long.
    #[error("a frame was not complete within {} s", FRAME_TIME.as_secs())]
    TooSlow,
    /// The envelope is not one.
    #[error("the envelope can't be read: {0}")]
    Envelope(EnvelopeError),
    /// The frame was passed over: its kind, or its version, is not known here.
    #[error("messages of kind {kind} and version {schema} are not known here")]
    Unsupported {
        /// Number of the kind.
        kind: u16,
        /// Version of its layout.
        schema: u16,
        /// The frame's id.
        message_id: u128,
    },
    /// The body is not the message that the envelope promises.
    #[error("the message can't be read: {0}")]
    Malformed(CodecError),
    /// The message can't be written.
    #[error("the message can't be written: {0}")]
    Unwritable(CodecError),
    /// The stream can't be written.
    #[error("the stream can't be written")]
    Write(#[source] WriteError),
}

impl FrameError {
    /// What to tell the other side.
    pub fn refusal(&self) -> Refusal {
        let code = match self {
            Self::Unsupported { .. } => RefusalCode::Unsupported,
            Self::Truncated(_)
            | Self::TooSlow
            | Self::Envelope(_)
            | Self::Malformed(_)
            | Self::Unwritable(_)
            | Self::Write(_) => RefusalCode::Malformed,
        };
        Refusal { code, reason: self.to_string() }
    }
}

/// The next frame; `None` when the stream ends between frames. Waits without limit for the first byte,
/// and [`FRAME_TIME`] for the rest. A body longer than `widest`, the longest kind that is expected here,
/// is not read. Not safe to cancel: half a frame would be lost.
pub async fn read_frame(stream: &mut RecvStream, widest: Kind) -> Result<Option<Frame>, FrameError> {
    let mut header = [0; HEADER_BYTES];
    match stream.read_exact(&mut header[..1]).await {
        Ok(()) => {}
        Err(ReadExactError::FinishedEarly(0)) => return Ok(None),
        Err(error) => return Err(FrameError::Truncated(error)),
    }
    timeout(FRAME_TIME, read_rest(stream, header, widest.limit()))
        .await
        .unwrap_or(Err(FrameError::TooSlow))
        .map(Some)
}

async fn read_rest(
    stream: &mut RecvStream,
    mut header: [u8; HEADER_BYTES],
    limit: usize,
) -> Result<Frame, FrameError> {
    stream.read_exact(&mut header[1..]).await.map_err(FrameError::Truncated)?;
    match Envelope::from_bytes(&header) {
        Ok(envelope) if envelope.body_bytes > limit => {
            Err(FrameError::Envelope(EnvelopeError::TooLong { bytes: envelope.body_bytes, limit }))
        }
        Ok(envelope) => {
            // Memory follows what arrives, not what was announced.
            let mut body = Vec::new();
            while body.len() < envelope.body_bytes {
                let have = body.len();
                body.resize(envelope.body_bytes.min(have + STEP_BYTES), 0);
                stream.read_exact(&mut body[have..]).await.map_err(FrameError::Truncated)?;
            }
            Ok(Frame { envelope, body })
        }
        Err(EnvelopeError::UnknownKind { kind, body_bytes }) => {
            pass_over(stream, body_bytes).await?;
            let schema = u16::from_le_bytes([header[8], header[9]]);
            let mut message_id = [0; 16];
            message_id.copy_from_slice(&header[12..28]);
            Err(FrameError::Unsupported { kind, schema, message_id: u128::from_le_bytes(message_id) })
        }
        Err(error) => Err(FrameError::Envelope(error)),
    }
}

async fn pass_over(stream: &mut RecvStream, mut bytes: usize) -> Result<(), FrameError> {
    let mut scratch = [0; 4096];
    while bytes > 0 {
        let some = bytes.min(scratch.len());
        stream.read_exact(&mut scratch[..some]).await.map_err(FrameError::Truncated)?;
        bytes -= some;
    }
    Ok(())
}

/// The message in a frame.
pub fn message<M: Message>(frame: &Frame) -> Result<M, FrameError> {
    let Envelope { kind, schema, message_id, .. } = frame.envelope;
    if kind != M::KIND || schema != M::SCHEMA {
        return Err(FrameError::Unsupported { kind: kind as u16, schema, message_id });
    }
    codec::decode_body(&frame.body).map_err(FrameError::Malformed)
}

/// The message that answers, or the refusal that came in its place.
pub fn answer<M: Message>(frame: &Frame) -> Result<Result<M, Refusal>, FrameError> {
    match frame.envelope.kind {
        Kind::Refusal => message(frame).map(Err),
        _ => message(frame).map(Ok),
    }
}

/// Writes one message.
pub async fn write_message<M: Message>(
    stream: &mut SendStream,
    message: &M,
    message_id: u128,
) -> Result<(), FrameError> {
    let frame = codec::encode(message, message_id).map_err(FrameError::Unwritable)?;
    stream.write_all(&frame).await.map_err(FrameError::Write)
}

/// Writes a body that is encoded already.
pub async fn write_body<M: Message>(
    stream: &mut SendStream,
    body: &[u8],
    message_id: u128,
) -> Result<(), FrameError> {
    let envelope = Envelope::new(M::KIND, M::SCHEMA, message_id, body.len());
    stream.write_all(&envelope.to_bytes()).await.map_err(FrameError::Write)?;
    stream.write_all(body).await.map_err(FrameError::Write)
}
