//! Accounts and log-ins.
//!
//! Invariants: passwords are stored as Argon2id hashes and refresh tokens as SHA-256 digests only; a log-in
//! that fails says the same after the same work whether or not the address is known.

use onsale_domain::ids::{AccountId, LoginId};
use sha2::{Digest, Sha256};

use crate::{
    App, Caller, CallerKind,
    errors::{AppError, Reason},
    ports::ledger::{Account, Login, Role, Rotation},
};

/// How long a refresh token lasts.
pub const REFRESH_FOR_MS: u64 = 30 * 24 * 60 * 60 * 1000;

const MIN_PASSWORD: usize = 8;
/// Argon2 takes any length; a bound keeps a request from making it hash megabytes.
const MAX_PASSWORD: usize = 256;
const MAX_EMAIL: usize = 254;
const MAX_NAME: usize = 100;

/// A log-in that succeeded.
#[derive(Clone, Debug)]
pub struct LoggedIn {
    /// Who.
    pub caller: Caller,
    /// The log-in that all its tokens belong to.
    pub login: LoginId,
    /// The refresh token, to be given out once.
    pub refresh_token: String,
}

impl App {
    /// Adds an account with a role.
    pub async fn create_account(
        &self,
        email: &str,
        password: String,
        name: &str,
        role: Role,
    ) -> Result<Account, AppError> {
        let email = checked_email(email)?;
        let name = checked_name(name)?;
        let length = password.chars().count();
        if !(MIN_PASSWORD..=MAX_PASSWORD).contains(&length) {
            return Err(AppError::invalid("password", "must have 8 to 256 characters"));
        }
        let password_hash = Some(self.passwords.hash(password).await?);
        let account = Account {
            id: AccountId(self.new_id()),
            email: Some(email),
            name,
            password_hash,
            external_id: None,
            role,
            created_at: self.clock.now(),
        };
        if self.ledger.create_account(&account).await? {
            Ok(account)
        } else {
            Err(AppError::refused(Reason::EmailTaken, "there is an account of this e-mail address"))
        }
    }

    /// Gives an existing account a role; gives the account.
    pub async fn give_role(&self, email: &str, role: Role) -> Result<Account, AppError> {
        let email = checked_email(email)?;
        let unknown = || AppError::not_found("account");
        let account = self.ledger.account_by_email(&email).await?.ok_or_else(unknown)?;
        if self.ledger.set_role(account.id, role).await? {
            Ok(Account { role, ..account })
        } else {
            Err(unknown())
        }
    }

    /// The account of an address.
    pub async fn account_by_email(&self, email: &str) -> Result<Option<Account>, AppError> {
        Ok(self.ledger.account_by_email(&email.trim().to_lowercase()).await?)
    }

    /// Whether somebody has a log-in to an account from a network address that has not long ended. Addresses are digests.
    pub async fn has_logged_in_from(&self, email: &str, address: [u8; 16]) -> Result<bool, AppError> {
        let account = self.account_by_email(email).await?;
        let Some(account) = account else { return Ok(false) };
        Ok(self.ledger.has_logged_in_from(account.id, address).await?)
    }

    /// Logs in by address and password, from a network address that is remembered as a digest.
    pub async fn log_in(
        &self,
        email: &str,
        password: String,
        address: [u8; 16],
    ) -> Result<LoggedIn, AppError> {
        let wrong = || AppError::refused(Reason::BadCredentials, "e-mail address or password is wrong");
        let email = email.trim().to_lowercase();
        if password.chars().count() > MAX_PASSWORD || email.len() > MAX_EMAIL {
            return Err(wrong());
        }
        let account = self.ledger.account_by_email(&email).await?;
        let phc = account.as_ref().and_then(|account| account.password_hash.clone());
        let matches = self.passwords.matches(password, phc).await?;
        let account = account.filter(|_| matches).ok_or_else(wrong)?;
        let login = LoginId(self.new_id());
        let refresh_token = self.new_refresh_token(login);
        let expires_at = self.clock.now().plus_ms(REFRESH_FOR_MS);
        let begun = Login { id: login, account: account.id, address };
        self.ledger.begin_login(begun, digest(&refresh_token), expires_at).await?;
        Ok(LoggedIn { caller: caller_of(&account), login, refresh_token })
    }

