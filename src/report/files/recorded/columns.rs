//! What of recorded requests has to be written.

use crate::workload::trace::Row;

/// What of the rows has to be written, as far as a format depends on it.
#[derive(Clone, Copy, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "columns are there or not")]
pub struct RecordedColumns {
    /// Whether any prompt says what it holds.
    pub segments: bool,
    /// Whether any row belongs to a session.
    pub session: bool,
    /// Whether any row waits for another.
    pub after: bool,
    /// Whether any row is more or less urgent than others.
    pub priority: bool,
    /// Whether any row says what it allows at most.
    pub max_tokens: bool,
}

impl RecordedColumns {
    /// Sees to it that all of `row` is written.
    pub fn add(&mut self, row: &Row) {
        self.segments |= row.segments.is_some();
        self.session |= row.session.is_some();
        self.after |= row.after.is_some();
        self.priority |= row.priority != 0;
        self.max_tokens |= row.max_tokens.is_some();
    }
}
