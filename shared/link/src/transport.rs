//! QUIC's limits, as far as both ends have the same.

use std::time::Duration;

use quinn::{IdleTimeout, TransportConfig, VarInt};

/// Silence after which a connection counts as lost.
const IDLE: Duration = Duration::from_secs(30);
/// Room for datagrams, bytes. Neither end sends one; but where none is taken, quinn sends no probes either.
const DATAGRAM_ROOM: usize = 1_024;

/// What one end lets the other do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Streams that the other end may have open.
    pub streams: u8,
    /// What it may send on one stream before it is read, bytes.
    pub stream_window: u32,
    /// What it may send on all streams together before it is read, bytes.
    pub connection_window: u32,
}

/// The transport of one end: streams in both directions only, and lost after [`IDLE`].
pub fn transport(limits: Limits) -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = IdleTimeout::try_from(IDLE).expect("30 s fits the field");
    transport
        .max_idle_timeout(Some(idle))
        .max_concurrent_bidi_streams(VarInt::from(limits.streams))
        .max_concurrent_uni_streams(VarInt::from(0_u8))
        .stream_receive_window(VarInt::from(limits.stream_window))
        .receive_window(VarInt::from(limits.connection_window))
        .datagram_receive_buffer_size(Some(DATAGRAM_ROOM));
    transport
}
