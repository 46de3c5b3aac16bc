//! What a trace holds: its length, its burstiness, its lengths and what its prompts share.

use super::error::TraceError;
use super::prefix_sharing::{PrefixSharing, SharingCounter};
use super::replay::Replay;
use super::source::{Skipped, open};
use crate::units::{Span, Time};
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
    /// Rows that were left out, and why.
    pub skipped: Skipped,
}

/// A summary of lengths [tokens]. Quantiles lie on straight lines between order statistics, as in numpy.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TokenSummary {
    /// The sum of all lengths.
    pub total: u64,
    /// The mean length.
    pub mean: f64,
    /// The median length.
    pub p50: f64,
    /// The length that 95 % do not exceed.
    pub p95: f64,
    /// The length that 99 % do not exceed.
    pub p99: f64,
    /// The longest of all.
    pub max: u32,
}

/// Windows of [`TraceInfo::dispersion`] [s].
pub const DISPERSION_WINDOWS_S: [u64; 3] = [1, 10, 60];

/// Reads a whole trace as `replay` would replay it.
pub fn info(replay: &Replay) -> Result<TraceInfo, TraceError> {
    let mut source = open(replay)?;
    let mut sharing = SharingCounter::new(source.format().block_tokens());
    let (mut arrivals, mut inputs, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
    while source.next_arrival()?.is_some() {
        let request = source.take();
        // As if requests took no time.
        source.finished(request.id, request.arrival);
        arrivals.push(request.arrival);
        inputs.push(request.prompt.tokens());
        outputs.push(request.output_tokens);
        match request.prompt.segments() {
            Some(segments) => sharing.add(request.prompt.tokens(), segments),
            None => sharing.add_unique(request.prompt.tokens()),
        }
    }
    let span = *arrivals.last().expect("an open trace has a request") - arrivals[0];
    let ties = arrivals.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let requests = arrivals.len();
    Ok(TraceInfo {
        format: source.format().name(),
        requests: requests as u64,
        span,
        rate_per_s: (span > Span::ZERO).then(|| requests as f64 / span.seconds()),
        gap_cv: gap_cv(&arrivals),
        tied_share: ties as f64 / requests as f64,
        dispersion: DISPERSION_WINDOWS_S.map(|window_s| dispersion(&arrivals, window_s)),
        correlation: correlation(&inputs, &outputs),
        input: summary(inputs),
        output: summary(outputs),
        sharing: sharing.sharing(),
        skipped: source.skipped(),
    })
}

fn gap_cv(arrivals: &[Time]) -> Option<f64> {
    let gaps: Vec<f64> = arrivals.windows(2).map(|pair| (pair[1] - pair[0]).seconds()).collect();
    let (mean, variance) = mean_and_variance(&gaps);
    (mean > 0.0).then(|| variance.sqrt() / mean)
}

/// Over the whole windows that fit between the first and the last arrival.
fn dispersion(arrivals: &[Time], window_s: u64) -> Option<f64> {
    const FEWEST_WINDOWS: usize = 2;
    let window = Span::from_micros(window_s * 1_000_000).picos();
    let count = usize::try_from(arrivals.last()?.picos() / window).ok()?;
    // A few requests over a long time would need a lot of empty windows: more than one a request and second says
    // nothing.
    if count < FEWEST_WINDOWS || count > 100 * arrivals.len() + 1000 {
        return None;
    }
    let mut counts = vec![0.0; count];
    for arrival in arrivals {
        if let Some(count) = counts.get_mut((arrival.picos() / window) as usize) {
            *count += 1.0;
        }
    }
    let (mean, variance) = mean_and_variance(&counts);
    (mean > 0.0).then(|| variance / mean)
}

/// The mean and the (population) variance; zeros if there are no numbers.
fn mean_and_variance(numbers: &[f64]) -> (f64, f64) {
    let count = numbers.len().max(1) as f64;
    let mean = numbers.iter().sum::<f64>() / count;
    let squares: f64 = numbers.iter().map(|number| (number - mean).powi(2)).sum();
    (mean, squares / count)
}

fn correlation(inputs: &[u32], outputs: &[u32]) -> Option<f64> {
    let floats = |tokens: &[u32]| tokens.iter().copied().map(f64::from).collect::<Vec<f64>>();
    let (inputs, outputs) = (floats(inputs), floats(outputs));
    let (input_mean, input_variance) = mean_and_variance(&inputs);
    let (output_mean, output_variance) = mean_and_variance(&outputs);
    let products = inputs.iter().zip(&outputs);
    let covariance = products
        .map(|(input, output)| (input - input_mean) * (output - output_mean))
        .sum::<f64>()
        / inputs.len() as f64;
    let scale = (input_variance * output_variance).sqrt();
    (scale > 0.0).then(|| covariance / scale)
}

fn summary(mut tokens: Vec<u32>) -> TokenSummary {
    tokens.sort_unstable();
    let total = tokens.iter().copied().map(u64::from).sum();
    TokenSummary {
        total,
        mean: total as f64 / tokens.len() as f64,
        p50: quantile(&tokens, 0.5),
        p95: quantile(&tokens, 0.95),
        p99: quantile(&tokens, 0.99),
        max: tokens[tokens.len() - 1],
    }
}

fn quantile(sorted: &[u32], quantile: f64) -> f64 {
    let place = quantile * (sorted.len() - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    let (low, high) = (f64::from(sorted[below]), f64::from(sorted[above]));
    low + (high - low) * (place - below as f64)
}
