//! Passwords: Argon2id on a small bounded pool, never on the threads that serve requests.
//!
//! Invariant: a check takes the same work whether or not the account exists; what would have to wait too long
//! is refused at once instead of queueing without bound.

use std::sync::{Arc, OnceLock};

use argon2::{Argon2, Params, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};
use tokio::sync::Semaphore;

use crate::errors::AppError;

/// OWASP's first recommendation for Argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Hashes under way at once; each takes a core for about 11 ms.
const AT_ONCE: usize = 2;

/// Hashes that may wait: about a third of a second of work for two cores.
const MAX_WAITING: usize = 64;

/// The pool.
pub struct Passwords {
    running: Arc<Semaphore>,
    admitted: Arc<Semaphore>,
    /// What is checked against when there is no account; hashed at its first use.
    decoy: Arc<OnceLock<String>>,
}

/// The password of nobody.
const DECOY: &str = "nobody has this password";

impl Default for Passwords {
    fn default() -> Self {
        Self::new()
    }
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, 1, None).unwrap_or_default();
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
}

fn hash(password: &str) -> Result<String, AppError> {
    argon2()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|error| AppError::Internal(error.to_string()))
}

impl Passwords {
    /// A pool.
    pub fn new() -> Self {
        Self {
            running: Arc::new(Semaphore::new(AT_ONCE)),
            admitted: Arc::new(Semaphore::new(AT_ONCE + MAX_WAITING)),
            decoy: Arc::default(),
        }
    }

    /// Hashes a new password, in PHC form.
    pub async fn hash(&self, password: String) -> Result<String, AppError> {
        self.work(move || hash(&password)).await?
    }

    /// Whether a password is the one behind a hash. Without a hash it does the same work and says no.
    pub async fn matches(&self, password: String, phc: Option<String>) -> Result<bool, AppError> {
        let known = phc.is_some();
        let decoy = Arc::clone(&self.decoy);
        let matches = self
            .work(move || {
                let phc =
                    phc.unwrap_or_else(|| decoy.get_or_init(|| hash(DECOY).unwrap_or_default()).clone());
                PasswordHash::new(&phc)
                    .is_ok_and(|parsed| argon2().verify_password(password.as_bytes(), &parsed).is_ok())
            })
            .await?;
        Ok(matches && known)
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, AppError> {
        let crowded = || AppError::NotNow("too many people log in at this moment; try again".into());
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| crowded())?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| crowded())?;
        tokio::task::spawn_blocking(move || {
            let done = work();
            drop((running, admitted));
            done
        })
        .await
        .map_err(|error| AppError::Internal(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn right_wrong_and_nobody() {
        let passwords = Passwords::new();
        let phc = passwords.hash("correct horse".into()).await.unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(passwords.matches("correct horse".into(), Some(phc.clone())).await.unwrap());
        assert!(!passwords.matches("battery staple".into(), Some(phc)).await.unwrap());
        assert!(!passwords.matches(DECOY.into(), None).await.unwrap());
    }
}
