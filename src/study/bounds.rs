//! What a run may not outgrow, or it would take all memory or disk: requests that are kept, and files that are written
//! while it goes on.

use std::cell::Cell;
use std::rc::Rc;

use crate::fleet::ReplayError;

/// Each takes 96 bytes in the list of `--requests-out`.
pub const MOST_REQUESTS: u64 = 25_000_000;

/// How much there is so far. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Bounds {
    /// Requests that a list keeps, if there is one.
    listed: Option<Rc<Cell<u64>>>,
    /// Whether other things have grown too large, each with what to write instead.
    others: Vec<(Rc<Cell<bool>>, &'static str)>,
}

impl Bounds {
    /// Counts the requests of a list too.
    pub fn count_list(&mut self) {
        self.listed = Some(Rc::default());
    }

    /// Heeds something else too: once it has grown `too_large`, the error is `message`.
    pub fn heed(&mut self, too_large: Rc<Cell<bool>>, message: &'static str) {
        self.others.push((too_large, message));
    }

    /// Another request is sent.
    pub fn take(&self) {
        if let Some(listed) = &self.listed {
            listed.set(listed.get() + 1);
        }
    }

    /// An error once anything has grown too large.
    pub fn check(&self) -> Result<(), ReplayError> {
        let listed = self.listed.as_ref().map_or(0, |listed| listed.get());
        if listed > MOST_REQUESTS {
            return Err(ReplayError::Outgrown(
                "--requests-out: more than 25 million requests, which are kept in memory to the end; \
                 ask for fewer requests, or leave --requests-out out",
            ));
        }
        let mut others = self.others.iter();
        match others.find(|(too_large, _)| too_large.get()) {
            Some((_, message)) => Err(ReplayError::Outgrown(message)),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_too_large_is_named() {
        let message = |bounds: &Bounds| bounds.check().unwrap_err().to_string();
        let mut bounds = Bounds::default();
        bounds.count_list();
        bounds.listed.as_ref().unwrap().set(MOST_REQUESTS);
        assert!(bounds.check().is_ok());
        bounds.take();
        assert!(message(&bounds).contains("--requests-out"));

        let mut bounds = Bounds::default();
        let [small, large] = [false, true].map(|large| Rc::new(Cell::new(large)));
        bounds.heed(small, "small");
        assert!(bounds.check().is_ok());
        bounds.heed(large, "large");
        assert_eq!(message(&bounds), "large");
    }
}
