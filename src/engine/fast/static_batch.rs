//! The shortcut of static batching: from one finish to the next is one leap.

use std::collections::VecDeque;

use super::scheduler::{Moment, NextSteps, Scheduler, Steps};
use crate::engine::engine_trait::ServerLoad;
use crate::engine::observer::{Event, Finished, Observer};
use crate::kv::KvGrowth;
use crate::policy::{Batch, Formation, Live, Memory, Response, StaticSettings, Waiting};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::{Request, RequestId};

pub(in crate::engine) struct FastStatic {
    rules: StaticSettings,
    memory: Memory,
    waiting: VecDeque<Request>,
    batch: Batch,
    /// Tokens that each unfinished row of the batch has produced.
    generated: u32,
    /// The unfinished rows, in the order of arrival.
    rows: Vec<Live>,
}

impl FastStatic {
    pub(in crate::engine) const fn new(rules: StaticSettings, memory: Memory) -> Self {
        Self {
            rules,
            memory,
            waiting: VecDeque::new(),
            batch: Batch {
                rows: 0,
                longest_prompt: 0,
                blocks_per_row: 0,
            },
            generated: 0,
            rows: Vec::new(),
        }
    }

    fn responds_together(&self) -> bool {
        self.rules.response == Response::BatchEnd
    }

    fn start(
        &mut self,
        batch: Batch,
        now: Time,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) -> NextSteps {
        self.batch = batch;
        self.generated = 0;
        for request in self.waiting.drain(..batch.rows as usize) {
            let mut live = Live::new(request);
            live.scheduled = Some(now);
            let event = Event::Admitted {
                resumed: false,
                tokens: live.num_tokens(),
            };
            observer.on(now, live.request.id, &event);
            self.rows.push(live);
        }
        *shape = batch.prefill();
        NextSteps::Run(1)
    }

    /// The output length at which the next rows end.
    fn next_end(&self) -> u32 {
        let outputs = self.rows.iter().map(|live| live.request.output_tokens);
        let next = outputs.filter(|&output| output > self.generated).min();
        next.expect("a row has not ended")
    }

    /// Whether rows are answered now.
    fn answers(&self) -> bool {
        let mut ended = self
            .rows
            .iter()
            .map(|live| live.request.output_tokens <= self.generated);
        if self.responds_together() {
            ended.all(|row| row)
        } else {
            ended.any(|row| row)
        }
    }

    /// The blocks of all rows, and the tokens in them, during the next steps.
    fn kv(&self) -> KvGrowth<'static> {
        let blocks = self.batch.blocks();
        let slots = u64::from(blocks) * u64::from(self.memory.block_tokens);
        let mut tokens = 0;
        let mut growing = 0;
        for live in &self.rows {
            let output = live.request.output_tokens;
            // The last token is not computed.
            let generated = self.generated.min(output - 1);
            tokens += u64::from(live.request.prompt.tokens() + generated);
            growing += u32::from(self.generated < output);
        }
        KvGrowth {
            fills: growing,
            ..KvGrowth::constant(blocks, slots - tokens)
        }
    }

    /// Answers the rows that have all their tokens.
    fn answer(&mut self, now: Time, observer: &mut (impl Observer + ?Sized)) {
        let (generated, together) = (self.generated, self.responds_together());
        self.rows.retain_mut(|live| {
            if live.request.output_tokens > generated {
                return true;
            }
            live.generated = live.request.output_tokens;
            live.computed = live.num_tokens() - 1;
            let event = Event::Finished(Finished::of(live, now, !together));
            observer.on(now, live.request.id, &event);
            false
        });
    }
}

impl Scheduler for FastStatic {
    fn can_ever_serve(&self, request: &Request) -> bool {
        let (longest, most) = (request.prompt.tokens(), request.most_answer_tokens());
        self.rules.blocks_per_row(longest, most, &self.memory) <= self.memory.usable_blocks
    }

    fn submit(&mut self, request: Request) {
        self.waiting.push_back(request);
    }

    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        let place = self.waiting.iter().position(|request| request.id == id);
        if let Some(place) = place {
            self.waiting.remove(place);
            observer.on(at.now, id, &Event::Aborted { waiting: true });
        }
    }

    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps {
        if !self.rows.is_empty() {
            *shape = self.batch.decode(self.generated);
            return NextSteps::Run(u64::from(self.next_end() - self.generated));
        }
        match self.rules.form(self.waiting.iter(), at.now, &self.memory) {
            Formation::Nobody => NextSteps::Idle,
            Formation::WaitUntil(time) => NextSteps::WaitUntil(time),
            Formation::Start(batch) => self.start(batch, at.now, shape, observer),
        }
    }

    fn in_server(&self) -> usize {
        self.waiting.len() + self.rows.len()
    }

    fn load(&self, _under_way: bool) -> ServerLoad {
        let used_blocks = if self.rows.is_empty() { 0 } else { self.batch.blocks() };
        ServerLoad::new(
            &self.memory,
            Waiting::of(self.waiting.iter()),
            self.rows.len() as u32,
            used_blocks,
        )
    }

    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        let first = self.generated == 0;
        let streaming = if first || self.responds_together() {
            0
        } else {
            self.rows.len() as u32
        };
        observer.ran(&steps.told(streaming, self.kv()));
        self.generated += steps.count as u32;
        if first && !self.responds_together() {
            let running = self.rows.len() as u32;
            for live in &mut self.rows {
                live.note_token(steps.end, running);
                if !live.request.is_prompt_only {
                    observer.on(steps.end, live.request.id, &Event::FirstToken);
                }
            }
        }
        let answers = self.answers();
        if answers {
            self.answer(steps.end, observer);
        }
        answers
    }
}
