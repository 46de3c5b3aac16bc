//! What a request waits for besides steps of the GPU: the engine's own work, and the way through the front end.

use crate::units::Span;

/// Times of the host. Fits to 13 served runs of vLLM 0.15.1 on H100 (inference-sim/sim-to-real-accuracy-validation @ 8fb2a1b).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Overheads {
    /// The engine's work on a step: hidden behind the GPU by an engine that schedules ahead.
    pub cpu_per_step: Span,
    /// The same per request in the step.
    pub cpu_per_request: Span,
    /// From the client to the engine and back, before the first token.
    pub front_end: Span,
    /// What each stream that runs when the first token appears adds to that.
    pub front_end_per_stream: Span,
}

impl Default for Overheads {
    /// The front end: 5.5 +- 0.6 ms, and 68 +- 26 us per stream (a regression over 33,000 single requests gives 67). The engine: weakly
    /// determined, 1.8 to 2.9 ms, from runs that do not schedule ahead.
    fn default() -> Self {
        Self {
            cpu_per_step: Span::from_micros(2000),
            cpu_per_request: Span::from_micros(10),
            front_end: Span::from_micros(5500),
            front_end_per_stream: Span::from_micros(68),
        }
    }
}
