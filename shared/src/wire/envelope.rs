//! The envelope before every body. Frozen for ever: written by hand, not by a serialiser.

/// First bytes of every frame.
pub const MAGIC: u32 = 0x5153_4d31;
/// Version of the envelope itself.
pub const PROTOCOL: u16 = 1;
/// Length of an envelope, bytes.
pub const HEADER_BYTES: usize = 32;
/// Longest body of any kind, bytes.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// Longest body of a conversation about the link itself, bytes.
const CONTROL: usize = 64 << 10;
/// Longest body of an ordinary report, bytes.
const REPORT: usize = 4 << 20;

/// What a body is. The numbers are on the wire and never used again for anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u16)]
pub enum Kind {
    /// Agent to controller: who I am, what I watch.
    Hello = 1,
    /// Controller to agent: welcome, and what I have of you.
    Welcome = 2,
    /// Either way: refused, and why.
    Refusal = 3,
    /// Agent to controller: sign my next certificate.
    RenewRequest = 4,
    /// Controller to agent: your certificate.
    Certificate = 5,
    /// Agent to controller: enrol me.
    EnrolRequest = 6,
    /// Agent to controller: one numbered report.
    Report = 16,
    /// Controller to agent: stored up to here.
    Stored = 17,
    /// Controller to agent: do this.
    Order = 32,
    /// Agent to controller: the answer to an order.
    Answer = 33,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 10] = [
        Self::Hello,
        Self::Welcome,
        Self::Refusal,
        Self::RenewRequest,
        Self::Certificate,
        Self::EnrolRequest,
        Self::Report,
        Self::Stored,
        Self::Order,
        Self::Answer,
    ];

    /// Longest body of this kind, bytes.
    pub fn limit(self) -> usize {
        match self {
            Self::Welcome
            | Self::Refusal
            | Self::RenewRequest
            | Self::Certificate
            | Self::EnrolRequest
            | Self::Stored => CONTROL,
            Self::Hello | Self::Report | Self::Order => REPORT,
            Self::Answer => MAX_BODY_BYTES,
        }
    }

    fn from_number(number: u16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u16 == number)
    }
}

/// The envelope of one frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// What the body is.
    pub kind: Kind,
    /// Version of the body's layout.
    pub schema: u16,
    /// Joins an answer to its question.
    pub message_id: u128,
    /// Length of the body, bytes; within the kind's limit.
    pub body_bytes: usize,
}

/// Why 32 bytes are no envelope of ours.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    /// It does not begin as ours do.
    #[error("the bytes are not of this protocol")]
    WrongMagic,
    /// The envelope's version is not known.
    #[error("version {0} of the envelope is not known here")]
    UnknownProtocol(u16),
    /// The kind is not known. The body can be passed over: `body_bytes` is within the widest limit.
    #[error("messages of kind {kind} are not known here")]
    UnknownKind {
        /// Its number.
        kind: u16,
        /// Length of the body, bytes.
        body_bytes: usize,
    },
    /// The body would be longer than allowed.
    #[error("a body of {bytes} bytes is more than the {limit} allowed")]
    TooLong {
        /// What the envelope says.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
}

impl Envelope {
    /// An envelope for a body of `body_bytes`.
    pub fn new(kind: Kind, schema: u16, message_id: u128, body_bytes: usize) -> Self {
        Self { kind, schema, message_id, body_bytes }
    }

    /// The bytes of this envelope.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let length = u32::try_from(self.body_bytes).unwrap_or(u32::MAX);
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..4].copy_from_slice(&MAGIC.to_le_bytes());
        bytes[4..6].copy_from_slice(&PROTOCOL.to_le_bytes());
        bytes[6..8].copy_from_slice(&(self.kind as u16).to_le_bytes());
        bytes[8..10].copy_from_slice(&self.schema.to_le_bytes());
        // Bytes 10 and 11 are flags; none is defined yet, and readers pass them over.
        bytes[12..28].copy_from_slice(&self.message_id.to_le_bytes());
        bytes[28..32].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    /// Reads an envelope. The length is checked here, before anything is read or set aside for the body.
    pub fn from_bytes(bytes: &[u8; HEADER_BYTES]) -> Result<Self, EnvelopeError> {
        let u16_at = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        let u32_at = |at: usize| u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
        if u32_at(0) != MAGIC {
            return Err(EnvelopeError::WrongMagic);
        }
        let protocol = u16_at(4);
        if protocol != PROTOCOL {
            return Err(EnvelopeError::UnknownProtocol(protocol));
        }
        let body_bytes = u32_at(28) as usize;
        let kind = Kind::from_number(u16_at(6));
        let limit = kind.map_or(MAX_BODY_BYTES, Kind::limit);
        if body_bytes > limit {
            return Err(EnvelopeError::TooLong { bytes: body_bytes, limit });
        }
        let Some(kind) = kind else {
            return Err(EnvelopeError::UnknownKind { kind: u16_at(6), body_bytes });
        };
        let mut message_id = [0; 16];
        message_id.copy_from_slice(&bytes[12..28]);
        let message_id = u128::from_le_bytes(message_id);
        Ok(Self { kind, schema: u16_at(8), message_id, body_bytes })
    }
}