    /// Exchanges a refresh token for the next one.
    pub async fn refresh(&self, token: &str) -> Result<LoggedIn, AppError> {
        let now = self.clock.now();
        let refused = |detail: &str| AppError::refused(Reason::Unauthenticated, detail);
        let login = token.split_once('.').and_then(|(login, _)| login.parse().ok());
        let login: LoginId = login.ok_or_else(|| refused("the refresh token is not valid"))?;
        let refresh_token = self.new_refresh_token(login);
        let rotation = self
            .ledger
            .rotate(digest(token), digest(&refresh_token), now.plus_ms(REFRESH_FOR_MS), now)
            .await?;
        match rotation {
            Rotation::Rotated(account) => {
                let account = self.ledger.account(account).await?;
                let account = account.ok_or_else(|| refused("the account is gone"))?;
                Ok(LoggedIn { caller: caller_of(&account), login, refresh_token })
            }
            Rotation::Unknown => Err(refused("the refresh token is not valid")),
            Rotation::Reused => {
                tracing::warn!(%login, "a refresh token was used twice; its log-in has ended");
                Err(refused("the refresh token was used before; log in again"))
            }
        }
    }

    /// Ends a log-in.
    pub async fn log_out(&self, login: LoginId) -> Result<(), AppError> {
        Ok(self.ledger.end_login_by_id(login).await?)
    }

    /// A buyer without an account. Nothing is stored until they buy.
    pub fn guest(&self) -> Caller {
        Caller { account: AccountId(self.new_id()), kind: CallerKind::Guest, role: Role::Buyer }
    }

    /// The account of the caller; `None` for a guest.
    pub async fn account_of(&self, caller: Caller) -> Result<Option<Account>, AppError> {
        if caller.kind == CallerKind::Guest {
            return Ok(None);
        }
        let account = self.ledger.account(caller.account).await?;
        account.map(Some).ok_or_else(|| AppError::refused(Reason::Unauthenticated, "the account is gone"))
    }

    /// The account of somebody a trusted gateway vouches for; made at their first request.
    pub async fn vouched_for(&self, external_id: &str) -> Result<Caller, AppError> {
        let fresh = Account {
            id: AccountId(self.new_id()),
            email: None,
            name: external_id.chars().take(MAX_NAME).collect(),
            password_hash: None,
            external_id: Some(external_id.to_owned()),
            role: Role::Buyer,
            created_at: self.clock.now(),
        };
        Ok(caller_of(&self.ledger.account_by_external_id(&fresh).await?))
    }

    /// The log-in it belongs to and 256 random bits, as text. The digest in the ledger covers both, so the
    /// name in front can be believed once the token has been found.
    fn new_refresh_token(&self, login: LoginId) -> String {
        use base64::Engine;
        let mut bytes = [0; 32];
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.entropy.bits().to_le_bytes());
        }
        format!("{login}.{}", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn caller_of(account: &Account) -> Caller {
    Caller { account: account.id, kind: CallerKind::Account, role: account.role }
}

fn digest(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

/// An address, trimmed and in lower case. Whether mail reaches it only mail can tell; this catches slips.
fn checked_email(email: &str) -> Result<String, AppError> {
    let email = email.trim().to_lowercase();
    let plausible = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    let clean = !email.chars().any(|c| c.is_whitespace() || c.is_control());
    if plausible && clean && email.len() <= MAX_EMAIL && email.matches('@').count() == 1 {
        Ok(email)
    } else {
        Err(AppError::invalid("email", "must be an e-mail address"))
    }
}

pub(crate) fn checked_name(name: &str) -> Result<String, AppError> {
    let name = name.trim();
    let length = name.chars().count();
    if length == 0 || length > MAX_NAME || name.chars().any(char::is_control) {
        return Err(AppError::invalid("name", "must have 1 to 100 characters"));
    }
    Ok(name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_folded_and_slips_are_caught() {
        assert_eq!(checked_email("  Kim@Example.COM ").unwrap(), "kim@example.com");
        for bad in [
            "",
            "kim",
            "@example.com",
            "kim@",
            "kim@example",
            "a b@example.com",
            "a@b@c.d",
            "a@.com",
            "a@com.",
        ] {
            assert!(checked_email(bad).is_err(), "{bad}");
        }
    }
}
