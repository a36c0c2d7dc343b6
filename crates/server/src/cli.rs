//! The command line.
//!
//! Invariant: status 0 for done, 1 for failed, 2 for bad settings or usage; what a command prints on standard
//! output is meant for programs, everything for people goes to standard error.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, Parser, Subcommand};

use crate::{
    http, serve,
    settings::{self, Override, Settings},
    telemetry, wire,
};

mod account;
mod check_health;
mod copying;
mod doctor;
mod moving;
mod pseudonym;
mod seed;
mod token;
mod verify;

const AFTER_HELP: &str = "\
Settings come from onsale.toml, then ONSALE_* variables, then flags; the later wins.
A dot in a setting is two underscores in a variable and a dash in a flag:
payments.simulated.failure_rate, ONSALE_PAYMENTS__SIMULATED__FAILURE_RATE,
--payments-simulated-failure-rate.";

#[derive(Parser)]
#[command(name = "onsale", version, about = "Sells tickets when far more people want seats than there are seats.", after_help = AFTER_HELP)]
struct Cli {
    /// Settings file [default: onsale.toml, where it exists]
    #[arg(long, global = true, value_name = "FILE", env = "ONSALE_CONFIG_FILE")]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serves until SIGTERM or SIGINT
    Serve(Flags),
    /// Brings the ledger to this version
    Migrate(Flags),
    /// Accounts: create, give a role, or erase a person
    #[command(subcommand)]
    Account(account::Account),
    /// Adds an event with one performance to sell
    Seed(seed::Seed),
    /// Moves an installation from its folder to Redis and PostgreSQL, with the server stopped
    Move(moving::Move),
    /// Copies the folder of the embedded stores, while a server may run
    Backup(copying::Backup),
    /// Puts a copy in the place of an empty folder
    Restore(copying::Restore),
    /// Prints the description of the HTTP interface, as OpenAPI
    Openapi,
    /// Asks a server on this machine whether it is well; status 1 where it is not
    CheckHealth(check_health::CheckHealth),
    /// Looks at settings, clocks, stores, limits and disk, and says what to change; status 1 where something is wrong
    Doctor(doctor::Doctor),
    /// Checks what was published, or what is written down, without asking a server
    #[command(subcommand)]
    Verify(verify::Verify),
    /// Prints tokens of guest buyers for load tests, one JSON object a line, valid for a day
    Token(token::Token),
    /// Prints what the log calls an account or a guest, one JSON object a line for each secret
    Pseudonym(pseudonym::Pseudonym),
}

