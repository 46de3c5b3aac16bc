//! Arrivals that do not wait for the server.

use super::arrivals::{Arrivals, Gaps, Stage};
use super::custom_arrivals::MissedRate;
use super::exponential::draw_exponential;
use super::trace::TraceError;
use crate::stats::streams::{Xoshiro256PlusPlus, stream};
use crate::units::{PICOS_PER_SECOND, Span, Time};

/// Makes one arrival after the other.
pub(super) struct OpenLoop {
    random: Xoshiro256PlusPlus,
    process: Process,
    clock: Clock,
}

enum Process {
    Renewal(Gaps),
    /// Equal gaps before their first arrival, which is at time 0.
    ConstantFrom0(Gaps),
    Spanning(Spanning),
    AtOnce,
    Stages(Stages),
    Custom(CustomGaps),
}

impl OpenLoop {
    /// A valid process that is not a closed loop. As many arrivals as are `spanned` come within exactly the time that
    /// they take in the mean, if it is one of independent gaps.
    pub fn new(arrivals: &Arrivals, spanned: Option<u64>, seed: u64) -> Self {
        let random = stream(seed, "arrivals");
        let process = match (arrivals, Gaps::new(arrivals)) {
            (_, Some(gaps)) if spanned.is_some() => {
                let requests = spanned.unwrap_or_default();
                Process::Spanning(Spanning::new(gaps, requests, arrivals, random.clone()))
            }
            (Arrivals::Stages(stages), _) => Process::Stages(Stages::new(stages.clone())),
            (Arrivals::Constant { .. }, Some(gaps)) => Process::ConstantFrom0(gaps),
            (_, Some(gaps)) => Process::Renewal(gaps),
            (Arrivals::Custom { rate_per_s, process }, _) => Process::Custom(CustomGaps {
                gaps: process.maker.gaps(seed, *rate_per_s),
                asked_per_s: *rate_per_s,
                came: 0,
            }),
            (_, None) => Process::AtOnce,
        };
        Self {
            random,
            process,
            clock: Clock::default(),
        }
    }

    /// The next arrival; `None` if there are no more before `end`.
    pub fn next(&mut self, end: Option<Time>) -> Result<Option<Time>, TraceError> {
        match (self.pass(), end) {
            // Where the run ends before, an arrival past the limit of simulated time does not matter.
            (Err(_), Some(_)) | (Ok(false), _) => Ok(None),
            (Err(error), None) => Err(error),
            (Ok(true), _) => Ok(Some(self.clock.now).filter(|&now| end.is_none_or(|end| now < end))),
        }
    }

    /// The rate that arrivals of somebody else's process were asked to have, and the one that those had which came,
    /// where that is far off.
    pub fn missed_rate(&self) -> Option<MissedRate> {
        let Process::Custom(custom) = &self.process else {
            return None;
        };
        let came_per_s = custom.came as f64 / self.clock.now.seconds();
        // Chance takes few arrivals far from their mean.
        let allowed = 0.1 + 3.0 / (custom.came as f64).sqrt();
        let missed = MissedRate {
            asked_per_s: custom.asked_per_s,
            came_per_s,
        };
        ((came_per_s / custom.asked_per_s - 1.0).abs() > allowed).then_some(missed)
    }

    /// Moves the clock to the next arrival; false if there are no more.
    fn pass(&mut self) -> Result<bool, TraceError> {
        match &mut self.process {
            Process::Renewal(gaps) => {
                let gap_picos = gaps.draw(&mut self.random);
                self.clock.pass(gap_picos)?;
            }
            Process::AtOnce => {}
            Process::Spanning(spanning) => return spanning.pass(&mut self.clock, &mut self.random),
            Process::Stages(stages) => return stages.pass(&mut self.clock, &mut self.random),
            Process::ConstantFrom0(_) => self.start_constant(),
            Process::Custom(custom) => return custom.pass(&mut self.clock),
        }
        Ok(true)
    }

    fn start_constant(&mut self) {
        if let Process::ConstantFrom0(gaps) = std::mem::replace(&mut self.process, Process::AtOnce) {
            self.process = Process::Renewal(gaps);
        }
    }
}

/// Gaps that somebody else makes.
struct CustomGaps {
    /// [s]
    gaps: Box<dyn Iterator<Item = f64>>,
    /// The mean rate that they are asked to have [1/s].
    asked_per_s: f64,
    /// Arrivals so far.
    came: u64,
}

