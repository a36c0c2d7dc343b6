//! One suite per group of ports: what every adapter has to do, whatever it is made of.
//!
//! Invariant: a case knows nothing but the ports, and each sentence of a port's contract has a case that fails
//! where an adapter does not keep it. Where a contract leaves a choice, the case accepts every choice.
//!
//! An adapter's test file says how to make one, and names the macro ([`crate::hot_conformance`],
//! [`crate::ledger_conformance`], [`crate::room_conformance`]), which turns each case into a test of its own name.

pub mod hot;
pub mod ledger;
pub mod rooms;

/// What `make` gives: what is under test with its guard, or perhaps.
#[doc(hidden)]
pub trait Made {
    /// What is under test.
    type UnderTest;
    /// Lives as long as the case.
    type Guard;

    /// Both of them.
    fn made(self) -> Option<(Self::UnderTest, Self::Guard)>;
}

impl<T, G> Made for (T, G) {
    type UnderTest = T;
    type Guard = G;

    fn made(self) -> Option<(T, G)> {
        Some(self)
    }
}

impl<T, G> Made for Option<(T, G)> {
    type UnderTest = T;
    type Guard = G;

    fn made(self) -> Option<(T, G)> {
        self
    }
}

/// Turns a list of cases into one `#[tokio::test]` each. For the macros of the suites; `make` gives what is under
/// test and a guard that lives as long as the case, or `None` where this machine cannot make them.
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
                let made = $make().await;
                let Some((under_test, _guard)) = $crate::conformance::Made::made(made) else { return };
                $crate::conformance::$suite::$noun::$case(under_test).await;
            }
        )+
    };
}
