//! What the memory of the CPU gains: what is loaded from it, and what moves for that.

use serde::Serialize;

use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, Meter, ResultSection, Total, WholeRun, ratio};
use crate::metrics::named_number::{Better, NamedNumber, PlaceInList, Quantity};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::policy::{Moved, PolicySettings};

/// KV cache in the memory of the CPU, of all servers together.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[allow(missing_docs)]
pub struct OffloadSummary {
    /// Tokens that the memory of one CPU has room for; `None` if servers differ in it.
    pub capacity_tokens: Option<u64>,
    /// The most that was in use of it, as a fraction.
    pub usage_max: Option<f64>,
    /// How often a request loaded what it did not find in the GPU.
    pub loads: u64,
    /// These tokens, which were not computed again.
    pub loaded_tokens: u64,
    pub stored_tokens: u64,
    /// For which part of the time something was on its way to the GPU, 0..=1, of servers in the mean.
    pub loading_fraction: Option<f64>,
    /// The same to the CPU.
    pub storing_fraction: Option<f64>,
    /// How long steps waited for stores, whose blocks they were to write to, in all [s].
    pub held_s: f64,
}

/// Adds up what moves.
#[derive(Clone, Debug)]
pub(in crate::metrics) struct OffloadMeter {
    /// `None` where nothing ever moves.
    total: Option<MovedInAll>,
    block_tokens: u64,
    cpu_blocks: Option<u32>,
}

#[derive(Clone, Copy, Debug, Default)]
struct MovedInAll {
    loads: u64,
    loaded_blocks: u64,
    stored_blocks: u64,
    loading_picos: u128,
    storing_picos: u128,
    held_picos: u128,
    most_blocks: u32,
}

impl MovedInAll {
    fn of(moved: &Moved) -> Self {
        Self {
            loads: moved.loads,
            loaded_blocks: moved.loaded_blocks,
            stored_blocks: moved.stored_blocks,
            loading_picos: moved.loading.picos().into(),
            storing_picos: moved.storing.picos().into(),
            held_picos: moved.held.picos().into(),
            most_blocks: moved.cpu_blocks,
        }
    }

    fn add(&mut self, other: &Self) {
        self.loads += other.loads;
        self.loaded_blocks += other.loaded_blocks;
        self.stored_blocks += other.stored_blocks;
        self.loading_picos += other.loading_picos;
        self.storing_picos += other.storing_picos;
        self.held_picos += other.held_picos;
        self.most_blocks = self.most_blocks.max(other.most_blocks);
    }
}

impl Meter for OffloadMeter {
    type Total = Self;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        let room = |policy: &PolicySettings| match policy {
            PolicySettings::Continuous(rules) => rules.offload.map(|offload| offload.cpu_blocks),
            _ => None,
        };
        let has_any = settings
            .kinds()
            .into_iter()
            .any(|server| room(&server.policy).is_some());
        Self {
            total: has_any.then(MovedInAll::default),
            block_tokens: settings.server.block_tokens.into(),
            cpu_blocks: settings.common(|server| room(&server.policy)).flatten(),
        }
    }

    fn moved(&mut self, moved: &Moved) {
        self.total.get_or_insert_default().add(&MovedInAll::of(moved));
    }

    fn finish(self, _run: &WholeRun) -> Self {
        self
    }
}

impl Total for OffloadMeter {
    type Section = Option<OffloadSummary>;

    fn pool(&mut self, other: &Self) {
        if let (Some(all), Some(theirs)) = (&mut self.total, &other.total) {
            all.add(theirs);
        }
    }

    fn section(&self, durations: &Durations) -> Option<OffloadSummary> {
        let all = self.total?;
        let share = |picos: u128| ratio(picos as f64, durations.covered_picos as f64);
        Some(OffloadSummary {
            capacity_tokens: self.cpu_blocks.map(|blocks| u64::from(blocks) * self.block_tokens),
            usage_max: self
                .cpu_blocks
                .and_then(|room| ratio(all.most_blocks.into(), room.into())),
            loads: all.loads,
            loaded_tokens: all.loaded_blocks * self.block_tokens,
            stored_tokens: all.stored_blocks * self.block_tokens,
            loading_fraction: share(all.loading_picos),
            storing_fraction: share(all.storing_picos),
            held_s: all.held_picos as f64 / 1e12,
        })
    }
}

impl ResultSection for Option<OffloadSummary> {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::{Higher, Lower, Neither};
        let all = [
            NamedNumber::share("kv_offload.usage_max", Lower, |it: &Self| it.as_ref()?.usage_max),
            NamedNumber::count("kv_offload.loads", Neither, |it: &Self| it.as_ref().map(|it| it.loads)),
            NamedNumber::count("kv_offload.loaded_tokens", Higher, |it: &Self| {
                it.as_ref().map(|it| it.loaded_tokens)
            }),
            NamedNumber::count("kv_offload.stored_tokens", Neither, |it: &Self| {
                it.as_ref().map(|it| it.stored_tokens)
            }),
            NamedNumber::share("kv_offload.loading_fraction", Lower, |it: &Self| {
                it.as_ref()?.loading_fraction
            }),
            NamedNumber::share("kv_offload.storing_fraction", Lower, |it: &Self| {
                it.as_ref()?.storing_fraction
            }),
            NamedNumber::new("kv_offload.held_s", Quantity::Time, Lower, |it: &Self| {
                it.as_ref().map(|it| it.held_s)
            }),
        ];
        all.map(|number| number.at(PlaceInList::AfterLast)).into()
    }

    fn lines(&self) -> Vec<Line> {
        use Phrase::{Count, Share, Text, Time};
        let line = |moved: &OffloadSummary| {
            let line = Line::new("CPU tier")
                .with([
                    Count(Some(moved.loaded_tokens)),
                    Text(" tokens loaded by "),
                    Count(Some(moved.loads)),
                    Text(" requests"),
                ])
                .with([Count(Some(moved.stored_tokens)), Text(" stored")])
                .with([Text("peak "), Share(moved.usage_max), Text(" of it")])
                .with([
                    Text("its link busy "),
                    Share(moved.loading_fraction),
                    Text(" with loads, "),
                    Share(moved.storing_fraction),
                    Text(" with stores"),
                ]);
            if moved.held_s > 0.0 {
                return line.with([Text("steps waited "), Time(Some(moved.held_s)), Text(" for stores")]);
            }
            line
        };
        self.iter().map(line).collect()
    }
}
