//! How results with tables are printed.

use clap::ValueEnum;

use crate::answer::Markup;

/// How to print results with tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TableFormat {
    /// One screen
    Text,
    /// One JSON object
    Json,
    /// Its tables as Markdown
    Markdown,
    /// Its tables as LaTeX, for the package booktabs
    Latex,
}

impl TableFormat {
    /// The flag, if stdout is to hold nothing else.
    pub const fn claim(self) -> Option<&'static str> {
        match self {
            Self::Text => None,
            Self::Json => Some("--format json"),
            Self::Markdown => Some("--format markdown"),
            Self::Latex => Some("--format latex"),
        }
    }

    /// What is printed, line breaks included; `None` of a screen, which is fitted to its width.
    pub fn typed(self, json: impl FnOnce() -> String, markup: impl FnOnce(Markup) -> String) -> Option<String> {
        match self {
            Self::Text => None,
            Self::Json => Some(json()),
            Self::Markdown => Some(markup(Markup::Markdown)),
            Self::Latex => Some(markup(Markup::Latex)),
        }
    }
}
