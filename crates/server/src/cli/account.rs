//! `onsale account`: create accounts, give roles, erase people. Roles come from here only, never from sign-up.

use std::io::Read;

use anyhow::{Context, bail};
use clap::{ArgGroup, Args, Subcommand, ValueEnum};
use onsale_app::ports::ledger::Role;
use onsale_domain::ids::OrderId;
use serde_json::json;

use super::Folder;
use crate::{settings::Settings, wire};

#[derive(Subcommand)]
pub(super) enum Account {
    /// Adds an account, with a role; prints it as JSON
    Create(Create),
    /// Gives an account that exists a role
    Role(GiveRole),
    /// Erases a person who asked for it: an account, or whoever made an order, as `DELETE /me/data` does
    Erase(Erase),
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Buyer,
    Organizer,
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Buyer => Self::Buyer,
            RoleName::Organizer => Self::Organizer,
            RoleName::Admin => Self::Admin,
        }
    }
}

#[derive(Args)]
pub(super) struct Create {
    /// E-mail address to log in with
    #[arg(long)]
    email: String,
    /// What to call them [default: what is in front of the @]
    #[arg(long)]
    name: Option<String>,
    /// What they may do
    #[arg(long, value_enum, default_value = "buyer")]
    role: RoleName,
    /// Read the password from standard input, so that it shows in no list of processes
    #[arg(long, required = true)]
    password_stdin: bool,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
pub(super) struct GiveRole {
    /// E-mail address of the account
    #[arg(long)]
    email: String,
    /// What they may do from their next log-in on
    #[arg(long, value_enum)]
    role: RoleName,
    #[command(flatten)]
    folder: Folder,
}

#[derive(Args)]
#[command(group = ArgGroup::new("who").required(true))]
pub(super) struct Erase {
    /// E-mail address of the account
    #[arg(long, group = "who")]
    email: Option<String>,
    /// Id of an order of theirs, for guests
    #[arg(long, group = "who")]
    order: Option<OrderId>,
    #[command(flatten)]
    folder: Folder,
}

impl Account {
    pub(super) fn split(mut self) -> (Folder, Self) {
        let folder = match &mut self {
            Self::Create(create) => std::mem::take(&mut create.folder),
            Self::Role(give) => std::mem::take(&mut give.folder),
            Self::Erase(erase) => std::mem::take(&mut erase.folder),
        };
        (folder, self)
    }
}

pub(super) async fn run(settings: Settings, command: Account) -> anyhow::Result<()> {
    let app = wire::ledger_app(&settings).await?;
    let account = match command {
        Account::Create(create) => {
            let name =
                create.name.unwrap_or_else(|| create.email.split('@').next().unwrap_or_default().to_owned());
            app.create_account(&create.email, read_password()?, &name, create.role.into()).await?
        }
        Account::Role(give) => app.give_role(&give.email, give.role.into()).await?,
        Account::Erase(erase) => {
            let erased = match (&erase.email, erase.order) {
                (Some(email), _) => app.erase_account(email).await?,
                (None, Some(order)) => app.erase_buyer_of(order).await?,
                (None, None) => bail!("give --email or --order"),
            };
            super::print(&json!({"orders": erased.orders, "orders_to_follow": erased.to_follow}).to_string());
            return Ok(());
        }
    };
    super::print(
        &json!({"account_id": account.id, "email": account.email, "name": account.name, "role": account.role})
            .to_string(),
    );
    Ok(())
}

/// The first line of standard input.
fn read_password() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().take(10_000).read_to_string(&mut text).context("no password on standard input")?;
    let password = text.lines().next().unwrap_or_default().to_owned();
    if password.is_empty() {
        bail!("no password on standard input");
    }
    Ok(password)
}
