//! The KV cache: how full it is, what prompts find in it, and what is computed again.

use serde::Serialize;

use super::fragmentation::Fragmentation;
use super::kv_usage::UsedBlocks;
use super::prefix_hits::{PrefixHits, PrefixLosses};
use crate::engine::{ServerSettings, StepRun};
use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{
    Durations, HeardEvent, Meter, ResultSection, ServedRequest, StartOfSteps, Total, WholeRun, ratio,
};
use crate::metrics::named_number::{Better, NamedNumber};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::workload::Request;

/// How full the KV cache was, and what prompts found in it.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct KvSummary {
    /// Of a server, the null block included; `None` if servers differ in it.
    pub blocks: Option<u32>,
    pub block_tokens: Option<u32>,
    /// Tokens that the cache holds; over several groups of layers those of as many requests of the greatest length as
    /// there are blocks for.
    pub capacity_tokens: Option<u64>,
    pub usage: KvUsage,
    /// Prompt tokens of finished requests found in the prefix cache.
    pub prefix_hit_tokens: u64,
    /// Prompt tokens of finished requests looked up in it: none if it is off.
    pub prefix_query_tokens: u64,
    pub prefix_hit_ratio: Option<f64>,
    /// What a cache without limit, fed in the order of arrival, would have found of the same prompts, in whole blocks
    /// of the same size: the sum of `prefix_hit_tokens` and both losses. `None` without a cache, or if more distinct
    /// content was sent than is remembered.
    pub prefix_ideal_hit_tokens: Option<u64>,
    pub prefix_ideal_hit_ratio: Option<f64>,
    /// Prompt tokens that had been computed when their request was admitted, but were evicted, were not kept behind a
    /// window or, in a fleet, are on another server.
    pub prefix_lost_to_capacity_tokens: Option<u64>,
    /// Prompt tokens of earlier requests that had not been computed yet when their request was admitted. Negative if
    /// more is gained from requests that arrived later and were served before.
    pub prefix_lost_to_order_tokens: Option<i64>,
    /// Tokens that finished requests computed once more after preemptions.
    pub recomputed_tokens: u64,
    pub fragmentation: KvFragmentation,
    /// Whether the caches are those of several servers: what one of them holds is lost to requests on the others, and
    /// counts as lost to capacity.
    #[serde(skip)]
    pub is_of_fleet: bool,
    /// Whether some layers see a window or a chunk, whose blocks an engine keeps for few places of a prompt: what it
    /// does not keep counts as lost to capacity.
    #[serde(skip)]
    pub has_windows: bool,
}

/// Slots for tokens that are allocated and hold none, as a fraction of those that are allocated. `None` if none ever
/// were.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct KvFragmentation {
    /// Over all slots and all the time they were allocated.
    pub mean: Option<f64>,
    /// When the most blocks were in use for the first time.
    pub at_peak: Option<f64>,
}

/// Used blocks as a fraction of those that can hold tokens, weighted with time. The 99th percentile is within 0.001.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct KvUsage {
    pub mean: Option<f64>,
    pub p99: Option<f64>,
    pub max: Option<f64>,
}

/// Watches blocks and prompts. Its memory grows with the run only where prompts share content, by what they hold.
pub(in crate::metrics) struct KvMeter {
    /// `None` without a prefix cache.
    prefix: Option<PrefixHits>,
    total: KvTotal,
}

impl KvMeter {
    /// Watches several servers.
    pub(in crate::metrics) const fn watch_fleet(&mut self) {
        self.total.is_of_fleet = true;
    }
}

/// Blocks over time, and tokens of finished requests.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct KvTotal {
    /// The null block included.
    blocks: Option<u32>,
    block_tokens: Option<u32>,
    capacity_tokens: Option<u64>,
    used: UsedBlocks,
    fragmentation: Fragmentation,
    hit_tokens: u128,
    query_tokens: u128,
    /// `None` without a prefix cache, or if it is not known what prompts held.
    losses: Option<PrefixLosses>,
    recomputed_tokens: u128,
    is_of_fleet: bool,
    has_windows: bool,
}

