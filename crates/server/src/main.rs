//! The command `onsale`: ticket on-sales, from the queue to the ticket.

mod admission;
mod cli;
mod connections;
mod desk;
mod generations;
mod http;
mod language;
mod limits;
mod live;
mod mail;
mod notices;
mod outgoing;
mod overload;
mod pseudonyms;
mod queue_client;
mod queue_tokens;
mod requests;
mod sale;
mod seal;
mod serve;
mod settings;
mod telemetry;
mod tickets;
mod tls;
mod tokens;
mod trace_context;
mod traces;
mod vitals;
mod wire;

/// Many small allocations from many threads are what a server does.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::run()
}