impl CustomGaps {
    /// Moves the clock to the next arrival; false if the last has come.
    fn pass(&mut self, clock: &mut Clock) -> Result<bool, TraceError> {
        let Some(gap_s) = self.gaps.next() else {
            return Ok(false);
        };
        clock.pass(gap_s * PICOS_PER_SECOND as f64)?;
        self.came += 1;
        Ok(true)
    }
}

/// Time in whole picoseconds plus the fraction that is left over.
///
/// Rounding each gap by itself would let a constant rate of 3 a second drift by a third of a picosecond a request; here
/// the fraction is carried into the next gap, so that only the rounding of the gap as a 64-bit float remains (1 part in
/// 10^16).
#[derive(Default)]
struct Clock {
    now: Time,
    /// The part of a picosecond that is left over, in 0..1 [ps].
    fraction: f64,
}

impl Clock {
    fn pass(&mut self, picos: f64) -> Result<(), TraceError> {
        let exact = picos + self.fraction;
        // The distance to the limit as a float is at most 1 part in 10^16 off; anything that fits it fits a `Time`.
        if !(exact >= 0.0 && exact <= (Time::LIMIT - self.now).picos() as f64) {
            return Err(past_limit());
        }
        let whole = exact as u64;
        self.now += Span::from_picos(whole);
        self.fraction = exact - whole as f64;
        Ok(())
    }
}

fn past_limit() -> TraceError {
    TraceError::of_run(
        "the next request would arrive after 200 days of simulated time, more than a run may last; \
         ask for fewer requests, a shorter duration or a higher rate",
    )
}

/// Independent gaps, all multiplied by what makes the last arrival come when it would in the mean, as `vllm bench
/// serve` does (vLLM 0.11, `get_request` in `vllm/benchmarks/serve.py`). There is a gap before the first arrival too.
struct Spanning {
    gaps: Gaps,
    factor: f64,
    left: u64,
    last: Time,
}

impl Spanning {
    fn new(gaps: Gaps, requests: u64, arrivals: &Arrivals, mut random: Xoshiro256PlusPlus) -> Self {
        let rate_per_s = arrivals.mean_rate_per_s().expect("gaps have a rate");
        let span_picos = requests as f64 / rate_per_s * PICOS_PER_SECOND as f64;
        let drawn_picos: f64 = (0..requests).map(|_| gaps.draw(&mut random)).sum();
        Self {
            gaps,
            factor: if drawn_picos > 0.0 {
                span_picos / drawn_picos
            } else {
                1.0
            },
            left: requests,
            last: Time::from_picos(span_picos as u64).min(Time::LIMIT),
        }
    }

    /// Moves the clock to the next arrival; false if the last has come.
    fn pass(&mut self, clock: &mut Clock, random: &mut Xoshiro256PlusPlus) -> Result<bool, TraceError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Ok(false);
        };
        self.left = left;
        clock.pass(self.factor * self.gaps.draw(random))?;
        // Where sums are rounded the last would be some picoseconds off.
        clock.now = if left == 0 { self.last } else { clock.now.min(self.last) };
        Ok(true)
    }
}

/// A Poisson process whose rate changes: unit-exponential draws are used up at the rate of the stage.
struct Stages {
    upcoming: std::vec::IntoIter<Stage>,
    current: Option<(f64, Time)>,
    end_of_last: Time,
}

impl Stages {
    fn new(stages: Vec<Stage>) -> Self {
        Self {
            upcoming: stages.into_iter(),
            current: None,
            end_of_last: Time::ZERO,
        }
    }

