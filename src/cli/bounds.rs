//! What a run may not outgrow, or it would take all memory or disk: requests that are kept, and rows of the timeline.

use std::cell::Cell;
use std::rc::Rc;

use crate::workload::trace::TraceError;

/// Each takes 96 bytes in the list of `--requests-out`.
pub const MOST_REQUESTS: u64 = 25_000_000;

/// How much there is so far. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Requests that a list keeps, if there is one.
    listed: Option<Rc<Cell<u64>>>,
    timeline_too_long: Rc<Cell<bool>>,
}

impl Bounds {
    /// Counts the requests of a list too.
    pub fn with_list(mut self) -> Self {
        self.listed = Some(Rc::default());
        self
    }

    /// Heeds a timeline too.
    pub fn with_timeline(mut self, too_long: Rc<Cell<bool>>) -> Self {
        self.timeline_too_long = too_long;
        self
    }

    /// Another request is sent.
    pub fn take(&self) {
        if let Some(listed) = &self.listed {
            listed.set(listed.get() + 1);
        }
    }

    /// An error once anything has grown too large.
    pub fn check(&self) -> Result<(), TraceError> {
        let listed = self.listed.as_ref().map_or(0, |listed| listed.get());
        if listed > MOST_REQUESTS {
            return Err(TraceError::of_run(
                "--requests-out: more than 25 million requests, which are kept in memory to the end; \
                 ask for fewer requests, or leave --requests-out out",
            ));
        }
        if self.timeline_too_long.get() {
            return Err(TraceError::of_run(
                "--timeline-out: more than 20 million rows; write a longer --timeline-interval",
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_too_large_is_named() {
        let message = |bounds: &Bounds| bounds.check().unwrap_err().to_string();
        let bounds = Bounds::default().with_list();
        bounds.listed.as_ref().unwrap().set(MOST_REQUESTS);
        assert!(bounds.check().is_ok());
        bounds.take();
        assert!(message(&bounds).contains("--requests-out"));

        let bounds = Bounds::default().with_timeline(Rc::new(Cell::new(true)));
        assert!(message(&bounds).contains("--timeline-interval"));
    }
}
