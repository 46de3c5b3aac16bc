//! What a server exposes of its steps.

use super::buckets::{BETWEEN_TOKENS_S, ITERATION_TOKENS};
use super::families as of;
use super::instrument::Instrument;
use super::scraped_rows::ScrapedRows;
use crate::engine::{Event, StepRun};
use crate::units::Time;

/// The metrics of a server that change with its steps.
#[derive(Clone)]
pub(super) struct ServerSteps {
    usable_blocks: f64,
    kv_usage: Instrument,
    /// In use in the latest step, as a part of all.
    latest_usage: f64,
    generated: Instrument,
    inter_token: Instrument,
    of_step: Instrument,
}

impl ServerSteps {
    pub(super) fn new(kv_blocks: u32) -> Self {
        Self {
            // The null block holds no tokens.
            usable_blocks: f64::from(kv_blocks.saturating_sub(1).max(1)),
            kv_usage: Instrument::number(&of::KV_USAGE),
            latest_usage: 0.0,
            generated: Instrument::number(&of::GENERATED_TOKENS),
            inter_token: Instrument::times(&of::INTER_TOKEN, &BETWEEN_TOKENS_S),
            of_step: Instrument::counts(&of::OF_STEP, &ITERATION_TOKENS),
        }
    }

    pub(super) const fn instruments(&self) -> [&Instrument; 4] {
        [&self.kv_usage, &self.generated, &self.inter_token, &self.of_step]
    }

    /// Something happened to a request at the end of the latest step.
    pub(super) fn hear(&mut self, event: &Event) {
        match *event {
            Event::FirstToken => self.generated.add(1),
            Event::Token { gap } => {
                self.generated.add(1);
                self.inter_token.observe_time(gap);
            }
            // Those that came with others in one step.
            Event::Finished(history) if history.streamed => self.generated.add(history.drafts.accepted_tokens),
            Event::Finished(history) => self.generated.add(history.output_tokens.into()),
            _ => {}
        }
    }

    /// Steps have ended: notes the rows that were due before their end.
    pub(super) fn ran(&mut self, run: &StepRun<'_>, rows: &mut ScrapedRows) {
        let mut done = 0;
        while let Some(at) = rows.due_before(run.end()) {
            let usage = if at < run.start {
                0.0
            } else {
                let ended = run.ramp.within(at.since(run.start), run.steps).0;
                self.count(run, done, ended);
                done = ended;
                run.kv.used_at(ended.min(run.steps - 1)) as f64 / self.usable_blocks
            };
            self.kv_usage.set(usage);
            rows.note(&self.instruments());
        }
        self.count(run, done, run.steps);
        self.latest_usage = run.kv.used_at(run.steps - 1) as f64 / self.usable_blocks;
    }

    /// Counts the steps from one to before another.
    fn count(&mut self, run: &StepRun<'_>, from: u64, to: u64) {
        let steps = to - from;
        if steps == 0 {
            return;
        }
        let clients = u64::from(run.streaming);
        self.generated.add(clients * steps);
        self.of_step.observe(run.shape.tokens(), steps);
        let takes = run.ramp.total(to).picos() - run.ramp.total(from).picos();
        let (first, growth) = (run.ramp.step(from).picos(), run.ramp.growth.picos());
        let gaps = self.inter_token.histogram();
        gaps.observe_progression(first, growth, steps, clients, takes.into());
    }

    /// Notes the rows up to and including `last`; if the server still runs steps, of the latest one that is known.
    pub(super) fn finish(&mut self, last: Time, still_runs: bool, rows: &mut ScrapedRows) {
        self.kv_usage.set(if still_runs { self.latest_usage } else { 0.0 });
        while rows.next().is_some_and(|at| at <= last) {
            rows.note(&self.instruments());
        }
    }
}
