//! Passwords: argon2id, off the request threads, a few at a time.

use std::sync::{Arc, LazyLock};

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use tokio::sync::Semaphore;

use super::problem::Problem;

/// Memory of one hash, KiB, and its passes: the least that OWASP asks for, because a small controller must
/// survive a flood of them.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
/// Hashes computed at the same time: 4 × 19 MiB.
const AT_ONCE: usize = 4;
/// Sign-ins that wait for their turn; a hash takes some 20 ms, so the last of them waits for about a second.
const MOST_WAITING: usize = 200;
/// Shortest password that is taken.
pub const MIN_CHARS: usize = 12;
/// Longest password that is taken, so that nobody makes us hash megabytes.
pub const MAX_BYTES: usize = 512;

/// A hash that no password fits, so that an unknown name takes as long as a wrong password.
static NOBODY: LazyLock<String> = LazyLock::new(|| {
    let random = rand::random::<[u8; 32]>();
    hasher().hash_password(&random).map(|hash| hash.to_string()).unwrap_or_default()
});

/// Hashes and checks passwords. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Passwords {
    turns: Arc<Semaphore>,
    places: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            places: Arc::new(Semaphore::new(AT_ONCE + MOST_WAITING)),
        }
    }
}

impl Passwords {
    /// The hash to store, in the PHC format.
    pub async fn hash(&self, password: &str) -> Result<String, Problem> {
        let password = password.to_owned();
        self.work(move || hasher().hash_password(password.as_bytes()).map(|hash| hash.to_string()))
            .await?
            .map_err(|error| Problem::internal(&error))
    }

    /// Whether `password` is the one that was hashed. Without a hash (there is no such account) the answer
    /// is no, after the same work.
    pub async fn fits(&self, password: &str, stored: Option<&str>) -> Result<bool, Problem> {
        let password = password.to_owned();
        let stored = stored.map(str::to_owned);
        self.work(move || {
            let known = stored.is_some();
            let text = stored.unwrap_or_else(|| NOBODY.clone());
            let fits = PasswordHash::new(&text)
                .is_ok_and(|hash| hasher().verify_password(password.as_bytes(), &hash).is_ok());
            known && fits
        })
        .await
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
        let Ok(_place) = self.places.try_acquire() else {
            return Err(Problem::too_many("too many people sign in at this moment", 2));
        };
        let _turn = self.turns.acquire().await.map_err(|error| Problem::internal(&error))?;
        tokio::task::spawn_blocking(work).await.map_err(|error| Problem::internal(&error))
    }
}

/// Why a new password is not taken, if it is not.
pub fn fault(password: &str) -> Option<String> {
    if password.chars().count() < MIN_CHARS {
        return Some(format!("a password has at least {MIN_CHARS} characters"));
    }
    if password.len() > MAX_BYTES {
        return Some(format!("a password has at most {MAX_BYTES} bytes"));
    }
    None
}

fn hasher() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_right_password_fits() {
        let passwords = Passwords::default();
        let hash = passwords.hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(passwords.fits("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!passwords.fits("correct horse", Some(&hash)).await.unwrap());
        assert!(!passwords.fits("correct horse battery", None).await.unwrap());
        assert!(!passwords.fits("", Some("not a hash")).await.unwrap());
    }

    #[test]
    fn short_and_huge_passwords_are_refused() {
        assert!(fault("twelve chars").is_none());
        assert!(fault("eleven char").is_some());
        assert!(fault(&"x".repeat(MAX_BYTES + 1)).is_some());
    }
}
