//! A part of a document that may be unknown.

use serde::Serialize;

/// What came of a part, or why it is not known.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum Part<T> {
    /// The answer.
    Known(T),
    /// Why there is none.
    Unknown {
        /// In a sentence.
        unknown: String,
    },
}

impl<T> Part<T> {
    /// The document of an answer.
    pub fn of<'a, A>(answer: &'a Result<A, String>, document: impl FnOnce(&'a A) -> T) -> Self {
        match answer {
            Ok(answer) => Self::Known(document(answer)),
            Err(why) => Self::Unknown { unknown: why.clone() },
        }
    }
}
