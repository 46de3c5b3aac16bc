//! How long a run takes to forget that its server was empty at first: MSER-5 (White, An effective truncation heuristic
//! for bias reduction in simulation output, Simulation 69 (1997); White, Cobb and Spratt, A comparison of five
//! steady-state truncation heuristics for simulation, WSC 2000), on the number of requests that each arrival finds.

/// The numbers that arrivals find, as means over batches of equal size.
#[derive(Clone, Debug)]
pub(super) struct DepthsOverRun {
    /// Sums over complete batches.
    batches: Vec<f64>,
    /// Arrivals in each.
    size: u32,
    sum: u64,
    count: u32,
}

/// Arrivals in a batch at first.
const SMALLEST_BATCH: u32 = 5;

/// With so many batches, each two become one: the rule sees the shape of a run, of whatever length.
const MOST_BATCHES: usize = 1_000;

impl Default for DepthsOverRun {
    fn default() -> Self {
        Self {
            batches: Vec::new(),
            size: SMALLEST_BATCH,
            sum: 0,
            count: 0,
        }
    }
}

impl DepthsOverRun {
    /// Another request comes, and finds so many in the server.
    #[inline]
    pub(super) fn arrived(&mut self, in_server: u32) {
        self.sum += u64::from(in_server);
        self.count += 1;
        if self.count == self.size {
            self.close_batch();
        }
    }

    fn close_batch(&mut self) {
        self.batches.push(self.sum as f64);
        (self.sum, self.count) = (0, 0);
        if self.batches.len() == MOST_BATCHES {
            self.batches = self.batches.chunks_exact(2).map(|pair| pair[0] + pair[1]).collect();
            self.size *= 2;
        }
    }

    /// Arrivals before the run has forgotten its start: of all cuts up to the middle, the one after which the standard
    /// error of the mean is least, as if batches were independent.
    pub(super) fn warm_up(&self) -> u64 {
        let batches = self.batches.len();
        let (mut sum, mut squares, mut best) = (0.0, 0.0, (f64::INFINITY, 0));
        // From the end, so that each cut adds one batch to those behind it.
        for (cut, batch) in self.batches.iter().enumerate().rev() {
            sum += batch;
            squares += batch * batch;
            if cut > batches / 2 {
                continue;
            }
            let kept = (batches - cut) as f64;
            let error = (squares - sum * sum / kept).max(0.0) / (kept * kept);
            // Of equals the earliest, so that a level run loses nothing.
            if error <= best.0 {
                best = (error, cut);
            }
        }
        best.1 as u64 * u64::from(self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn warm_up(depths: impl Iterator<Item = u32>) -> u64 {
        let mut run = DepthsOverRun::default();
        depths.for_each(|depth| run.arrived(depth));
        run.warm_up()
    }

    #[test]
    fn a_level_run_has_no_warm_up() {
        assert_eq!(warm_up((0..20_000).map(|_| 7)), 0);
        assert_eq!(warm_up(std::iter::empty()), 0);
    }

    #[test]
    fn a_run_that_fills_up_and_stays_so_is_cut_where_it_is_full() {
        let filled = warm_up((0..10_000).map(|arrival: u32| arrival.min(600) + arrival % 3));
        assert!((540..=640).contains(&filled), "{filled}");
        let long = warm_up((0..1_000_000).map(|arrival: u32| (arrival / 100).min(600) + arrival % 3));
        assert!((54_000..=64_000).contains(&long), "{long}");
    }

    #[test]
    fn at_most_half_is_cut() {
        assert!(warm_up(0..10_000) <= 5_000);
    }
}
