//! Rules of this repository that neither rustc nor clippy knows, as ordinary tests.
//!
//! Invariant: a failure names the file, and the line where there is one, of everything that is out of place.

mod documents;
mod layers;
mod sources;
mod tree;
