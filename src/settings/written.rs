//! What a scenario says of settings, for those who read themselves from it.

use super::Setting;
use crate::units::Span;

/// Looks settings up in a table, each checked against its declaration. What is read is noted with its origin or, where
/// the default stands, with the reason for it.
pub trait Written {
    /// What is wrong with a table.
    type Error: From<Refused>;

    /// Whether it was written.
    fn has(&self, setting: &'static Setting) -> bool;

    /// A [`super::Kind::Count`], or `default` because of `why`.
    fn count(&self, setting: &'static Setting, default: u32, why: &str) -> Result<u32, Self::Error>;

    /// A [`super::Kind::Count`], if it was written.
    fn optional_count(&self, setting: &'static Setting) -> Result<Option<u32>, Self::Error>;

    /// A [`super::Kind::Number`], or `default` because of `why`.
    fn number(&self, setting: &'static Setting, default: f64, why: &str) -> Result<f64, Self::Error>;

    /// A [`super::Kind::Boolean`], or `default` because of `why`.
    fn boolean(&self, setting: &'static Setting, default: bool, why: &str) -> Result<bool, Self::Error>;

    /// A [`super::Kind::Duration`], or `default` because of `why`.
    fn duration(&self, setting: &'static Setting, default: Span, why: &str) -> Result<Span, Self::Error>;

    /// The place of the word of a [`super::Kind::Choice`] among its words, or of `default` because of `why`.
    fn choice(&self, setting: &'static Setting, default: &'static str, why: &str) -> Result<usize, Self::Error>;
}

/// Values that are fine one by one and not together, or not for this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The settings that it is about: the first one that was written is the one to show.
    pub settings: Vec<&'static str>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to write instead, one entry a line.
    pub help: Vec<String>,
}
