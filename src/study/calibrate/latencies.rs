//! Latencies of requests one by one, and their statistics.

use crate::config::MeasuredRequest;
use crate::metrics::RequestRow;
use crate::stats::mean;
use crate::units::{Span, Time};

/// A latency that both a benchmark and a simulation have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    Ttft,
    Tpot,
    E2e,
    /// Between tokens of any request.
    Itl,
}

impl Latency {
    /// Those that each request has.
    pub const OF_REQUESTS: [Self; 3] = [Self::Ttft, Self::Tpot, Self::E2e];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Ttft => "ttft",
            Self::Tpot => "tpot",
            Self::E2e => "e2e",
            Self::Itl => "itl",
        }
    }
}

/// One finished request [s].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Served {
    pub ttft: f64,
    pub e2e: f64,
    /// `None` of a single token.
    pub tpot: Option<f64>,
    /// From its arrival to its first step; known of simulated ones only.
    pub wait: f64,
    /// When it arrived.
    pub arrival: f64,
    pub input_tokens: u32,
    pub output_tokens: u32,
}

impl Served {
    pub fn measured(request: &MeasuredRequest) -> Self {
        Self {
            ttft: request.ttft.seconds(),
            e2e: request.e2e.seconds(),
            tpot: request.tpot().map(Span::seconds),
            wait: 0.0,
            arrival: request.arrival.map_or(0.0, Time::seconds),
            input_tokens: request.input_tokens,
            output_tokens: request.output_tokens,
        }
    }

    /// `None` of a request that did not finish.
    pub fn simulated(row: &RequestRow) -> Option<Self> {
        let since = |time: Time| (time - row.arrival).seconds();
        let (ttft, e2e) = (since(row.first_token?), since(row.finished?));
        let output_tokens = row.output_tokens?;
        let gaps = output_tokens.saturating_sub(1);
        Some(Self {
            ttft,
            e2e,
            tpot: (gaps > 0).then(|| (e2e - ttft) / f64::from(gaps)),
            wait: since(row.scheduled?),
            arrival: row.arrival.seconds(),
            input_tokens: row.input_tokens?,
            output_tokens,
        })
    }

    pub const fn of(&self, latency: Latency) -> Option<f64> {
        match latency {
            Latency::Ttft => Some(self.ttft),
            Latency::Tpot => self.tpot,
            Latency::E2e => Some(self.e2e),
            Latency::Itl => None,
        }
    }
}

/// What is compared of a latency.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyStatistic {
    Mean,
    P50,
    P99,
}

impl LatencyStatistic {
    pub const ALL: [Self; 3] = [Self::Mean, Self::P50, Self::P99];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Mean => "mean",
            Self::P50 => "p50",
            Self::P99 => "p99",
        }
    }

    /// The part of all values that lies below a quantile; `None` of a mean.
    pub const fn share(self) -> Option<f64> {
        match self {
            Self::Mean => None,
            Self::P50 => Some(0.5),
            Self::P99 => Some(0.99),
        }
    }

    /// `None` of too few values: ten must lie beyond a quantile.
    pub fn of(self, mut values: Vec<f64>) -> Option<f64> {
        values.sort_unstable_by(f64::total_cmp);
        match self {
            Self::Mean => mean(values),
            Self::P50 => quantile(&values, 0.5),
            Self::P99 => quantile(&values, 0.99).filter(|_| values.len() >= 1_000),
        }
    }
}

/// Between the two nearest of the sorted values.
fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share * sorted.len().checked_sub(1)? as f64;
    let below = sorted[place.floor() as usize];
    let above = sorted[place.ceil() as usize];
    Some(below + (above - below) * place.fract())
}
