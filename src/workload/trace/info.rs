//! What a trace holds: its length, its burstiness, its lengths and what its prompts share.

use super::error::TraceError;
use super::prefix_sharing::{PrefixSharing, SharingCounter};
use super::replay::Replay;
use super::source::{Skipped, open_as_recorded};
use super::token_counts::{TokenCounts, TokenSummary};
use crate::units::{PICOS_PER_SECOND, Span, Time};
use crate::workload::Source;

/// Facts about a trace. What needs more requests than there are is `None`.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceInfo {
    /// Name of its format.
    pub format: &'static str,
    /// Requests that a replay sends.
    pub requests: u64,
    /// From the first arrival to the last.
    pub span: Span,
    /// Requests divided by the span [requests/s].
    pub rate_per_s: Option<f64>,
    /// Coefficient of variation of the gaps between arrivals; 1 for a Poisson process.
    pub gap_cv: Option<f64>,
    /// Share of requests that arrive at the same time as the one before.
    pub tied_share: f64,
    /// Index of dispersion: variance divided by mean of the number of arrivals in windows of 1, 10 and 60 s; 1 for a
    /// Poisson process.
    pub dispersion: [Option<f64>; 3],
    /// How long prompts are.
    pub input: TokenSummary,
    /// How long outputs are.
    pub output: TokenSummary,
    /// Pearson correlation of both.
    pub correlation: Option<f64>,
    /// What an unlimited prefix cache would find, if the trace says what prompts hold.
    pub sharing: Option<PrefixSharing>,
    /// Whether the trace says when requests arrived; if not, what is said of arrivals is `None` or 0.
    pub has_arrivals: bool,
    /// Whether it says how long they were; if not, lengths are those of the scenario.
    pub has_lengths: bool,
    /// How many characters were taken for a token, if the trace holds texts.
    pub chars_per_token: Option<f64>,
    /// Rows that were left out, and why.
    pub skipped: Skipped,
}

/// Windows of [`TraceInfo::dispersion`] [s].
pub const DISPERSION_WINDOWS_S: [u64; 3] = [1, 10, 60];

/// Reads a whole trace as `replay` would replay it. Memory does not grow with its length, unless rows must be sorted or
/// follow others.
pub fn info(replay: &Replay) -> Result<TraceInfo, TraceError> {
    let mut source = open_as_recorded(replay)?;
    let mut sharing = SharingCounter::new(replay.hints.block_tokens.unwrap_or(source.format().block_tokens()));
    let (mut inputs, mut outputs) = (TokenCounts::default(), TokenCounts::default());
    let (mut arrivals, mut both) = (ArrivalSums::default(), Correlation::default());
    while source.next_arrival()?.is_some() {
        let request = source.take();
        // As if requests took no time.
        source.finished(request.id, request.arrival);
        arrivals.add(request.arrival);
        inputs.add(request.prompt.tokens());
        outputs.add(request.output_tokens);
        both.add(request.prompt.tokens(), request.output_tokens);
        sharing.add(request.prompt.tokens(), request.prompt.segments());
    }
    let requests = arrivals.count;
    let format = source.format();
    if !format.has_arrivals() {
        // Those that stand in say nothing.
        arrivals = ArrivalSums::default();
    }
    let span = arrivals.last - arrivals.first;
    Ok(TraceInfo {
        format: format.name(),
        has_arrivals: format.has_arrivals(),
        has_lengths: format.has_lengths(),
        chars_per_token: source.chars_per_token(),
        requests,
        span,
        rate_per_s: (span > Span::ZERO).then(|| requests as f64 / span.seconds()),
        gap_cv: arrivals.gap_cv(),
        tied_share: arrivals.ties as f64 / requests as f64,
        dispersion: arrivals.windows.map(|windows| windows.dispersion(requests)),
        correlation: both.correlation(),
        input: inputs.summary(),
        output: outputs.summary(),
        sharing: sharing.sharing(),
        skipped: source.skipped(),
    })
}

