//! Recorded arrivals: one file a format, listed in `FORMATS`.

/// A row that cannot be read. (Fields to be written.)
#[derive(Debug)]
pub struct TraceError {
    /// What is wrong and what to write instead.
    pub message: String,
}