impl Meter for KvMeter {
    type Total = KvTotal;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        let server = settings.server;
        let cached_together = server.policy.cached_together(server.block_tokens);
        let hits = || PrefixHits::new(cached_together, settings.max_model_len());
        // The null block holds no tokens.
        let usable = settings.kinds().into_iter().map(|server| server.kv_blocks - 1);
        let block_tokens = settings.common(|server| server.block_tokens);
        Self {
            prefix: settings.caches_are_alike().then(hits),
            total: KvTotal {
                blocks: settings.common(|server| server.kv_blocks),
                block_tokens,
                capacity_tokens: settings.common(ServerSettings::cache_tokens),
                used: UsedBlocks::new(usable.collect()),
                fragmentation: Fragmentation::new(block_tokens),
                hit_tokens: 0,
                query_tokens: 0,
                losses: None,
                recomputed_tokens: 0,
                is_of_fleet: false,
                has_windows: settings.kinds().into_iter().any(ServerSettings::has_windows),
            },
        }
    }

    #[inline(always)]
    fn sent(&mut self, request: &Request) {
        if let Some(prefix) = &mut self.prefix {
            prefix.sent(request);
        }
    }

    #[inline(always)]
    fn on(&mut self, heard: &HeardEvent<'_>) {
        if let Some(prefix) = &mut self.prefix {
            prefix.on(heard.id, heard.event);
        }
    }

    #[inline(always)]
    fn finished(&mut self, request: &ServedRequest<'_>) {
        let history = request.history;
        self.total.hit_tokens += u128::from(history.cached_tokens);
        if self.prefix.is_some() {
            self.total.query_tokens += u128::from(history.input_tokens);
        }
        self.total.recomputed_tokens += u128::from(history.recomputed_tokens);
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>, at_start: StartOfSteps) {
        let over_run = run.kv.over(run.ramp.first, run.ramp.growth, run.steps);
        self.total.used.ran(at_start.pool, run, &over_run);
        self.total.fragmentation.ran(run, &over_run);
    }

    fn finish(self, run: &WholeRun) -> KvTotal {
        let mut total = self.total;
        total.used.fill_up(run.durations.covered_picos);
        total.losses = self.prefix.as_ref().and_then(PrefixHits::losses);
        total
    }
}

impl Total for KvTotal {
    type Section = KvSummary;

    fn pool(&mut self, other: &Self) {
        self.used.merge(&other.used);
        self.fragmentation.merge(&other.fragmentation);
        self.hit_tokens += other.hit_tokens;
        self.query_tokens += other.query_tokens;
        self.losses = match (self.losses, &other.losses) {
            (Some(mut mine), Some(theirs)) => {
                mine.add(theirs);
                Some(mine)
            }
            _ => None,
        };
        self.recomputed_tokens += other.recomputed_tokens;
    }

    fn section(&self, _durations: &Durations) -> KvSummary {
        let queries = self.query_tokens as f64;
        let losses = self.losses;
        KvSummary {
            blocks: self.blocks,
            block_tokens: self.block_tokens,
            capacity_tokens: self.capacity_tokens,
            usage: KvUsage {
                mean: self.used.mean(),
                p99: self.used.quantile(990),
                max: self.used.max(),
            },
            prefix_hit_tokens: self.hit_tokens as u64,
            prefix_query_tokens: self.query_tokens as u64,
            prefix_hit_ratio: ratio(self.hit_tokens as f64, queries),
            prefix_ideal_hit_tokens: losses.map(|it| it.ideal),
            prefix_ideal_hit_ratio: losses.and_then(|it| ratio(it.ideal as f64, queries)),
            prefix_lost_to_capacity_tokens: losses.map(|it| it.lost_to_capacity),
            prefix_lost_to_order_tokens: losses.map(|it| it.lost_to_order),
            recomputed_tokens: self.recomputed_tokens as u64,
            fragmentation: KvFragmentation {
                mean: self.fragmentation.mean(),
                at_peak: self.fragmentation.at_peak(),
            },
            is_of_fleet: self.is_of_fleet,
            has_windows: self.has_windows,
        }
    }
}

