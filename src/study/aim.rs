//! Where the next guess between two loads aims.

/// After so many guesses that do not halve what is left the middle is tried.
const MOST_BAD_GUESSES: u32 = 3;

/// How guesses between two loads are corrected by what came of those before: by the Illinois rule (Dowell and Jarratt,
/// BIT 11, 1971), which halves what is known at a load that stays while the other one moves again and again.
pub(super) struct Aim {
    /// What strains are multiplied by: that of the load which is met, and that of the other one.
    pub(super) below: f64,
    pub(super) above: f64,
    /// Whether the load that moved last was the lower one; `None` before any.
    was_met: Option<bool>,
    /// The ratio of the two loads when it was last halved, as a logarithm.
    width: f64,
    /// Guesses since then.
    since: u32,
}

impl Default for Aim {
    fn default() -> Self {
        Self {
            below: 1.0,
            above: 1.0,
            was_met: None,
            width: f64::INFINITY,
            since: 0,
        }
    }
}

impl Aim {
    /// Takes in that a load was met or not, and what the ratio of the two loads is now.
    pub(super) fn correct(&mut self, is_met: bool, ratio: f64) {
        let moved_again = self.was_met == Some(is_met);
        let (moved, stayed) = if is_met {
            (&mut self.below, &mut self.above)
        } else {
            (&mut self.above, &mut self.below)
        };
        *moved = 1.0;
        if moved_again {
            *stayed /= 2.0;
        }
        self.was_met = Some(is_met);
        self.since += 1;
        if ratio.ln() <= self.width / 2.0 {
            (self.width, self.since) = (ratio.ln(), 0);
        }
    }

    /// Whether guesses do not halve the ratio, so that the middle is better.
    pub(super) const fn is_at_middle(&self) -> bool {
        self.since >= MOST_BAD_GUESSES
    }
}
