//! Private servers for tests: real ones, started from the machine's binaries, on data of their own.
//!
//! Invariant: a server belongs to the test that started it, listens where nobody else does, and is ended by its own
//! id, at the latest when its handle is dropped.

pub mod postgres;

/// Whether a missing program fails a test. Elsewhere it is said and the test is passed over.
fn is_required() -> bool {
    std::env::var("CI").is_ok_and(|value| value == "true")
}

/// Decides about a server whose program is not on this machine: a failure under `CI=true`, `None` and a message
/// elsewhere.
///
/// # Panics
///
/// Under `CI=true`, where `found` is nothing.
pub fn or_passed_over<T>(found: anyhow::Result<Option<T>>, program: &str) -> Option<T> {
    match found {
        Ok(Some(found)) => Some(found),
        Ok(None) if is_required() => panic!("{program} is not on this machine, and CI=true"),
        Ok(None) => {
            #[expect(clippy::print_stderr, reason = "whoever runs the tests has to see what was not tested")]
            {
                eprintln!("PASSED OVER: {program} is not on this machine");
            }
            None
        }
        Err(error) => panic!("{program} does not start: {error:#}"),
    }
}
