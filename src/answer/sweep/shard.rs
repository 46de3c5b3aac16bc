//! `--shard 2/7`: every seventh run, from the second on.

use std::str::FromStr;

/// Which of several equal parts of a sweep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shard {
    /// Which of the parts it is, counted from 1.
    number: usize,
    of: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { number: 1, of: 1 }
    }
}

impl Shard {
    /// The runs of this part, of `runs` in all.
    pub fn runs(self, runs: usize) -> Vec<usize> {
        (self.number - 1..runs).step_by(self.of).collect()
    }

    /// Whether it is but a part.
    pub fn is_part(self) -> bool {
        self.of > 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts = text.split_once('/').and_then(|(number, of)| {
            let (number, of) = (number.parse().ok()?, of.parse().ok()?);
            (number >= 1 && number <= of && of <= 1_000_000).then_some(Self { number, of })
        });
        parts.ok_or_else(|| "write which part of how many, such as 2/7".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shards_share_all_runs_out() {
        let mut all: Vec<usize> = (1..=7).flat_map(|number| Shard { number, of: 7 }.runs(500)).collect();
        all.sort_unstable();
        assert!(all.into_iter().eq(0..500));
        assert_eq!("2/7".parse(), Ok(Shard { number: 2, of: 7 }));
        for wrong in ["", "2", "0/7", "8/7", "a/b", "1/0"] {
            assert!(wrong.parse::<Shard>().is_err(), "{wrong}");
        }
    }
}
