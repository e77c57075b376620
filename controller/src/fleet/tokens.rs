//! Join tokens: what is shown once to a person, and what the store keeps.

use std::time::Duration;

use querysmith_shared::timestamp::Timestamp;
use querysmith_shared::wire::token::JoinToken;
use sha2::{Digest, Sha256};

/// A new join token.
#[derive(Clone, PartialEq, Eq)]
pub struct NewToken {
    /// What the person copies; never stored, never logged.
    pub text: String,
    /// SHA-256 of the secret, for the store.
    pub secret_hash: [u8; 32],
    /// When it stops being good.
    pub expires_at: Timestamp,
}

/// Makes a join token. `secret` must be 32 fresh random bytes, `pin` is
/// [`Authority::pin`](super::authority::Authority::pin).
pub fn create(ttl: Duration, now: Timestamp, secret: [u8; 32], pin: [u8; 32]) -> NewToken {
    NewToken {
        text: JoinToken { secret, pin }.to_string(),
        secret_hash: Sha256::digest(secret).into(),
        expires_at: now.after(ttl),
    }
}

#[cfg(test)]
mod tests {
    use querysmith_shared::wire::token::secret_hash;

    use super::*;

    #[test]
    fn the_store_recognises_what_the_agent_will_say() {
        let new = create(Duration::from_secs(60), Timestamp(5), [3; 32], [4; 32]);
        let carried: JoinToken = new.text.parse().unwrap();
        assert_eq!(secret_hash(&carried.secret_text()), Some(new.secret_hash));
        assert_eq!(new.expires_at, Timestamp(60_000_005));
    }
}
