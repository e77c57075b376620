//! Which arm of a trial goes first: a list of fair coins that both ends draw alike.
//!
//! A change that can be toggled is tried in pairs of windows, once without it and once with it. A coin decides the
//! order in each pair, and the validity of the verdict rests on that coin alone. So it is fixed before the trial,
//! by a seed that is part of what is approved, and anybody who has the change can draw it again.
//!
//! The coins are SHA-256 in counter mode. A stream cipher's generator would do as well, but what its crates
//! promise to keep is the key stream, not the way from a seed to a bool; the digest is here already, is defined to
//! the last bit (FIPS 180-4), and one block of it is more coins than any trial has pairs.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::id::ChangeId;

/// Keeps these digests apart from all others; the number is the version of the derivation.
const DOMAIN: &[u8] = b"querysmith/coins/1";
/// Coins in one digest.
const COINS_PER_DIGEST: u32 = 256;

/// One of the two states that a trial compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Arm {
    /// As it was before the change.
    A,
    /// With the change.
    B,
}

impl Arm {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }
}

/// What the coins of one change are drawn from: 32 random bytes, part of what is approved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CoinSeed(pub [u8; 32]);

/// The arm that goes first in pair number `pair` (from 0) of the trial of `change`: bit `pair mod 256`, highest bit
/// of each byte first, of SHA-256(domain, change id, seed, `pair / 256` as four bytes, high byte first); 1 is B.
pub fn first_arm(seed: CoinSeed, change: ChangeId, pair: u32) -> Arm {
    let mut hash = Sha256::new();
    hash.update(DOMAIN);
    hash.update(change.0.as_bytes());
    hash.update(seed.0);
    hash.update((pair / COINS_PER_DIGEST).to_be_bytes());
    let digest = hash.finalize();
    let bit = pair % COINS_PER_DIGEST;
    let byte = digest[(bit / 8) as usize];
    if byte >> (7 - bit % 8) & 1 == 1 { Arm::B } else { Arm::A }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(tail: u128) -> ChangeId {
        ChangeId(uuid::Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0000 + tail))
    }

    fn seed() -> CoinSeed {
        CoinSeed(std::array::from_fn(|position| u8::try_from(position).unwrap()))
    }

    fn drawn(change: ChangeId, pairs: std::ops::Range<u32>) -> String {
        let letter = |pair| if first_arm(seed(), change, pair) == Arm::B { 'B' } else { 'A' };
        pairs.map(letter).collect()
    }

    // Computed with another implementation of SHA-256.
    #[test]
    fn the_coins_are_the_same_for_ever() {
        let golden = "BBBAABBBBABAAAAABABABBBBABBBBABAAAABBBABBBBBBBBBAAAABBABABBBBAAB";
        assert_eq!(drawn(change(0xdead_beef), 0..64), golden);
        assert_eq!(drawn(change(0xdead_beef), 250..282), "BABAABBABABBAABABBBAABBBBBBBBAAB");
    }

    #[test]
    fn another_change_has_other_coins_from_the_same_seed() {
        assert_ne!(drawn(change(1), 0..64), drawn(change(2), 0..64));
    }

    #[test]
    fn the_coins_are_fair_and_do_not_follow_each_other() {
        let coins = drawn(change(0xdead_beef), 0..10_000);
        // Three deviations of 10,000 fair coins are 150.
        let heads = coins.matches('B').count();
        assert!((4_850..=5_150).contains(&heads), "{heads}");
        let changes = coins.as_bytes().windows(2).filter(|two| two[0] != two[1]).count();
        assert!((4_850..=5_150).contains(&changes), "{changes}");
    }

    #[test]
    fn each_arm_has_another() {
        assert_eq!((Arm::A.other(), Arm::B.other()), (Arm::B, Arm::A));
    }
}