impl ResultSection for KvSummary {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::{Higher, Lower, Neither};
        vec![
            NamedNumber::count("kv.blocks", Neither, |it| it.blocks.map(Into::into)),
            NamedNumber::count("kv.capacity_tokens", Neither, |it| it.capacity_tokens),
            NamedNumber::share("kv.usage.mean", Neither, |it| it.usage.mean),
            NamedNumber::share("kv.usage.p99", Neither, |it| it.usage.p99),
            NamedNumber::share("kv.usage.max", Neither, |it| it.usage.max),
            NamedNumber::share("kv.prefix_hit_ratio", Higher, |it| it.prefix_hit_ratio),
            NamedNumber::share("kv.prefix_ideal_hit_ratio", Neither, |it| it.prefix_ideal_hit_ratio),
            NamedNumber::count("kv.recomputed_tokens", Lower, |it| Some(it.recomputed_tokens)),
            NamedNumber::share("kv.fragmentation.mean", Lower, |it| it.fragmentation.mean),
        ]
    }

    fn lines(&self) -> Vec<Line> {
        let prefixes = self.prefix_line();
        let lone_hits = self.prefix_hit_ratio.filter(|_| prefixes.is_none());
        let memory = self.memory_line().with_known(lone_hits, |ratio| {
            let hits = Phrase::Share(Some(ratio));
            [Phrase::Text("prefix hits "), hits, Phrase::Text(" of prompt tokens")]
        });
        [memory].into_iter().chain(prefixes).collect()
    }
}

impl KvSummary {
    fn memory_line(&self) -> Line {
        use Phrase::{Count, Share, Text};
        let tokens = self.capacity_tokens;
        let line = Line::new("KV cache")
            .with([Text("mean "), Share(self.usage.mean)])
            .with([Text("p99 "), Share(self.usage.p99)]);
        let peak = Share(self.usage.max);
        let line = match tokens {
            None => line.with([Text("peak "), peak, Text(" of a server's own")]),
            Some(tokens) => line.with([
                Text("peak "),
                peak,
                Text(" of "),
                Count(Some(tokens)),
                Text(if self.is_of_fleet {
                    " tokens a server"
                } else {
                    " tokens"
                }),
            ]),
        };
        line.with_known(self.fragmentation.mean, |empty| {
            [Share(Some(empty)), Text(" of used slots empty")]
        })
    }

    /// How far the prefix hits are from what they could be, where prompts share anything.
    fn prefix_line(&self) -> Option<Line> {
        use Phrase::{Share, Text};
        let ideal = self.prefix_ideal_hit_ratio.filter(|&ideal| ideal > 0.0)?;
        let share = |tokens: f64| Share(Some(tokens / self.prefix_query_tokens as f64));
        let line = Line::new("Prefixes")
            .with([Text("hits "), Share(self.prefix_hit_ratio), Text(" of prompt tokens")])
            .with([
                Share(Some(ideal)),
                Text(" in a cache without limit: "),
                share(self.prefix_lost_to_capacity_tokens? as f64),
                Text(match (self.has_windows, self.is_of_fleet) {
                    (false, false) => " lost to capacity, ",
                    (false, true) => " lost to capacity or on another server, ",
                    (true, false) => " lost to capacity or behind windows, ",
                    (true, true) => " lost to capacity, behind windows or on another server, ",
                }),
                share(self.prefix_lost_to_order_tokens? as f64),
                Text(" to order"),
            ]);
        Some(line)
    }
}