/// One flag for each setting.
#[derive(Args, Default)]
struct Flags {
    /// Address and port to listen on; port 0 takes a free one [default: 127.0.0.1:8080]
    #[arg(long)]
    listen: Option<String>,
    /// PEM file with the certificate and those that vouch for it; with it, and its key, HTTPS is spoken
    #[arg(long)]
    tls_certificate: Option<String>,
    /// PEM file with the private key of the certificate
    #[arg(long)]
    tls_key: Option<String>,
    /// For how long browsers are told to come over HTTPS only, 0 to 63072000 s [default: 0]
    #[arg(long)]
    tls_hsts_max_age_s: Option<String>,
    /// Folder of the embedded stores [default: ./data]
    #[arg(long)]
    data_dir: Option<String>,
    /// SQL database; without it SQLite in the data folder
    #[arg(long)]
    database_url: Option<String>,
    /// PostgreSQL: how many connections this process opens at most [default: 16]
    #[arg(long)]
    database_max_connections: Option<String>,
    /// How long a command waits for a connection to the database, in ms [default: 3000]
    #[arg(long)]
    database_acquire_timeout_ms: Option<String>,
    /// PostgreSQL: how long one statement may take, in ms [default: 5000]
    #[arg(long)]
    database_statement_timeout_ms: Option<String>,
    /// Hot store shared by several processes; without it in this process
    #[arg(long)]
    redis_url: Option<String>,
    /// Whether to refuse a Redis that may lose what it accepted, instead of warning [default: false]
    #[arg(long)]
    redis_strict: Option<String>,
    /// What this process does [default: all]
    #[arg(long)]
    role: Option<String>,
    /// Address of the queue server, for role sales
    #[arg(long)]
    queue_url: Option<String>,
    /// Whether simulated payments are taken [default: true without payments.stripe.secret_key]
    #[arg(long)]
    payments_simulated_enabled: Option<String>,
    /// Share of simulated payments that are declined, 0 to 1 [default: 0.01]
    #[arg(long)]
    payments_simulated_failure_rate: Option<String>,
    /// How long a simulated payment takes, 0 to 60000 ms [default: 0]
    #[arg(long)]
    payments_simulated_delay_ms: Option<String>,
    /// Takes payments through Stripe; better given in the environment, where other users cannot see it
    #[arg(long)]
    payments_stripe_secret_key: Option<String>,
    /// Names the account to Stripe's script in the browser
    #[arg(long)]
    payments_stripe_publishable_key: Option<String>,
    /// What Stripe signs webhooks with, separated by commas; several while one replaces another
    #[arg(long)]
    payments_stripe_webhook_secrets: Option<String>,
    /// How old a webhook's signature may be, 10 to 3600 s [default: 300]
    #[arg(long)]
    payments_stripe_webhook_tolerance_s: Option<String>,
    /// Another place than Stripe's own, for tests [default: https://api.stripe.com]
    #[arg(long)]
    payments_stripe_base_url: Option<String>,
    /// Another place than Stripe's own for its script, for tests [default: https://js.stripe.com/v3/]
    #[arg(long)]
    payments_stripe_script_url: Option<String>,
    /// How long a buyer may take at their bank, 60 to 86400 s [default: 600]
    #[arg(long)]
    payments_stripe_buyer_acts_within_s: Option<String>,
    /// Mail server that takes e-mails to buyers; without it none are sent
    #[arg(long)]
    mail_host: Option<String>,
    /// Its port [default: 587, with tls implicit 465, with none 25]
    #[arg(long)]
    mail_port: Option<String>,
    /// How the connection to it is protected: implicit, starttls or none [default: starttls]
    #[arg(long)]
    mail_tls: Option<String>,
    /// Who logs in there
    #[arg(long)]
    mail_user: Option<String>,
    /// With what; better given in the environment, where other users cannot see it
    #[arg(long)]
    mail_password: Option<String>,
    /// Sender of e-mails, such as 'Tickets <tickets@example.com>'
    #[arg(long)]
    mail_from: Option<String>,
    /// Where buyers reach the pages, for the links in e-mails
    #[arg(long)]
    mail_public_url: Option<String>,
    /// Zone of times in e-mails to buyers who named none [default: UTC]
    #[arg(long)]
    mail_time_zone: Option<String>,
    /// Whether webhooks may go to this machine and to private networks [default: false]
    #[arg(long)]
    webhooks_allow_private: Option<String>,
    /// How many days after what they bought who guests are is kept; 0: for ever [default: 365]
    #[arg(long)]
    retention_guests_days: Option<String>,
    /// Whether requests are limited per address and buyer [default: true]
    #[arg(long)]
    limits_enabled: Option<String>,
    /// Networks whose addresses are not limited, such as a box office's, separated by commas
    #[arg(long)]
    limits_exempt: Option<String>,
    /// Networks whose forwarding and identity headers are believed, separated by commas
    #[arg(long)]
    trusted_proxies: Option<String>,
    /// Where trusted proxies say who asks: x-forwarded-for or forwarded [default: x-forwarded-for]
    #[arg(long)]
    forwarded_header: Option<String>,
    /// Header in which a trusted proxy names the buyer
    #[arg(long)]
    identity_header: Option<String>,
    /// Origins that may call from a browser, separated by commas
    #[arg(long)]
    cors_allowed_origins: Option<String>,
    /// How log lines look: text or json [default: text]
    #[arg(long)]
    log_format: Option<String>,
    /// What is logged, such as info or onsale=debug,info [default: info]
    #[arg(long)]
    log_level: Option<String>,
    /// Collector of traces that speaks OTLP over HTTP, such as http://127.0.0.1:4318; without it none are made
    #[arg(long)]
    traces_endpoint: Option<String>,
    /// Share of requests that is traced, 0 to 1 [default: 0.01]
    #[arg(long)]
    traces_sample: Option<String>,
    /// What this installation is called in traces [default: onsale]
    #[arg(long)]
    traces_service_name: Option<String>,
    /// Signs tokens, at least 32 bytes; better given in the environment, where other users cannot see it
    #[arg(long)]
    secret: Option<String>,
    /// Secrets whose tokens are still accepted, separated by commas
    #[arg(long)]
    previous_secrets: Option<String>,
}

