//! Join tokens: the one secret a person carries from the controller to a new agent.
//!
//! `qsj1.<secret>.<pin>`, both base64url without padding. The pin is the SHA-256 of the public key of the
//! controller's authority, so that the agent knows whom it talks to before it says the secret.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// First part of every token; the number is the version of its format.
const PREFIX: &str = "qsj1";
/// base64url, RFC 4648 section 5.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
/// Characters of 32 bytes.
const PART_CHARACTERS: usize = 43;

/// A join token.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// 32 random bytes.
    pub secret: [u8; 32],
    /// SHA-256 of the DER of the authority's public key (SubjectPublicKeyInfo).
    pub pin: [u8; 32],
}

/// The text is no join token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("the join token is not complete: it is `{PREFIX}.`, 43 characters, a point, and 43 characters")]
pub struct NotAToken;

impl JoinToken {
    /// The secret as it travels in an enrolment request.
    pub fn secret_text(&self) -> String {
        text_of(&self.secret)
    }
}

/// What the store keeps of the secret in an enrolment request; `None` if it is no secret of a token.
pub fn secret_hash(secret_text: &str) -> Option<[u8; 32]> {
    part(secret_text).map(|secret| Sha256::digest(secret).into())
}

fn text_of(bytes: &[u8; 32]) -> String {
    let mut text = String::with_capacity(PART_CHARACTERS);
    for group in bytes.chunks(3) {
        let bits =
            group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for at in 0..=group.len() {
            let digit = bits >> (18 - 6 * at) & 63;
            text.push(char::from(ALPHABET[digit as usize]));
        }
    }
    text
}

fn part(text: &str) -> Option<[u8; 32]> {
    if text.len() != PART_CHARACTERS {
        return None;
    }
    let mut bytes = [0; 32];
    let (mut bits, mut count, mut at) = (0_u32, 0, 0);
    for character in text.bytes() {
        let digit = ALPHABET.iter().position(|known| *known == character)?;
        bits = bits << 6 | u32::try_from(digit).ok()?;
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes[at] = u8::try_from(bits >> count & 0xff).ok()?;
            at += 1;
        }
    }
    // Two bits are left; a second spelling of the same bytes is no token.
    (bits & ((1 << count) - 1) == 0).then_some(bytes)
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}.{}.{}", self.secret_text(), text_of(&self.pin))
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken(secret)")
    }
}

impl FromStr for JoinToken {
    type Err = NotAToken;

    fn from_str(text: &str) -> Result<Self, NotAToken> {
        let mut parts = text.trim().split('.');
        let (Some(PREFIX), Some(secret), Some(pin), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(NotAToken);
        };
        match (part(secret), part(pin)) {
            (Some(secret), Some(pin)) => Ok(Self { secret, pin }),
            _ => Err(NotAToken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_survives_its_text() {
        let token = JoinToken { secret: [7; 32], pin: [200; 32] };
        assert_eq!(format!(" {token}\n").parse(), Ok(token.clone()));
        assert_eq!(secret_hash(&token.secret_text()), Some(Sha256::digest([7; 32]).into()));
        assert!(!format!("{token:?}").contains(&token.secret_text()));
        let mut bytes = [0; 32];
        for (at, byte) in (0..).zip(&mut bytes) {
            *byte = 8_u8.wrapping_mul(at).wrapping_sub(3);
        }
        assert_eq!(text_of(&bytes), "_QUNFR0lLTU9RU1VXWVtdX2FjZWdpa21vcXN1d3l7fU");
        assert_eq!(part(&text_of(&bytes)), Some(bytes));
    }

    #[test]
    fn what_is_not_a_token_is_refused() {
        let good = JoinToken { secret: [7; 32], pin: [200; 32] }.to_string();
        for text in [
            "",
            "qsj1",
            "qsj1..",
            "qsj2.a.b",
            &good[..good.len() - 1],
            &format!("{good}.x"),
            &format!("{good}A"),
        ] {
            assert_eq!(text.parse::<JoinToken>(), Err(NotAToken), "{text}");
        }
        assert_eq!(secret_hash("short"), None);
        assert_eq!(part(&"A".repeat(43)), Some([0; 32]));
        assert_eq!(part(&format!("{}B", "A".repeat(42))), None);
        assert_eq!(part(&format!("{}=", "A".repeat(42))), None);
    }
}
