//! What a user says of a trace because its file does not.

use std::fmt;

use super::text_tokenizer::TextTokenizer;
use crate::units::{PICOS_PER_SECOND, Span};

/// What is said of a trace beside its file; nothing by default.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceHints {
    /// The unit of its times, where they are numbers; by default that of the format.
    pub time_unit: Option<TimeUnit>,
    /// How many tokens a hash id stands for; by default as many as in the format.
    pub block_tokens: Option<u32>,
    /// How many characters of text make a token in the mean; by default [`CHARS_PER_TOKEN`].
    pub chars_per_token: Option<f64>,
    /// What counts the tokens of texts; by default they are estimated.
    pub tokenizer: Option<TextTokenizer>,
    /// Of conversations all exchanges, with this pause between an answer and the next question; by default the first
    /// one alone.
    pub think: Option<Span>,
}

/// Of texts that nobody counted the tokens of: the rule of thumb of `OpenAI` for English (help.openai.com, "What are
/// tokens and how to count them?"). Code and other languages have fewer characters a token.
pub const CHARS_PER_TOKEN: f64 = 4.0;

impl TraceHints {
    /// Characters that make a token.
    pub fn chars_per_token(&self) -> f64 {
        self.chars_per_token.unwrap_or(CHARS_PER_TOKEN)
    }
}

/// The unit of a number that is a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Milliseconds,
    /// Millionths of a second.
    Microseconds,
    /// Billionths of a second.
    Nanoseconds,
}

impl TimeUnit {
    /// All of them, the longest first.
    pub const ALL: [Self; 4] = [Self::Seconds, Self::Milliseconds, Self::Microseconds, Self::Nanoseconds];

    /// How it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "s",
            Self::Milliseconds => "ms",
            Self::Microseconds => "us",
            Self::Nanoseconds => "ns",
        }
    }

    /// The unit that is written so.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|unit| unit.as_str() == text)
    }

    /// How long it is [ps].
    pub const fn picos(self) -> u64 {
        match self {
            Self::Seconds => PICOS_PER_SECOND,
            Self::Milliseconds => PICOS_PER_SECOND / 1_000,
            Self::Microseconds => PICOS_PER_SECOND / 1_000_000,
            Self::Nanoseconds => PICOS_PER_SECOND / 1_000_000_000,
        }
    }
}

impl fmt::Display for TimeUnit {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
