//! One suite per group of ports: what every adapter has to do, whatever it is made of.
//!
//! Invariant: a case knows nothing but the ports, and each sentence of a port's contract has a case that fails
//! where an adapter does not keep it. Where a contract leaves a choice, the case accepts every choice.
//!
//! An adapter's test file says how to make one, and names the macro ([`crate::hot_conformance`],
//! [`crate::ledger_conformance`]), which turns each case into a test of its own name.

pub mod hot;
pub mod ledger;

/// Turns a list of cases into one `#[tokio::test]` each. For the macros of the suites; `make` gives what is under
/// test and a guard that lives as long as the case.
#[doc(hidden)]
#[macro_export]
macro_rules! conformance_tests {
    ($make:path, $suite:ident { $($noun:ident: $($case:ident),+ $(,)?;)+ }) => {
        $crate::conformance_tests!(@each $make, { $($($noun $case)+)+ } $suite);
    };
    (@each $make:path, { $($noun:ident $case:ident)+ } $suite:ident) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let (under_test, _guard) = $make().await;
                $crate::conformance::$suite::$noun::$case(under_test).await;
            }
        )+
    };
}
