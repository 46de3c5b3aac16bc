//! From TOML text to domain values that are valid by construction, with errors that show the place and the remedy.

pub mod catalogue;
pub mod hugging_face;
