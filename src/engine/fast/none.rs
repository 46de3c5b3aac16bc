//! The shortcut of no batching: a request's whole decode is one leap.

use std::collections::VecDeque;

use super::decoders::Decoders;
use super::holding::Holding;
use super::scheduler::{Moment, NextSteps, Scheduler, Steps};
use super::seats::{Seat, Seats};
use crate::engine::engine_trait::ServerLoad;
use crate::engine::observer::{Event, Finished, Observer};
use crate::kv::KvGrowth;
use crate::policy::{Memory, Waiting};
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::{Request, RequestId};

pub(in crate::engine) struct FastNone {
    memory: Memory,
    seats: Seats,
    waiting: VecDeque<Seat>,
    served: Option<Seat>,
    decoders: Decoders,
    admissions: u64,
}

impl FastNone {
    pub(in crate::engine) fn new(memory: Memory) -> Self {
        Self {
            seats: Seats::default(),
            waiting: VecDeque::new(),
            served: None,
            decoders: Decoders::new(memory.block_tokens),
            memory,
            admissions: 0,
        }
    }

    fn admit(
        &mut self,
        seat: Seat,
        now: Time,
        shape: &mut StepShape,
        observer: &mut (impl Observer + ?Sized),
    ) -> NextSteps {
        self.served = Some(seat);
        self.admissions += 1;
        let active = &mut self.seats[seat];
        active.order = self.admissions;
        active.live.scheduled = Some(now);
        let tokens = active.live.num_tokens();
        let event = Event::Admitted { resumed: false, tokens };
        observer.on(now, active.live.request.id, &event);
        *shape = StepShape::default();
        shape.add(0, tokens, tokens);
        NextSteps::Run(1)
    }

    /// Tokens of the request that is served which have blocks in the step under way.
    fn computed(&self, seat: Seat) -> u32 {
        if self.decoders.count() == 0 {
            self.seats[seat].live.num_tokens()
        } else {
            self.decoders.shape().context as u32
        }
    }
}

impl Scheduler for FastNone {
    fn can_ever_serve(&self, request: &Request) -> bool {
        let computed = request.prompt.tokens() + request.output_tokens - 1;
        self.memory.blocks_for(computed) <= self.memory.usable_blocks
    }

    fn submit(&mut self, request: Request) {
        let seat = self.seats.insert(request, Holding::default());
        self.waiting.push_back(seat);
    }

    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        let is_it = |&seat: &Seat| self.seats[seat].live.request.id == id;
        let seat = if let Some(seat) = self.served.filter(is_it) {
            self.decoders.leave(&mut self.seats, seat);
            self.served = None;
            observer.on(at.now, id, &Event::Aborted { waiting: false });
            seat
        } else if let Some(place) = self.waiting.iter().position(is_it) {
            observer.on(at.now, id, &Event::Aborted { waiting: true });
            self.waiting.remove(place).expect("it waits")
        } else {
            return;
        };
        self.seats.release(seat);
    }

    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> NextSteps {
        if self.served.is_some() {
            *shape = self.decoders.shape();
            return NextSteps::Run(self.decoders.steps_to_finish(&self.seats));
        }
        match self.waiting.pop_front() {
            Some(seat) => self.admit(seat, at.now, shape, observer),
            None => NextSteps::Idle,
        }
    }

    fn in_server(&self) -> usize {
        self.seats.in_use()
    }

    fn load(&self, under_way: bool) -> ServerLoad {
        // The next step's token has no slot before that step is decided.
        let next = u32::from(!under_way);
        let used = |seat| self.memory.blocks_for(self.computed(seat) - next);
        let waiting = Waiting::of(self.waiting.iter().map(|&seat| &self.seats[seat].live.request));
        ServerLoad::new(
            &self.memory,
            waiting,
            self.served.is_some().into(),
            self.served.map_or(0, used),
        )
    }

    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        let seat = self.served.expect("a request is served");
        let is_prefill = self.decoders.count() == 0;
        let tokens = self.computed(seat);
        let used = self.memory.blocks_for(tokens);
        let empty = u64::from(used * self.memory.block_tokens - tokens);
        let kv = if is_prefill {
            KvGrowth::constant(used, empty)
        } else {
            self.decoders.growth(self.decoders.clock(), used, empty)
        };
        let streaming = u32::from(!is_prefill);
        observer.ran(&steps.told(streaming, kv));
        if is_prefill {
            let live = &mut self.seats[seat].live;
            live.computed = live.num_tokens();
            live.generated = 1;
            live.note_token(steps.end, 1);
            if !live.request.is_prompt_only {
                observer.on(steps.end, live.request.id, &Event::FirstToken);
            }
            self.decoders.join(&mut self.seats, seat);
        } else {
            self.decoders.advance(steps.count);
        }
        if self.decoders.pop_finished(&self.seats).is_none() {
            return false;
        }
        self.decoders.leave(&mut self.seats, seat);
        let live = &self.seats[seat].live;
        let event = Event::Finished(Finished::of(live, steps.end, true));
        observer.on(steps.end, live.request.id, &event);
        self.seats.release(seat);
        self.served = None;
        true
    }
}
