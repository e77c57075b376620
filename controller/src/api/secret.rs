//! Secrets that people and programs carry. The store keeps their SHA-256 only: they are random enough that
//! nothing slower is needed.

use querysmith_shared::hex;
use rand::RngExt;
use sha2::{Digest, Sha256};

/// Every API token starts with this, so that a leaked one is found by searching for it.
pub const TOKEN_PREFIX: &str = "qst_";
/// Letters and digits of a set-up code: none that are mistaken for another.
const CODE_ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// Five groups of four, 100 bits.
const CODE_CHARACTERS: usize = 20;

/// A new session key.
pub fn session_key() -> String {
    hex::encode(&rand::random::<[u8; 32]>())
}

/// A new API token.
pub fn api_token() -> String {
    format!("{TOKEN_PREFIX}{}", hex::encode(&rand::random::<[u8; 32]>()))
}

/// A new set-up code.
pub fn setup_code() -> String {
    let mut random = rand::rng();
    let mut code = String::new();
    for at in 0..CODE_CHARACTERS {
        if at > 0 && at % 4 == 0 {
            code.push('-');
        }
        code.push(char::from(CODE_ALPHABET[random.random_range(0..CODE_ALPHABET.len())]));
    }
    code
}

/// What the store keeps of a session key or token.
pub fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}

/// What the store keeps of a set-up code; dashes, spaces and case do not matter, as it is typed.
pub fn setup_code_hash(code: &str) -> [u8; 32] {
    let typed: String =
        code.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_uppercase()).collect();
    hash(&typed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_taken_however_it_is_typed() {
        let code = setup_code();
        assert_eq!(code.len(), CODE_CHARACTERS + 4, "{code}");
        let typed = code.replace('-', " ").to_lowercase();
        assert_eq!(setup_code_hash(&code), setup_code_hash(&typed));
        assert_ne!(setup_code_hash(&code), setup_code_hash(&setup_code()));
    }
}
