//! Reads TOML text: a tree in which every value knows its place, the keys of a table with their types, ranges and
//! defaults, and messages that show the line.

pub mod bandwidth;
pub mod byte_size;
pub mod declared;
pub mod diagnostic;
pub mod document;
pub mod fields;
pub mod flag;
pub mod key;
pub mod layers;
pub mod printable;
pub mod quantity;
pub mod read_once;
pub mod reading;
pub mod text;
pub mod text_file;
pub mod toml_text;
pub mod written;