/// What is kept of all arrivals so far.
#[derive(Default)]
struct ArrivalSums {
    count: u64,
    first: Time,
    last: Time,
    ties: u64,
    /// The mean gap, and the sum of squared differences from it, both of which follow each gap (B. P. Welford, 1962).
    mean_gap_s: f64,
    squares_s2: f64,
    windows: [Windows; 3],
}

/// The arrivals in windows of one length.
#[derive(Clone, Copy, Default)]
struct Windows {
    /// The window of the latest arrival, and how many came in it so far.
    latest: u64,
    arrivals: u64,
    /// Sums over all windows before it: of arrivals and of their squares.
    sum: u64,
    squares: u128,
}

impl ArrivalSums {
    fn add(&mut self, arrival: Time) {
        if self.count == 0 {
            self.first = arrival;
        } else {
            let gap = arrival - self.last;
            self.ties += u64::from(gap == Span::ZERO);
            let difference = gap.seconds() - self.mean_gap_s;
            self.mean_gap_s += difference / self.count as f64;
            self.squares_s2 += difference * (gap.seconds() - self.mean_gap_s);
        }
        self.count += 1;
        self.last = arrival;
        for (windows, window_s) in self.windows.iter_mut().zip(DISPERSION_WINDOWS_S) {
            windows.add(arrival.picos() / window_picos(window_s));
        }
    }

    fn gap_cv(&self) -> Option<f64> {
        let variance = self.squares_s2 / self.count.saturating_sub(1) as f64;
        (self.mean_gap_s > 0.0).then(|| variance.sqrt() / self.mean_gap_s)
    }
}

impl Windows {
    fn add(&mut self, window: u64) {
        if window != self.latest {
            self.sum += self.arrivals;
            self.squares += u128::from(self.arrivals).pow(2);
            (self.latest, self.arrivals) = (window, 0);
        }
        self.arrivals += 1;
    }

    /// Over the whole windows that fit between the start and the last of `arrivals` arrivals: all but the latest.
    fn dispersion(&self, arrivals: u64) -> Option<f64> {
        const FEWEST_WINDOWS: u64 = 2;
        let count = self.latest;
        // More than one window in a hundred must hold a request to say anything.
        if count < FEWEST_WINDOWS || count > 100 * arrivals + 1000 {
            return None;
        }
        let mean = self.sum as f64 / count as f64;
        let variance = self.squares as f64 / count as f64 - mean * mean;
        (mean > 0.0).then(|| variance / mean)
    }
}

const fn window_picos(window_s: u64) -> u64 {
    window_s * PICOS_PER_SECOND
}

/// Sums of lengths, of their squares and of their products.
#[derive(Default)]
struct Correlation {
    count: u128,
    inputs: u128,
    outputs: u128,
    squared_inputs: u128,
    squared_outputs: u128,
    products: u128,
}

impl Correlation {
    fn add(&mut self, input: u32, output: u32) {
        let (input, output) = (u128::from(input), u128::from(output));
        self.count += 1;
        self.inputs += input;
        self.outputs += output;
        self.squared_inputs += input * input;
        self.squared_outputs += output * output;
        self.products += input * output;
    }

    /// Pearson's; `None` if either length is always the same.
    fn correlation(&self) -> Option<f64> {
        // Times the squared count, and so whole numbers: of ten billion requests of a billion tokens they fit 128 bits.
        let covariance = |products: u128, one: u128, other: u128| {
            (self.count * products).cast_signed() - (one * other).cast_signed()
        };
        let scale = covariance(self.squared_inputs, self.inputs, self.inputs) as f64
            * covariance(self.squared_outputs, self.outputs, self.outputs) as f64;
        (scale > 0.0).then(|| covariance(self.products, self.inputs, self.outputs) as f64 / scale.sqrt())
    }
}
