//! The shortcut of no batching: a request's whole decode is one leap.

use std::collections::VecDeque;

use super::decoders::Decoders;
use super::holding::Holding;
use super::slots::{Slot, Slots};
use super::{Moment, Next, Scheduler, Steps};
use crate::engine::{Event, Finished, Observer, StepRun};
use crate::kv::KvGrowth;
use crate::policy::Memory;
use crate::step_time::StepShape;
use crate::units::Time;
use crate::workload::{Request, RequestId};

pub(in crate::engine) struct NoBatching {
    memory: Memory,
    slots: Slots,
    waiting: VecDeque<Slot>,
    served: Option<Slot>,
    decoders: Decoders,
    admissions: u64,
}

impl NoBatching {
    pub(super) fn new(memory: Memory) -> Self {
        Self {
            memory,
            slots: Slots::default(),
            waiting: VecDeque::new(),
            served: None,
            decoders: Decoders::new(memory.block_tokens),
            admissions: 0,
        }
    }

    fn admit(&mut self, slot: Slot, now: Time, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> Next {
        self.served = Some(slot);
        self.admissions += 1;
        let active = &mut self.slots[slot];
        active.order = self.admissions;
        active.live.scheduled = Some(now);
        let tokens = active.live.num_tokens();
        let event = Event::Admitted { resumed: false, tokens };
        observer.on(now, active.live.request.id, &event);
        *shape = StepShape::default();
        shape.add(0, tokens, tokens);
        Next::Run(1)
    }
}

impl Scheduler for NoBatching {
    fn can_ever_serve(&self, request: &Request) -> bool {
        let computed = request.prompt.tokens() + request.output_tokens - 1;
        self.memory.blocks_for(computed) <= self.memory.usable_blocks
    }

    fn submit(&mut self, request: Request) {
        let slot = self.slots.insert(request, Holding::default());
        self.waiting.push_back(slot);
    }

    fn abort(&mut self, id: RequestId, at: Moment, observer: &mut (impl Observer + ?Sized)) {
        let is_it = |&slot: &Slot| self.slots[slot].live.request.id == id;
        let slot = if let Some(slot) = self.served.filter(is_it) {
            self.decoders.leave(&mut self.slots, slot);
            self.served = None;
            observer.on(at.now, id, &Event::Aborted { waiting: false });
            slot
        } else if let Some(place) = self.waiting.iter().position(is_it) {
            observer.on(at.now, id, &Event::Aborted { waiting: true });
            self.waiting.remove(place).expect("it waits")
        } else {
            return;
        };
        self.slots.release(slot);
    }

    fn decide(&mut self, at: Moment, shape: &mut StepShape, observer: &mut (impl Observer + ?Sized)) -> Next {
        if self.served.is_some() {
            *shape = self.decoders.shape();
            return Next::Run(self.decoders.steps_to_finish(&self.slots));
        }
        match self.waiting.pop_front() {
            Some(slot) => self.admit(slot, at.now, shape, observer),
            None => Next::Idle,
        }
    }

    fn in_server(&self) -> usize {
        self.slots.in_use()
    }

    fn complete(&mut self, steps: &Steps, observer: &mut (impl Observer + ?Sized)) -> bool {
        let slot = self.served.expect("a request is served");
        let is_prefill = self.decoders.count() == 0;
        let live = &self.slots[slot].live;
        let tokens = if is_prefill {
            live.num_tokens()
        } else {
            self.decoders.shape().context as u32
        };
        let used = self.memory.blocks_for(tokens);
        let empty = u64::from(used * self.memory.block_tokens - tokens);
        let kv = if is_prefill {
            KvGrowth::constant(used, empty)
        } else {
            self.decoders.growth(self.decoders.clock(), used, empty)
        };
        let streaming = u32::from(!is_prefill);
        observer.ran(&StepRun {
            start: steps.start,
            steps: steps.count,
            ramp: steps.ramp,
            takes: steps.end - steps.start,
            shape: &steps.shape,
            streaming,
            kv,
        });
        if is_prefill {
            let live = &mut self.slots[slot].live;
            live.computed = live.num_tokens();
            live.generated = 1;
            live.note_token(steps.end, 1);
            observer.on(steps.end, live.request.id, &Event::FirstToken);
            self.decoders.join(&mut self.slots, slot);
        } else {
            self.decoders.advance(steps.count);
        }
        if self.decoders.pop_finished(&self.slots).is_none() {
            return false;
        }
        self.decoders.leave(&mut self.slots, slot);
        let live = &self.slots[slot].live;
        let event = Event::Finished(Finished::of(live, steps.end, true));
        observer.on(steps.end, live.request.id, &event);
        self.slots.release(slot);
        self.served = None;
        true
    }
}
