//! Accounts and log-ins in memory.
//!
//! Invariant: an e-mail address and a gateway's identity belong to one account each; a token works once.

use async_trait::async_trait;
use onsale_app::ports::{
    StoreError,
    ledger::{self as ports, Account, Accounts, Logins, Role, Rotation},
};
use onsale_domain::{
    ids::{AccountId, LoginId},
    time::Timestamp,
};

use super::MemoryLedger;

pub(super) struct Login {
    pub(super) account: AccountId,
    address: [u8; 16],
    pub(super) ended: bool,
}

pub(super) struct Token {
    pub(super) login: LoginId,
    expires_at: Timestamp,
    used: bool,
}

#[async_trait]
impl Accounts for MemoryLedger {
    async fn create_account(&self, account: &Account) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        let same_address = |other: &&Account| account.email.is_some() && other.email == account.email;
        if state.accounts.values().any(|other| same_address(&other)) {
            return Ok(false);
        }
        state.accounts.entry(account.id).or_insert_with(|| account.clone());
        Ok(true)
    }

    async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let state = self.state.lock();
        Ok(state.accounts.values().find(|account| account.email.as_deref() == Some(email)).cloned())
    }

    async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        Ok(self.state.lock().accounts.get(&id).cloned())
    }

    async fn account_by_external_id(&self, fresh: &Account) -> Result<Account, StoreError> {
        let Some(external_id) = &fresh.external_id else {
            return Err(StoreError::corrupt("an identity of a gateway without an external id"));
        };
        let mut state = self.state.lock();
        if let Some(known) = state.accounts.values().find(|a| a.external_id.as_ref() == Some(external_id)) {
            return Ok(known.clone());
        }
        state.accounts.insert(fresh.id, fresh.clone());
        Ok(fresh.clone())
    }

    async fn set_role(&self, id: AccountId, role: Role) -> Result<bool, StoreError> {
        let mut state = self.state.lock();
        Ok(state.accounts.get_mut(&id).map(|account| account.role = role).is_some())
    }
}

#[async_trait]
impl Logins for MemoryLedger {
    async fn begin_login(
        &self,
        login: ports::Login,
        token: [u8; 32],
        expires_at: Timestamp,
    ) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        let ports::Login { id, account, address } = login;
        state.logins.entry(id).or_insert(Login { account, address, ended: false });
        state.tokens.entry(token).or_insert(Token { login: id, expires_at, used: false });
        Ok(())
    }

    async fn has_logged_in_from(&self, account: AccountId, address: [u8; 16]) -> Result<bool, StoreError> {
        let state = self.state.lock();
        Ok(state.logins.values().any(|login| login.account == account && login.address == address))
    }

    async fn rotate(
        &self,
        token: [u8; 32],
        next: [u8; 32],
        next_expires_at: Timestamp,
        now: Timestamp,
    ) -> Result<Rotation, StoreError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        let Some(presented) = state.tokens.get_mut(&token) else {
            return Ok(Rotation::Unknown);
        };
        let Some(login) = state.logins.get_mut(&presented.login).filter(|login| !login.ended) else {
            return Ok(Rotation::Unknown);
        };
        if presented.used {
            login.ended = true;
            return Ok(Rotation::Reused);
        }
        if presented.expires_at <= now {
            return Ok(Rotation::Unknown);
        }
        presented.used = true;
        let (login_id, account) = (presented.login, login.account);
        state.tokens.insert(next, Token { login: login_id, expires_at: next_expires_at, used: false });
        Ok(Rotation::Rotated(account))
    }

    async fn end_login(&self, token: [u8; 32]) -> Result<(), StoreError> {
        let mut guard = self.state.lock();
        let state = &mut *guard;
        if let Some(login) = state.tokens.get(&token).and_then(|token| state.logins.get_mut(&token.login)) {
            login.ended = true;
        }
        Ok(())
    }

    async fn end_login_by_id(&self, login: LoginId) -> Result<(), StoreError> {
        if let Some(login) = self.state.lock().logins.get_mut(&login) {
            login.ended = true;
        }
        Ok(())
    }
}
