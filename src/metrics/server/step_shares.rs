//! Where a step's time goes: weights, attention, experts, communication, sampling, drafts, the CPU.

use std::collections::BTreeMap;

use serde::Serialize;

use super::step_prices::StepPrices;
use crate::engine::StepRun;
use crate::metrics::line::{Line, Phrase};
use crate::metrics::meter::{Durations, Meter, ResultSection, StartOfSteps, Total, WholeRun, ratio};
use crate::metrics::named_number::{Better, NamedNumber};
use crate::metrics::recorder_settings::RecorderSettings;
use crate::step_time::StepParts;

/// Shares of the time of all steps, which add up to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct StepShares {
    /// Products of tokens and weights, routed experts left out.
    pub weights: f64,
    /// Attention, and states.
    pub attention: f64,
    /// Routed experts.
    pub experts: f64,
    /// All-reduces between GPUs.
    pub all_reduce: f64,
    /// The head and the sampler.
    pub sampler: f64,
    /// Small kernels and launches.
    pub other: f64,
    /// A drafter's passes.
    pub drafts: f64,
    /// The GPU waits for the CPU, or is slower than it should be.
    pub cpu: f64,
    /// Share of all the time in which no step runs.
    pub idle: f64,
}

/// Steps with fewer tokens than this are counted in a list.
const LISTED: usize = 16_384;

/// Counts steps by what decides their price. Prices are multiplied in at the end.
pub(in crate::metrics) struct StepSharesMeter {
    prices: Option<StepPrices>,
    /// Steps in which each request decodes one token and samples the next.
    by_decoding: Counts,
    /// Those that verify drafts and hold no prompt.
    by_verifying: Counts,
    /// Others.
    by_tokens: Counts,
    by_sampling: Counts,
    mixed_steps: u64,
    /// What experts took less because tokens of one text choose alike [ps].
    alike: u128,
    /// The CPU's part before steps with drafts [ps].
    cpu: u128,
    takes: u128,
    on_gpu: u128,
}

/// How many steps had so much of something.
#[derive(Default)]
struct Counts {
    few: Vec<u64>,
    many: BTreeMap<u64, u64>,
}

impl Counts {
    #[inline(always)]
    fn add(&mut self, size: u64, steps: u64) {
        match self.few.get_mut(size as usize) {
            Some(count) => *count += steps,
            None => self.add_new(size, steps),
        }
    }

    #[cold]
    fn add_new(&mut self, size: u64, steps: u64) {
        let place = size as usize;
        if place >= LISTED {
            *self.many.entry(size).or_default() += steps;
            return;
        }
        self.few.resize((place + 1).next_power_of_two(), 0);
        self.few[place] += steps;
    }

    fn all(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let few = (0..).zip(self.few.iter().copied());
        few.chain(self.many.iter().map(|(size, steps)| (*size, *steps)))
            .filter(|(_, steps)| *steps > 0)
    }
}

impl Meter for StepSharesMeter {
    type Total = StepSharesTotal;

    fn new(settings: &RecorderSettings<'_>) -> Self {
        Self {
            prices: settings.step_prices.clone(),
            by_decoding: Counts::default(),
            by_verifying: Counts::default(),
            by_tokens: Counts::default(),
            by_sampling: Counts::default(),
            mixed_steps: 0,
            alike: 0,
            cpu: 0,
            takes: 0,
            on_gpu: 0,
        }
    }

    #[inline(always)]
    fn ran(&mut self, run: &StepRun<'_>, _at_start: StartOfSteps) {
        let Some(prices) = &self.prices else { return };
        let (shape, steps) = (run.shape, run.steps);
        if shape.prefill == 0 && shape.sampling == shape.decoding {
            self.by_decoding.add(shape.decoding.into(), steps);
        } else {
            self.by_sampling.add(shape.sampling.into(), steps);
            if !shape.is_uniform() {
                self.mixed_steps += steps;
            }
            let mut by_tokens = &mut self.by_tokens;
            if prices.has_drafts {
                self.alike += u128::from(prices.gpu.of(shape).alike_picos(shape)) * u128::from(steps);
                if !prices.hides_cpu {
                    self.cpu += u128::from(prices.cpu(run)) * u128::from(steps);
                }
                if !shape.has_prompts() {
                    by_tokens = &mut self.by_verifying;
                }
            }
            by_tokens.add(shape.tokens(), steps);
        }
        self.takes += u128::from(run.takes.picos());
        self.on_gpu += u128::from(prices.on_gpu(run));
    }

    fn finish(self, _run: &WholeRun) -> StepSharesTotal {
        let parts = self.prices.as_ref().map(|prices| self.parts(prices));
        StepSharesTotal { parts }
    }
}

