//! A line of a report as values, which whoever shows it puts into words.

/// A line under a label. Its parts are set apart where it is shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// One or two words.
    pub label: &'static str,
    /// What it says, one statement after the other.
    pub parts: Vec<Statement>,
}

/// A statement of a line, word by word.
pub type Statement = Vec<Phrase>;

/// Fixed text, or a value with its unit; `None` is what nothing is known about.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Phrase {
    /// Text that is always the same.
    Text(&'static str),
    /// A part of one.
    Share(Option<f64>),
    /// A number that need not be whole.
    Number(Option<f64>),
    /// A length of time [s].
    Time(Option<f64>),
    /// A number that is whole.
    Count(Option<u64>),
}

impl Line {
    /// A line without a statement.
    pub(super) const fn new(label: &'static str) -> Self {
        let parts = Vec::new();
        Self { label, parts }
    }

    /// The line with one more statement.
    pub(super) fn with(mut self, part: impl Into<Statement>) -> Self {
        self.parts.push(part.into());
        self
    }

    /// The line with one more statement if the value is known.
    pub(super) fn with_known<T, P: Into<Statement>>(self, value: Option<T>, part: impl FnOnce(T) -> P) -> Self {
        match value {
            Some(value) => self.with(part(value)),
            None => self,
        }
    }
}
