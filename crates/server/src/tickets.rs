//! What a ticket looks like outside of the pages: its QR code, and a sheet of paper.
//!
//! Invariant: all of them carry the code as text, as it is typed at a door; nothing here reads a store or a clock.

pub(crate) mod paper;
pub(crate) mod press;
pub(crate) mod qr;
pub(crate) mod words;
