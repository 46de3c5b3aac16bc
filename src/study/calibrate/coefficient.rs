//! The coefficients that can be fitted, where they stand in a scenario, and how well one must be known to be worth more
//! than its default.

use crate::config::Scenario;
use crate::stats::Coefficient;
use crate::units::Span;

/// A coefficient that a deployment may have otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fittable {
    /// What a step pays once [µs].
    StepMicros,
    /// The front end's latency [µs].
    LatencyMicros,
    /// What the front end adds to a first token for each running request [µs].
    PerStreamMicros,
    /// What kernels take here of what tables say.
    KernelScale,
    /// What they take besides in steps without prompts.
    DecodeScale,
    /// What they take besides in steps that hold a part of a prompt.
    PromptScale,
    /// What routed experts take besides.
    ExpertScale,
}

/// A step pays no more than this besides its work, or it is the work that is priced wrongly [µs].
const MOST_STEP_MICROS: f64 = 1_500.0;

/// A front end answers within this: servers that were measured take 6 ms, and the slowest engines' first tokens come
/// some 60 ms later than their steps explain [µs].
const MOST_LATENCY_MICROS: f64 = 80_000.0;
/// What a front end may add to a first token for each running request [µs].
const MOST_PER_STREAM_MICROS: f64 = 2_000.0;

/// The standard error of a factor on kernels with which it is known as well as its default.
const LARGEST_SCALE_ERROR: f64 = 0.1;
/// A value that is so many standard errors away from another is not the same.
const CLEARLY_APART: f64 = 3.0;

impl Fittable {
    /// All, those first that are kept when data cannot tell them from others.
    pub const ALL: [Self; 7] = [
        Self::StepMicros,
        Self::LatencyMicros,
        Self::PerStreamMicros,
        Self::KernelScale,
        Self::DecodeScale,
        Self::PromptScale,
        Self::ExpertScale,
    ];
    /// Those of which one scale holds for all kernels.
    pub(super) const OF_ONE_SCALE: [Self; 4] = [
        Self::StepMicros,
        Self::LatencyMicros,
        Self::PerStreamMicros,
        Self::KernelScale,
    ];
    /// Those of which each kind of kernels has a scale of its own; first those that are kept when data cannot tell them
    /// from others.
    pub(super) const OF_SEPARATE_SCALES: [Self; 6] = [
        Self::DecodeScale,
        Self::PromptScale,
        Self::ExpertScale,
        Self::LatencyMicros,
        Self::StepMicros,
        Self::PerStreamMicros,
    ];

    /// Its name in files and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::StepMicros => "step_us",
            Self::LatencyMicros => "latency_us",
            Self::PerStreamMicros => "per_stream_us",
            Self::KernelScale => "kernel_scale",
            Self::DecodeScale => "decode_scale",
            Self::PromptScale => "prompt_scale",
            Self::ExpertScale => "expert_scale",
        }
    }

    /// The one of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// The unit that values of the coefficient have: a factor or microseconds.
    pub const fn unit(self) -> &'static str {
        if self.is_scale() { "x" } else { "us" }
    }

    /// Whether it is a factor on kernels.
    pub const fn is_scale(self) -> bool {
        matches!(
            self,
            Self::KernelScale | Self::DecodeScale | Self::PromptScale | Self::ExpertScale
        )
    }

    /// Whether it is a factor on kernels of one kind.
    pub const fn is_separate_scale(self) -> bool {
        self.is_scale() && !matches!(self, Self::KernelScale)
    }

    /// Whether it belongs to the front end, not to steps.
    pub const fn is_of_front_end(self) -> bool {
        matches!(self, Self::LatencyMicros | Self::PerStreamMicros)
    }

    /// Whether one load alone cannot tell it.
    pub const fn needs_loads(self) -> bool {
        self.is_scale() || matches!(self, Self::PerStreamMicros)
    }

    /// Its value in a scenario.
    pub fn of(self, scenario: &Scenario) -> f64 {
        let execution = &scenario.deployment.execution;
        let (overheads, scales) = (&execution.overheads, &execution.scales);
        match self {
            Self::StepMicros => overheads.step_micros,
            Self::KernelScale => overheads.kernel_scale,
            Self::DecodeScale => scales.decoding,
            Self::PromptScale => scales.prompts,
            Self::ExpertScale => scales.experts,
            Self::LatencyMicros => scenario.deployment.front_end.latency.seconds() * 1e6,
            Self::PerStreamMicros => scenario.deployment.front_end.per_stream.seconds() * 1e6,
        }
    }

    /// Gives it another value there.
    pub fn set(self, scenario: &mut Scenario, value: f64) {
        let span = || Span::from_seconds(value / 1e6).expect("it is within its bounds");
        let execution = &mut scenario.deployment.execution;
        let (overheads, scales) = (&mut execution.overheads, &mut execution.scales);
        match self {
            Self::StepMicros => overheads.step_micros = value,
            Self::KernelScale => overheads.kernel_scale = value,
            Self::DecodeScale => scales.decoding = value,
            Self::PromptScale => scales.prompts = value,
            Self::ExpertScale => scales.experts = value,
            Self::LatencyMicros => scenario.deployment.front_end.latency = span(),
            Self::PerStreamMicros => scenario.deployment.front_end.per_stream = span(),
        }
    }

    /// The search for it, from `start` on.
    pub fn search(self, start: f64) -> Coefficient {
        // Steps so wide that what they do stands out from what any change does to the order of events.
        let (step, least, most) = match self {
            Self::StepMicros => (300.0, 0.0, MOST_STEP_MICROS),
            Self::KernelScale | Self::DecodeScale | Self::PromptScale | Self::ExpertScale => (0.1, 0.3, 3.0),
            Self::LatencyMicros => (1_000.0, 0.0, MOST_LATENCY_MICROS),
            Self::PerStreamMicros => (100.0, 0.0, MOST_PER_STREAM_MICROS),
        };
        Coefficient {
            start: start.clamp(least, most),
            step,
            least,
            most,
        }
    }

    /// The largest standard error with which a fitted value is worth more than the default: half of the larger of the
    /// two, and a tenth for kernels, whose default is known as well; of one kind of kernels also one from which the
    /// default is clearly apart.
    pub fn largest_error(self, value: f64, default: f64) -> f64 {
        match self {
            Self::KernelScale => LARGEST_SCALE_ERROR,
            Self::DecodeScale | Self::PromptScale | Self::ExpertScale => {
                // So far from its default that this is no better guess.
                LARGEST_SCALE_ERROR.max((value - default).abs() / CLEARLY_APART)
            }
            _ => 0.5 * value.max(default),
        }
    }

    /// The value to as many digits as a file shows.
    pub fn rounded(self, value: f64) -> f64 {
        let digits = if self.is_scale() { 1e4 } else { 1e1 };
        (value * digits).round() / digits
    }
}
