//! How agents learn at once that the controller was killed: it answers packets of connections that it does not know
//! with a stateless reset (RFC 9000, section 10.3), which the agent believes because it was told the reset's token at
//! the handshake. Token and connection ids follow from the authority's key, so the next process knows them too;
//! without that, an agent waits until its connection has been silent for too long.

use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::hmac;
use quinn::EndpointConfig;
use quinn_proto::HashedConnectionIdGenerator;

use super::authority::Authority;

/// Least time between two resets: a fleet of ten thousand is told within ten seconds, and whoever forges packets gets
/// no more than a thousand answers a second, each shorter than what it answers.
const RESET_INTERVAL: Duration = Duration::from_millis(1);

/// Settings of the listener's endpoint that outlive this process.
pub(super) fn endpoint(authority: &Authority) -> EndpointConfig {
    let reset = authority.secret("stateless reset");
    let ids = authority.secret("connection ids");
    // Only tells connection ids of ours from noise: eight bytes are enough.
    let key = ids.as_ref().iter().take(8).fold(0, |key, byte| key << 8 | u64::from(*byte));
    let mut config = EndpointConfig::new(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, reset.as_ref())));
    config
        .cid_generator(move || Box::new(HashedConnectionIdGenerator::from_key(key)))
        .min_reset_interval(RESET_INTERVAL);
    config
}
