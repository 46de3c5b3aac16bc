//! What a setting of a scenario is: declared once, as data, beside what it belongs to.
//!
//! From these declarations come the reader of scenarios with its errors, the flags of the command line, the JSON
//! Schema, the reference of every key and the comments of a new scenario. Nothing here reads a file or knows a text:
//! whoever can look keys up implements [`Written`], and whatever a setting belongs to reads itself through it.

mod setting;
mod written;

pub(crate) use setting::words;
pub use setting::{Default, Kind, Setting, Variant, Word};
pub use written::{Refused, Written};
