//! Bodies as bytes. The only file that names the serialiser.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::envelope::{Envelope, HEADER_BYTES, Kind, MAX_BODY_BYTES};

/// Why bytes are no message.
#[derive(Debug, thiserror::Error)]
pub enum CodecError {
    /// The message would be longer than its kind allows.
    #[error("the message is {bytes} bytes long, more than the {limit} its kind allows")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit of its kind.
        limit: usize,
    },
    /// The bytes do not fit the type.
    #[error("the body can't be read: {0}")]
    Malformed(String),
    /// The message ended before its bytes did.
    #[error("{0} bytes are left over behind the message")]
    TrailingBytes(usize),
    /// The message can't be written.
    #[error("the message can't be written: {0}")]
    Unwritable(String),
}

/// A message that travels as the body of one kind and schema.
pub trait Message: Serialize + DeserializeOwned {
    /// Its kind, which also gives its limit.
    const KIND: Kind;
    /// The version of its layout.
    const SCHEMA: u16 = 1;
}

/// The whole frame of `message`: envelope and body.
pub fn encode<M: Message>(message: &M, message_id: u128) -> Result<Vec<u8>, CodecError> {
    let body = encode_body(message)?;
    let limit = M::KIND.limit();
    if body.len() > limit {
        return Err(CodecError::TooLong { bytes: body.len(), limit });
    }
    let envelope = Envelope::new(M::KIND, M::SCHEMA, message_id, body.len());
    let mut frame = Vec::with_capacity(HEADER_BYTES + body.len());
    frame.extend_from_slice(&envelope.to_bytes());
    frame.extend_from_slice(&body);
    Ok(frame)
}

/// The bytes of a body, without envelope.
pub fn encode_body<T: Serialize>(value: &T) -> Result<Vec<u8>, CodecError> {
    bincode::serde::encode_to_vec(value, bincode::config::standard())
        .map_err(|error| CodecError::Unwritable(error.to_string()))
}

/// Reads a body; every byte must belong to it.
pub fn decode_body<T: DeserializeOwned>(body: &[u8]) -> Result<T, CodecError> {
    let config = bincode::config::standard().with_limit::<MAX_BODY_BYTES>();
    let (value, read) = bincode::serde::decode_from_slice(body, config)
        .map_err(|error| CodecError::Malformed(error.to_string()))?;
    match body.len() - read {
        0 => Ok(value),
        left => Err(CodecError::TrailingBytes(left)),
    }
}
