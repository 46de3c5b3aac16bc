//! How long clients waited: for their first token, between tokens, and for the whole response.

use serde::Serialize;

use super::latency_summary::{LatencyIntervals, LatencySummary};
use super::pending::Pending;
use crate::engine::{Event, Streamed};
use crate::metrics::meter::{Durations, HeardEvent, Meter, ResultSection, ServedRequest, Total, WholeRun};
use crate::metrics::metric::{Metric, Statistic};
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList, Quantity};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::stats::{Distribution, Interval};
use crate::units::Span;

/// The latencies of finished requests. TTFT is first token - arrival, E2E last token - arrival, the queue wait first
/// scheduled - arrival; TPOT is (E2E - TTFT) / (output tokens - 1) of requests with more than one token; ITL pools
/// every gap, those of requests cut off by the end of the run included. A response sent as a whole has neither TPOT nor
/// ITL, and one without a token no TTFT either.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct Latencies {
    pub ttft: LatencySummary,
    pub tpot: LatencySummary,
    pub itl: LatencySummary,
    pub e2e: LatencySummary,
    pub queue_wait: LatencySummary,
    /// Along the path of a request, where there is one; it stands with the path in the result.
    #[serde(skip)]
    pub path: LatencySummary,
    #[serde(skip)]
    pub path_ttft: LatencySummary,
}

/// Collects the latencies of requests as they finish, and gaps as they pass.
#[derive(Clone, Default)]
pub(in crate::metrics) struct LatencyMeter {
    /// Those of requests that came in each segment of the run; gaps belong to the segment in which they began.
    segments: Vec<SegmentOfLatencies>,
}

/// Latencies of a part of the run.
#[derive(Clone, Default)]
struct SegmentOfLatencies {
    /// In the order of [`Metric::ALL`] [ps].
    values: [Pending; Metric::ALL.len()],
    /// Gaps between tokens that are the time of a step, or of several.
    step_gaps: Distribution,
}

/// Distributions of latencies in the order of [`Metric::ALL`], which are not those of paths [ps].
#[derive(Clone, Debug, Default)]
pub(in crate::metrics) struct LatencyDistributions([Distribution; Metric::ALL.len()]);

impl LatencyMeter {
    #[inline(always)]
    fn segment(&mut self, at: usize) -> &mut SegmentOfLatencies {
        if at >= self.segments.len() {
            self.start_segment(at);
        }
        &mut self.segments[at]
    }

    /// So many tokens have come after the same gap.
    pub(in crate::metrics) fn record_gaps(&mut self, gap: Span, tokens: u32, segment: usize) {
        self.segment(segment).values[Metric::Itl as usize].record_often(gap.picos(), tokens);
    }

    #[cold]
    fn start_segment(&mut self, at: usize) {
        self.segments.resize_with(at + 1, SegmentOfLatencies::default);
    }
}

impl SegmentOfLatencies {
    #[inline]
    fn record(&mut self, metric: Metric, span: Span) {
        self.values[metric as usize].record(span.picos());
    }

    fn finish(self) -> LatencyDistributions {
        let mut all = self.values.map(Pending::finish);
        // Few tokens come apart from runs of steps.
        let apart = std::mem::replace(&mut all[Metric::Itl as usize], self.step_gaps);
        all[Metric::Itl as usize].merge(&apart);
        LatencyDistributions(all)
    }
}

impl Meter for LatencyMeter {
    type Total = LatencyDistributions;

    fn new(_settings: &RecorderSettings<'_>) -> Self {
        Self::default()
    }

    #[inline(always)]
    fn on(&mut self, heard: &HeardEvent<'_>) {
        if let Event::Token { gap } = heard.event {
            self.segment(heard.segment).record(Metric::Itl, *gap);
        }
    }

    #[inline(always)]
    fn finished(&mut self, request: &ServedRequest<'_>) {
        let latencies = &request.latencies;
        let segment = self.segment(request.segment);
        if let Some(ttft) = latencies.ttft {
            segment.record(Metric::Ttft, ttft);
        }
        segment.record(Metric::E2e, latencies.e2e);
        segment.record(Metric::QueueWait, latencies.queue_wait);
        if let Some(tpot) = latencies.tpot {
            segment.record(Metric::Tpot, tpot);
        }
    }

    #[inline(always)]
    fn streamed(&mut self, tokens: &Streamed, segment: usize) {
        self.segment(segment).step_gaps.record_progression(
            tokens.gaps.first.picos(),
            tokens.gaps.growth.picos(),
            tokens.steps,
            tokens.clients.into(),
        );
    }

