//! Whether requests come in waves: many within a few steps, and then hardly any for a while.
//!
//! A *crowd* is arrivals in steps that follow one another, with no pause of the server and no two steps in a row in
//! which nobody arrives. A crowd is a *wave* if it has at least nine arrivals, is over within a thousand steps (what
//! lasts longer is a change of the load, to which a server has time to settle), and they came at least twice as densely
//! as all arrivals since the last crowd of as many. Whatever makes them is seen: equal pauses, equal lengths, bursts,
//! times rounded to seconds.
//!
//! Arrivals that do not depend on one another hardly ever make one: with few arrivals a step nine in a row are rare,
//! with many crowds are as dense as what lies between them. The first crowd, in which all clients of a closed loop may
//! start, is left out.

use crate::engine::{Event, StepRun};
use crate::metrics::meter::{Durations, HeardEvent, Meter, ResultSection, StartOfSteps, Total, WholeRun};
use crate::metrics::named_number::NamedNumber;
use crate::metrics::recorder_settings::RecorderSettings;
use crate::policy::{PolicySettings, Response};
use crate::units::Time;

/// Fewer arrivals are no wave.
const FEWEST_IN_A_WAVE: u64 = 9;
/// Crowds of more steps are a load that a server has time to settle to.
const MOST_STEPS_OF_A_WAVE: u64 = 1_000;
/// How many times as densely as arrivals on the whole those of a wave come.
const DENSER: u128 = 2;
/// Steps in a row without an arrival that a crowd goes on over.
const MOST_EMPTY_STEPS: u64 = 1;

/// Waves of arrivals, of one run or of several.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Waves {
    /// How many waves there were.
    pub waves: u64,
    /// Arrivals in them.
    pub in_waves: u64,
    /// All arrivals after the first crowd.
    pub arrivals: u64,
}

impl Waves {
    /// Whether more than half of the requests come in waves.
    pub const fn are_most(&self) -> bool {
        2 * self.in_waves > self.arrivals
    }

    /// The part of the requests that comes in waves.
    pub fn share(&self) -> f64 {
        self.in_waves as f64 / self.arrivals.max(1) as f64
    }

    /// How many come in a wave, in the mean.
    pub fn mean_size(&self) -> f64 {
        self.in_waves as f64 / self.waves.max(1) as f64
    }
}

/// Looks for waves.
#[derive(Default)]
pub(in crate::metrics) struct WavesMeter {
    found: Waves,
    /// Whether batches end as a whole, so that closed loops come in waves by their nature, which says nothing new.
    is_silent: bool,
    /// The crowd that the last steps belong to.
    crowd: Option<Crowd>,
    /// When the first of those came that have arrived since steps were last heard of, and how many they are.
    since_step: Option<(Time, u64)>,
    step_end: Time,
    /// Steps in a row up to then in which nobody arrived.
    empty_steps: u64,
    /// When the last crowd ended that has as many as a wave, or the first crowd; `None` before.
    large_end: Option<Time>,
    /// Arrivals since then.
    since_large: u64,
}

struct Crowd {
    from: Time,
    until: Time,
    /// Steps in which somebody arrived.
    steps: u64,
    arrivals: u64,
}

impl WavesMeter {
    /// A meter that sees none.
    pub(in crate::metrics) fn silent() -> Self {
        Self {
            is_silent: true,
            ..Self::default()
        }
    }

    fn end_crowd(&mut self) {
        let Some(crowd) = self.crowd.take() else {
            return;
        };
        let Some(large_end) = self.large_end else {
            self.large_end = Some(crowd.until);
            return;
        };
        self.found.arrivals += crowd.arrivals;
        self.since_large += crowd.arrivals;
        if crowd.arrivals < FEWEST_IN_A_WAVE {
            return;
        }
        let [whole, own] = [large_end, crowd.from].map(|from| u128::from(crowd.until.since(from).picos()));
        let is_dense = u128::from(crowd.arrivals) * whole >= DENSER * u128::from(self.since_large).saturating_mul(own);
        if is_dense && crowd.steps <= MOST_STEPS_OF_A_WAVE {
            self.found.waves += 1;
            self.found.in_waves += crowd.arrivals;
        }
        self.large_end = Some(crowd.until);
        self.since_large = 0;
    }
}

impl Meter for WavesMeter {
    type Total = Waves;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        let ends_whole = match &settings.server.policy {
            PolicySettings::Static(settings) => settings.response == Response::BatchEnd,
            _ => false,
        };
        Self {
            is_silent: ends_whole,
            ..Self::default()
        }
    }

    #[inline(always)]
    fn on(&mut self, heard: &HeardEvent<'_>) {
        if let Event::Arrived { .. } = heard.event {
            self.since_step.get_or_insert((heard.at, 0)).1 += 1;
        }
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>, _at_start: StartOfSteps) {
        let end = run.end();
        let since_step = self.since_step.take();
        // Arrivals end a leap, so of several steps they came in the last one.
        self.empty_steps += run.steps - u64::from(since_step.is_some());
        if self.crowd.is_some() && (run.start > self.step_end || self.empty_steps > MOST_EMPTY_STEPS) {
            self.end_crowd();
        }
        if let Some((from, arrivals)) = since_step {
            let crowd = self.crowd.get_or_insert(Crowd {
                from,
                until: end,
                steps: 0,
                arrivals: 0,
            });
            crowd.until = end;
            crowd.steps += 1;
            crowd.arrivals += arrivals;
            self.empty_steps = 0;
        }
        self.step_end = end;
    }

    fn finish(mut self, _run: &WholeRun) -> Waves {
        self.end_crowd();
        if self.is_silent { Waves::default() } else { self.found }
    }
}

impl Total for Waves {
    type Section = Self;

    fn pool(&mut self, other: &Self) {
        self.waves += other.waves;
        self.in_waves += other.in_waves;
        self.arrivals += other.arrivals;
    }

    fn section(&self, _durations: &Durations) -> Self {
        *self
    }
}

impl ResultSection for Waves {
    /// None: they are a judgement, which a warning tells.
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        Vec::new()
    }
}
