//! What a trace format is.

use super::error::TraceError;
use super::first_line::FirstLine;
use super::lines::Lines;
use super::row::Rows;

/// A way to write down requests. Laws: [`TraceFormat::recognises`] looks at names only, never at the magnitude of
/// numbers; reading any bytes yields rows or errors that name the place, never a panic.
pub trait TraceFormat: Sync {
    /// The name in a scenario.
    fn name(&self) -> &'static str;

    /// What its first line must hold, for the error that says what was looked for.
    fn looks_like(&self) -> &'static str;

    /// Whether a file that starts with this line is of this format.
    #[doc(hidden)]
    fn recognises(&self, first: &FirstLine) -> bool;

    /// The rows of a file of this format.
    #[doc(hidden)]
    fn rows(&self, lines: Lines) -> Result<Box<dyn Rows>, TraceError>;

    /// Tokens in a block for measuring how much content is shared: the granularity at which the format identifies
    /// content.
    fn block_tokens(&self) -> u32 {
        16
    }
}
