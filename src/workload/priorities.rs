//! How urgent requests are, where the server heeds it.

use rand::RngExt;

use super::invalid::{Invalid, check_range};
use crate::stats::streams::Xoshiro256PlusPlus;

/// The priorities that requests have; each is drawn by itself, one for all turns of a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Priorities {
    /// The levels that requests are spread over; at least one.
    pub levels: Vec<PriorityLevel>,
}

/// One priority, and how many requests have it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PriorityLevel {
    /// Lower numbers go first.
    pub value: i32,
    /// Its part of the requests, relative to the other shares.
    pub share: f64,
}

/// Far more than a schedule with priorities by hand has.
const MOST_LEVELS: usize = 1000;

impl Priorities {
    /// One priority for all requests.
    pub fn fixed(value: i32) -> Self {
        Self {
            levels: vec![PriorityLevel { value, share: 1.0 }],
        }
    }

    /// Checks every setting. Keys are those of a scenario's `workload` table.
    pub fn validate(&self) -> Result<(), Invalid> {
        if self.levels.is_empty() || self.levels.len() > MOST_LEVELS {
            let message = format!(
                "must list 1 to {MOST_LEVELS} levels; write e.g. priority = [{{ value = 0, share = 0.2 }}, \
                 {{ value = 1, share = 0.8 }}]"
            );
            return Err(Invalid::new("priority", message));
        }
        for (index, level) in self.levels.iter().enumerate() {
            let inside = |invalid: Invalid| invalid.inside(&format!("priority[{index}]"));
            check_range("share", level.share, 0.0, 1e9, "e.g. share = 0.2").map_err(inside)?;
            if self.levels[..index].iter().any(|before| before.value == level.value) {
                let message = format!("is {}, as of an earlier level; add its share to the first", level.value);
                return Err(inside(Invalid::new("value", message)));
            }
        }
        if self.sum() > 0.0 {
            return Ok(());
        }
        let message = "has no level with a share above 0; write a share above 0 for one of them";
        Err(Invalid::new("priority", message))
    }

    fn sum(&self) -> f64 {
        self.levels.iter().map(|level| level.share).sum()
    }

    /// The priority of the next request.
    pub(super) fn draw(&self, random: &mut Xoshiro256PlusPlus) -> i32 {
        let mut left = random.random::<f64>() * self.sum();
        for level in &self.levels {
            if left < level.share {
                return level.value;
            }
            left -= level.share;
        }
        // What rounding leaves belongs to the last that anybody has.
        let last = self.levels.iter().rfind(|level| level.share > 0.0);
        last.map_or(0, |level| level.value)
    }
}