impl StepSharesMeter {
    /// What each part took. Attention is what is left of the GPU's time, and the CPU, or drafts, what is left of all.
    fn parts(&self, prices: &StepPrices) -> StepParts {
        let mut parts = StepParts::default();
        let (decoding, prompts) = (prices.gpu.without_prompts(), prices.gpu.with_prompts());
        for (tokens, steps) in self.by_decoding.all().chain(self.by_verifying.all()) {
            parts += decoding.parts_of_tokens(tokens, steps);
        }
        for (tokens, steps) in self.by_tokens.all() {
            parts += prompts.parts_of_tokens(tokens, steps);
        }
        parts.experts = parts.experts.saturating_sub(self.alike);
        for (positions, steps) in self.by_decoding.all() {
            parts.sampler += u128::from(decoding.sampling_picos(positions)) * u128::from(steps);
        }
        // Which of them verify is not kept: the head is a small part of any step.
        let others = if prices.has_drafts { decoding } else { prompts };
        for (positions, steps) in self.by_sampling.all() {
            parts.sampler += u128::from(others.sampling_picos(positions)) * u128::from(steps);
        }
        parts.other += u128::from(prompts.mixed_picos()) * u128::from(self.mixed_steps);
        parts.attention = self.on_gpu.saturating_sub(parts.total());
        let rest = self.takes.saturating_sub(parts.total());
        // Beside the GPU it is hidden by passes of the model and the drafter.
        parts.cpu = if prices.has_drafts { self.cpu.min(rest) } else { rest };
        parts.drafts = rest - parts.cpu;
        parts
    }
}

/// What the parts of steps took in one run, or in several; `None` where steps are given as they are.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::metrics) struct StepSharesTotal {
    parts: Option<StepParts>,
}

impl Total for StepSharesTotal {
    type Section = Option<StepShares>;

    fn pool(&mut self, other: &Self) {
        if let (Some(mine), Some(theirs)) = (&mut self.parts, other.parts) {
            *mine += theirs;
        }
    }

    fn section(&self, durations: &Durations) -> Option<StepShares> {
        let parts = self.parts?;
        let total = parts.total() as f64;
        let share = |part: u128| ratio(part as f64, total);
        Some(StepShares {
            weights: share(parts.weights)?,
            attention: share(parts.attention)?,
            experts: share(parts.experts)?,
            all_reduce: share(parts.all_reduce)?,
            sampler: share(parts.sampler)?,
            other: share(parts.other)?,
            drafts: share(parts.drafts)?,
            cpu: share(parts.cpu)?,
            idle: (1.0 - ratio(total, durations.covered_picos as f64)?).max(0.0),
        })
    }
}

impl ResultSection for Option<StepShares> {
    fn named_numbers() -> Vec<NamedNumber<Self>> {
        use Better::Neither;
        vec![
            NamedNumber::share("step_time.weights", Neither, |it: &Self| it.map(|it| it.weights)),
            NamedNumber::share("step_time.attention", Neither, |it: &Self| it.map(|it| it.attention)),
            NamedNumber::share("step_time.experts", Neither, |it: &Self| it.map(|it| it.experts)),
            NamedNumber::share("step_time.all_reduce", Neither, |it: &Self| it.map(|it| it.all_reduce)),
            NamedNumber::share("step_time.sampler", Neither, |it: &Self| it.map(|it| it.sampler)),
            NamedNumber::share("step_time.other", Neither, |it: &Self| it.map(|it| it.other)),
            NamedNumber::share("step_time.drafts", Neither, |it: &Self| it.map(|it| it.drafts)),
            NamedNumber::share("step_time.cpu", Neither, |it: &Self| it.map(|it| it.cpu)),
            NamedNumber::share("step_time.idle", Neither, |it: &Self| it.map(|it| it.idle)),
        ]
    }

    fn lines(&self) -> Vec<Line> {
        let Some(shares) = self else { return Vec::new() };
        let parts = [
            (shares.weights, " weights"),
            (shares.attention, " attention"),
            (shares.experts, " experts"),
            (shares.all_reduce, " all-reduce"),
            (shares.sampler, " head and sampler"),
            (shares.other, " small kernels and launches"),
            (shares.drafts, " drafts"),
            (shares.cpu, " waiting for the CPU"),
        ];
        let mut line = Line::new("Step time");
        for (share, name) in parts {
            if share >= SHOWN {
                line = line.with([Phrase::Share(Some(share)), Phrase::Text(name)]);
            }
        }
        vec![line]
    }
}

/// Smaller shares are not shown on the screen.
const SHOWN: f64 = 0.005;
