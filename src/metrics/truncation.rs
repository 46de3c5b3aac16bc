//! How long a run takes to forget that its server was empty at first: MSER-5 (White, An effective truncation heuristic
//! for bias reduction in simulation output, Simulation 69 (1997); White, Cobb and Spratt, A comparison of five
//! steady-state truncation heuristics for simulation, WSC 2000), on the number of requests that each arrival finds, and
//! no longer than it takes to come to the later level and back across it.

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

    /// Arrivals before the run has forgotten its start: what MSER-5 says, but no more than until the run has come to
    /// its later level and has gone back across it.
    ///
    /// MSER alone cuts crowds off as well, if they come by chance in the first half: of 150 M/M/1 queues at 0.9, each
    /// of 20,000 requests, the mean wait came out 2.9 % too short so and the p99 8.6 %, with the limit +0.2 % and
    /// -3.0 % (-2.9 % without any cut).
    pub(super) fn warm_up(&self) -> u64 {
        let cut = self.least_error().min(self.back_across_the_later_mean());
        cut as u64 * u64::from(self.size)
    }

    /// Batches before the cut, of all up to the middle, after which the standard error of the mean is least, as if
    /// batches were independent.
    fn least_error(&self) -> usize {
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
        best.1
    }

    /// Batches before the run crosses the mean of its second half for the second time; an empty server fills up before
    /// the first. What lies above for long behind that, as while a prefix cache is filled, belongs to the warm-up too.
    fn back_across_the_later_mean(&self) -> usize {
        let later = &self.batches[self.batches.len() / 2..];
        let mean = later.iter().sum::<f64>() / later.len() as f64;
        let mut above = self.batches.iter().map(|batch| *batch >= mean);
        let Some(first) = above.next() else {
            return 0;
        };
        let before = above.clone().take_while(|is_above| *is_above == first).count() + 1;
        before + above.skip(before).take_while(|is_above| *is_above != first).count() + 1
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
    fn what_lies_high_at_first_is_cut_and_crowds_by_chance_are_not() {
        let cold = warm_up((0..10_000).map(|arrival: u32| arrival.min(1_500) % 1_500 + 100 + arrival % 3));
        assert!((1_400..=1_600).contains(&cold), "{cold}");
        let crowd = |arrival: u32| if (3_000..4_000).contains(&arrival) { 400 } else { 0 };
        let by_chance = warm_up((0..10_000).map(|arrival| 100 + 10 * (arrival / 50 % 2) + crowd(arrival)));
        assert!(by_chance <= 100, "{by_chance}");
    }

    #[test]
    fn at_most_half_is_cut() {
        assert!(warm_up(0..10_000) <= 5_000);
    }
}