    fn finish(self, run: &WholeRun) -> LatencyDistributions {
        let segments = self.segments.into_iter().map(SegmentOfLatencies::finish);
        let add = |all: &mut LatencyDistributions, segment: LatencyDistributions| all.pool(&segment);
        run.window.pool(segments.collect(), add)
    }
}

impl LatencyDistributions {
    pub(in crate::metrics) const fn of(&self, metric: Metric) -> &Distribution {
        &self.0[metric as usize]
    }
}

impl Total for LatencyDistributions {
    type Section = Latencies;

    fn pool(&mut self, other: &Self) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            mine.merge(theirs);
        }
    }

    fn section(&self, _durations: &Durations) -> Latencies {
        let latency = |metric| LatencySummary::of(self.of(metric));
        Latencies {
            ttft: latency(Metric::Ttft),
            tpot: latency(Metric::Tpot),
            itl: latency(Metric::Itl),
            e2e: latency(Metric::E2e),
            queue_wait: latency(Metric::QueueWait),
            path: LatencySummary::default(),
            path_ttft: LatencySummary::default(),
        }
    }
}

impl ResultSection for Latencies {
    /// Every statistic of every latency; names live as long as the program.
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        let all = Metric::every().flat_map(|metric| {
            // Those of paths came when columns had their places already.
            let place = if metric.is_of_path() {
                PlaceInList::Last
            } else {
                PlaceInList::First
            };
            Statistic::ALL.into_iter().map(move |statistic| {
                let name = format!("{}.{}", metric.name(), statistic.name()).leak();
                let read = move |it: &Self| it.of(metric).statistic(statistic);
                NamedNumber::new(name, Quantity::Time, Better::Lower, read).at(place)
            })
        });
        all.chain(ends_of_ranges()).collect()
    }
}

/// Both ends of the ranges of means and 99th percentiles, where somebody asked for them.
fn ends_of_ranges() -> impl Iterator<Item = NamedNumber<Latencies>> {
    type OfStatistic = fn(&LatencyIntervals) -> Option<Interval>;
    type End = fn(Interval) -> f64;
    let statistics: [(&str, OfStatistic); 2] = [("mean", |it| it.mean), ("p99", |it| it.p99)];
    let ends: [(&str, End); 2] = [("low", |it| it.low), ("high", |it| it.high)];
    [Metric::Ttft, Metric::Tpot, Metric::E2e]
        .into_iter()
        .flat_map(move |metric| {
            statistics.into_iter().flat_map(move |(statistic, of_statistic)| {
                ends.into_iter().map(move |(end, of_end)| {
                    let name = format!("{}.model_range.{statistic}_{end}", metric.name()).leak();
                    let read =
                        move |it: &Latencies| it.of(metric).model_range.as_ref().and_then(of_statistic).map(of_end);
                    NamedNumber::new(name, Quantity::Time, Better::Lower, read).at(PlaceInList::Last)
                })
            })
        })
}

impl Latencies {
    /// The one of a metric.
    pub const fn of(&self, metric: Metric) -> &LatencySummary {
        match metric {
            Metric::Ttft => &self.ttft,
            Metric::Tpot => &self.tpot,
            Metric::Itl => &self.itl,
            Metric::E2e => &self.e2e,
            Metric::QueueWait => &self.queue_wait,
            Metric::Path => &self.path,
            Metric::PathTtft => &self.path_ttft,
        }
    }

    /// Whether answers consist of tokens. Those that are embeddings or scores have no first one.
    pub const fn have_tokens(&self) -> bool {
        self.ttft.count > 0 || self.e2e.count == 0
    }

    /// When clients get something, with its name: the first token, or the whole answer if answers have no tokens.
    pub const fn first_of_answer(&self) -> (&'static str, &LatencySummary) {
        if self.have_tokens() {
            ("first token", &self.ttft)
        } else {
            ("whole answer", &self.e2e)
        }
    }

    /// The one of a metric, to add to it.
    pub const fn of_mut(&mut self, metric: Metric) -> &mut LatencySummary {
        match metric {
            Metric::Ttft => &mut self.ttft,
            Metric::Tpot => &mut self.tpot,
            Metric::Itl => &mut self.itl,
            Metric::E2e => &mut self.e2e,
            Metric::QueueWait => &mut self.queue_wait,
            Metric::Path => &mut self.path,
            Metric::PathTtft => &mut self.path_ttft,
        }
    }
}
