//! `onsale pseudonym`: what the log calls somebody. It is the way from a person to their lines; there is none back but to
//! try everybody, which takes the secret.

use anyhow::Context;
use clap::{ArgGroup, Args};
use onsale_domain::ids::AccountId;
use serde_json::json;
use uuid::Uuid;

use super::Folder;
use crate::{pseudonyms::Pseudonyms, settings::Settings, wire};

#[derive(Args)]
#[command(group = ArgGroup::new("whom").required(true))]
pub(super) struct Pseudonym {
    /// Id of an account or a guest
    #[arg(group = "whom", value_name = "ACCOUNT_ID")]
    account_id: Option<Uuid>,
    /// E-mail address of an account
    #[arg(long, group = "whom")]
    email: Option<String>,
    #[command(flatten)]
    pub(super) folder: Folder,
}

pub(super) async fn run(settings: Settings, pseudonym: Pseudonym) -> anyhow::Result<()> {
    let account = match (pseudonym.account_id, pseudonym.email) {
        (Some(id), _) => AccountId(id),
        (None, email) => {
            let email = email.unwrap_or_default();
            let found = wire::ledger_app(&settings).await?.account_by_email(&email).await?;
            found.with_context(|| format!("nobody has signed up as {email}"))?.id
        }
    };
    std::fs::create_dir_all(&settings.data_dir)?;
    // Lines of before a change of the secret have the pseudonym of the secret of then.
    for (at, secret) in wire::secrets(&settings)?.iter().enumerate() {
        let secret_is = if at == 0 { "current" } else { "previous" };
        let name = Pseudonyms::new(secret).of(account).to_string();
        super::print(&json!({"account_id": account, "pseudonym": name, "secret": secret_is}).to_string());
    }
    Ok(())
}
