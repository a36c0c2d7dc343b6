//! What was found wrong: counted to the end, listed up to a limit.

/// How many findings are listed.
const MOST_LISTED: usize = 1_000;

/// Sentences about what is wrong.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// The first of them.
    pub listed: Vec<String>,
    /// How many there are.
    pub found: u64,
}

impl Findings {
    /// Adds one.
    pub fn find(&mut self, finding: String) {
        self.found += 1;
        if self.listed.len() < MOST_LISTED {
            self.listed.push(finding);
        }
    }

    /// Adds one where something is not right.
    pub fn check(&mut self, is_right: bool, finding: impl FnOnce() -> String) {
        if !is_right {
            self.find(finding());
        }
    }
}