    /// Moves the clock to the next arrival; false if the last stage is over.
    fn pass(&mut self, clock: &mut Clock, random: &mut Xoshiro256PlusPlus) -> Result<bool, TraceError> {
        let mut exponential = draw_exponential(random);
        loop {
            if let Some((rate_per_pico, end)) = self.current {
                let left_picos = (end - clock.now).picos() as f64 - clock.fraction;
                if exponential < rate_per_pico * left_picos {
                    clock.pass((exponential / rate_per_pico).min(left_picos))?;
                    return Ok(true);
                }
                exponential -= rate_per_pico * left_picos;
                clock.now = end;
                clock.fraction = 0.0;
            }
            let Some(stage) = self.upcoming.next() else {
                return Ok(false);
            };
            self.end_of_last += stage.duration;
            let rate_per_pico = stage.rate_per_s / PICOS_PER_SECOND as f64;
            self.current = Some((rate_per_pico, self.end_of_last));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stats::streams::stream;

    fn arrivals_of(arrivals: &Arrivals, count: usize) -> Vec<Time> {
        let mut open_loop = OpenLoop::new(arrivals, None, 1);
        (0..count).map_while(|_| open_loop.next(None).unwrap()).collect()
    }

    #[test]
    fn constant_arrivals_do_not_drift() {
        let arrivals = arrivals_of(&Arrivals::Constant { rate_per_s: 3.0 }, 3_000_001);
        assert_eq!(arrivals[0], Time::ZERO);
        assert_eq!(arrivals[1], Time::from_picos(333_333_333_333));
        let a_million_seconds = 1_000_000 * PICOS_PER_SECOND;
        let off = arrivals[3_000_000].picos().abs_diff(a_million_seconds);
        assert!(off < 200, "{off} ps after a million seconds");
    }

    #[test]
    fn exact_spans_end_when_they_should_and_keep_the_shape_of_gaps() {
        let rate_per_s = 8.0;
        for arrivals in [
            Arrivals::Poisson { rate_per_s },
            Arrivals::Gamma { rate_per_s, cv: 2.0 },
            Arrivals::Weibull { rate_per_s, shape: 0.5 },
            Arrivals::Constant { rate_per_s },
        ] {
            for requests in [1, 2, 1000] {
                let mut exact = OpenLoop::new(&arrivals, Some(requests), 7);
                let times: Vec<Time> = std::iter::from_fn(|| exact.next(None).unwrap()).collect();
                assert_eq!(times.len() as u64, requests);
                let last = Time::from_picos(requests * PICOS_PER_SECOND / 8);
                assert_eq!(times.last(), Some(&last), "{arrivals:?}");
                assert!(times.is_sorted());
                // The same draws, but for one factor.
                let gaps = Gaps::new(&arrivals).unwrap();
                let mut random = stream(7, "arrivals");
                let (first, second) = (gaps.draw(&mut random), gaps.draw(&mut random));
                if requests == 1000 {
                    let gap = |from: Time, to: Time| (to - from).picos() as f64;
                    let ratio = gap(times[0], times[1]) / gap(Time::ZERO, times[0]);
                    assert!((ratio / (second / first) - 1.0).abs() < 1e-6, "{arrivals:?}");
                }
            }
        }
    }

    #[test]
    fn at_once_means_time_0() {
        assert_eq!(arrivals_of(&Arrivals::AtOnce, 3), [Time::ZERO; 3]);
    }

    #[test]
    fn arrivals_end_with_the_last_stage_and_pause_where_the_rate_is_0() {
        let stage = |rate_per_s| Stage {
            rate_per_s,
            duration: Span::from_seconds(100.0).unwrap(),
        };
        let stages = Arrivals::Stages(vec![stage(50.0), stage(0.0), stage(100.0)]);
        let arrivals = arrivals_of(&stages, 100_000);
        let count_before = |seconds: f64| arrivals.iter().filter(|arrival| arrival.seconds() < seconds).count();
        assert!((count_before(100.0) as f64 - 5_000.0).abs() < 250.0);
        assert_eq!(count_before(100.0), count_before(200.0));
        assert!((count_before(300.0) as f64 - 15_000.0).abs() < 450.0);
        assert_eq!(count_before(300.0), arrivals.len());
        assert!(arrivals.is_sorted());
    }

    #[test]
    fn a_run_past_200_days_is_refused() {
        let mut open_loop = OpenLoop::new(&Arrivals::Constant { rate_per_s: 1e-6 }, None, 1);
        let mut arrived = 0;
        let error = loop {
            match open_loop.next(None) {
                Ok(_) => arrived += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(arrived, 18, "200 days are 17.28 million seconds");
        assert!(error.to_string().contains("200 days"));
        let mut tiny = OpenLoop::new(&Arrivals::Poisson { rate_per_s: 1e-300 }, None, 1);
        assert!(tiny.next(None).is_err());
        assert_eq!(tiny.next(Some(Time::LIMIT)).unwrap(), None);
    }
}