impl Flags {
    fn overrides(self) -> Vec<Override> {
        let given = [
            ("listen", self.listen),
            ("tls.certificate", self.tls_certificate),
            ("tls.key", self.tls_key),
            ("tls.hsts_max_age_s", self.tls_hsts_max_age_s),
            ("data_dir", self.data_dir),
            ("database_url", self.database_url),
            ("database.max_connections", self.database_max_connections),
            ("database.acquire_timeout_ms", self.database_acquire_timeout_ms),
            ("database.statement_timeout_ms", self.database_statement_timeout_ms),
            ("redis_url", self.redis_url),
            ("redis_strict", self.redis_strict),
            ("role", self.role),
            ("queue_url", self.queue_url),
            ("payments.simulated.enabled", self.payments_simulated_enabled),
            ("payments.simulated.failure_rate", self.payments_simulated_failure_rate),
            ("payments.simulated.delay_ms", self.payments_simulated_delay_ms),
            ("payments.stripe.secret_key", self.payments_stripe_secret_key),
            ("payments.stripe.publishable_key", self.payments_stripe_publishable_key),
            ("payments.stripe.webhook_secrets", self.payments_stripe_webhook_secrets),
            ("payments.stripe.webhook_tolerance_s", self.payments_stripe_webhook_tolerance_s),
            ("payments.stripe.base_url", self.payments_stripe_base_url),
            ("payments.stripe.script_url", self.payments_stripe_script_url),
            ("payments.stripe.buyer_acts_within_s", self.payments_stripe_buyer_acts_within_s),
            ("mail.host", self.mail_host),
            ("mail.port", self.mail_port),
            ("mail.tls", self.mail_tls),
            ("mail.user", self.mail_user),
            ("mail.password", self.mail_password),
            ("mail.from", self.mail_from),
            ("mail.public_url", self.mail_public_url),
            ("mail.time_zone", self.mail_time_zone),
            ("webhooks.allow_private", self.webhooks_allow_private),
            ("retention.guests_days", self.retention_guests_days),
            ("limits.enabled", self.limits_enabled),
            ("limits.exempt", self.limits_exempt),
            ("trusted_proxies", self.trusted_proxies),
            ("forwarded_header", self.forwarded_header),
            ("identity_header", self.identity_header),
            ("cors.allowed_origins", self.cors_allowed_origins),
            ("log.format", self.log_format),
            ("log.level", self.log_level),
            ("traces.endpoint", self.traces_endpoint),
            ("traces.sample", self.traces_sample),
            ("traces.service_name", self.traces_service_name),
            ("secret", self.secret),
            ("previous_secrets", self.previous_secrets),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// The flags that every command beside `serve` takes.
#[derive(Args, Default)]
struct Folder {
    /// Folder of the embedded stores [default: ./data]
    #[arg(long)]
    data_dir: Option<String>,
    /// SQL database; without it SQLite in the data folder
    #[arg(long)]
    database_url: Option<String>,
}

impl From<Folder> for Flags {
    fn from(folder: Folder) -> Self {
        Self { data_dir: folder.data_dir, database_url: folder.database_url, ..Self::default() }
    }
}

/// Runs what the command line asks for.
pub(crate) fn run() -> ExitCode {
    let cli = Cli::parse();
    let (flags, command): (Flags, Box<dyn FnOnce(Settings) -> anyhow::Result<()>>) = match cli.command {
        Command::Serve(flags) => (flags, Box::new(|settings| block_on(serve::serve(settings)))),
        Command::Migrate(flags) => (flags, Box::new(|settings| block_on(migrate(settings)))),
        Command::Account(command) => {
            let (folder, command) = command.split();
            (folder.into(), Box::new(|settings| block_on(account::run(settings, command))))
        }
        Command::Seed(mut seed) => {
            let folder = std::mem::take(&mut seed.folder);
            (folder.into(), Box::new(|settings| block_on(seed::run(settings, seed))))
        }
        Command::Move(mut command) => {
            let flags = Flags { data_dir: command.data_dir.take(), ..Flags::default() };
            (flags, Box::new(|settings| block_on(moving::run(settings, command))))
        }
        Command::Backup(mut command) => {
            let flags = Flags { data_dir: command.data_dir.take(), ..Flags::default() };
            (flags, Box::new(|settings| block_on(copying::backup(settings, command))))
        }
        Command::Restore(mut command) => {
            let flags = Flags { data_dir: command.data_dir.take(), ..Flags::default() };
            (flags, Box::new(|settings| block_on(copying::restore(settings, command))))
        }
        Command::CheckHealth(mut check) => {
            let flags = Flags { listen: check.listen.take(), ..Flags::default() };
            (flags, Box::new(|settings| block_on(check_health::run(settings, check))))
        }
        Command::Doctor(mut doctor) => {
            let redis_url = doctor.redis_url.take();
            let flags = Flags { redis_url, ..std::mem::take(&mut doctor.folder).into() };
            (flags, Box::new(|settings| block_on(doctor::run(settings, doctor))))
        }
        Command::Token(mut token) => {
            let folder = std::mem::take(&mut token.folder);
            (folder.into(), Box::new(move |settings| token::run(&settings, &token)))
        }
        Command::Pseudonym(mut pseudonym) => {
            let folder = std::mem::take(&mut pseudonym.folder);
            (folder.into(), Box::new(move |settings| block_on(pseudonym::run(settings, pseudonym))))
        }
        // No setting has a say in it either.
        Command::Verify(verify::Verify::Draw(draw)) => return ended(verify::draw(&draw)),
        Command::Verify(verify::Verify::Ledger(mut command)) => {
            let folder = std::mem::take(&mut command.folder);
            (folder.into(), Box::new(|settings| block_on(verify::ledger::run(settings, command))))
        }
        Command::Verify(verify::Verify::Journal(command)) => {
            (command.folder.into(), Box::new(|settings| block_on(verify::journal::run(settings))))
        }
        Command::Openapi => {
            // The same for every installation: no setting has a say in it.
            print(http::document().trim_end());
            return ExitCode::SUCCESS;
        }
    };
    let settings = match settings::load(cli.config.as_deref(), &flags.overrides()) {
        Ok(settings) => settings,
        Err(error) => {
            say(&format!("onsale: {error}"));
            return ExitCode::from(2);
        }
    };
    telemetry::start_logging(&settings);
    ended(command(settings))
}

/// Says how a command has ended.
fn ended(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("onsale: {error:#}"));
            // What a setting is to blame for names it.
            let blames_setting = error.chain().any(|cause| cause.to_string().starts_with("setting "));
            ExitCode::from(if blames_setting { 2 } else { 1 })
        }
    }
}

fn block_on(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(work)
}

async fn migrate(settings: Settings) -> anyhow::Result<()> {
    wire::open_ledger(&settings).await?;
    say("onsale: the ledger is at this version");
    Ok(())
}

/// Says something to the person at the terminal.
#[expect(clippy::print_stderr, reason = "this is the command line")]
fn say(text: &str) {
    eprintln!("{text}");
}

/// Prints a line for programs.
#[expect(clippy::print_stdout, reason = "this is the command line")]
fn print(line: &str) {
    println!("{line}");
}
