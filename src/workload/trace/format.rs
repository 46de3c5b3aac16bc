//! What a trace format is.

use super::error::TraceError;
use super::first_line::{FirstLine, Needs};
use super::hints::TraceHints;
use super::lines::Lines;
use super::row::Rows;

/// A way to write down requests. Laws: [`TraceFormat::recognises`] looks at names only, never at the magnitude of
/// numbers; reading any bytes yields rows or errors that name the place, never a panic.
pub trait TraceFormat: Sync {
    /// The name in a scenario.
    fn name(&self) -> &'static str;

    /// What its first line must hold, for the error that says what was looked for.
    fn looks_like(&self) -> &'static str;

    /// The names that its first line must have.
    #[doc(hidden)]
    fn needs(&self) -> Needs;

    /// Whether a file that starts with this line is of this format.
    #[doc(hidden)]
    fn recognises(&self, first: &FirstLine) -> bool {
        first.has(&self.needs())
    }

    /// The names that a first line lacks to be of this format, and how many it needs; `None` if it is of another kind.
    #[doc(hidden)]
    fn missing(&self, first: &FirstLine) -> Option<(Vec<&'static str>, usize)> {
        let needs = self.needs();
        Some((first.missing(&needs)?, needs.len()))
    }

    /// How loose its names are: of formats that recognise a file those with the lowest number do.
    #[doc(hidden)]
    fn looseness(&self) -> u8 {
        0
    }

    /// The rows of a file of this format, of which the user says what the file does not. Chance, where there is any,
    /// depends on `seed`.
    #[doc(hidden)]
    fn rows(&self, lines: Lines, hints: &TraceHints, seed: u64) -> Result<Box<dyn Rows>, TraceError>;

    /// Tokens in a block for measuring how much content is shared: the granularity at which the format identifies
    /// content.
    fn block_tokens(&self) -> u32 {
        16
    }

    /// What is said beside the file that matters to this format.
    fn hears(&self) -> Hears {
        Hears::default()
    }

    /// Whether it is written as requests end, so that its rows are always sorted by arrival.
    fn is_by_end(&self) -> bool {
        false
    }

    /// Whether its rows say when they arrived. If not, they are sent at a rate or a concurrency.
    fn has_arrivals(&self) -> bool {
        true
    }

    /// Whether its rows say how long prompts and outputs were. If not, they are drawn.
    fn has_lengths(&self) -> bool {
        true
    }
}

/// What of [`TraceHints`] matters to a format.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "one for each hint")]
pub struct Hears {
    /// Whether its times are numbers without a unit.
    pub time_unit: bool,
    /// Whether it has hash ids of blocks.
    pub block_tokens: bool,
    /// Whether it holds texts in the place of tokens.
    pub chars_per_token: bool,
    /// Whether it holds conversations, of which nobody recorded the pauses.
    pub think: bool,
}
