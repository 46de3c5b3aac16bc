//! The queues of a server, as a policy sees and changes them.

use super::live::{Live, Memory};
use super::plain_queue::PlainQueue;
use super::step_plan::{ScheduledAs, StepPlan};
use crate::units::Time;

/// A server's queues as a policy sees them. [`PlainQueue`] is the readable one: a list of requests, in which all is
/// counted again at every step. The fast engine's keeps counts and sums of those who decode, so that a step costs the
/// same however many they are; a policy that plans by what stands here runs over both.
pub trait Queue {
    /// The memory that is handed out.
    fn memory(&self) -> &Memory;

    /// The request at this place among those that wait, next first.
    fn waiting(&self, place: usize) -> Option<&Live>;

    /// How many run.
    fn running(&self) -> u32;

    /// How many of those who run have computed all their tokens but the newest, and go on from token to token.
    fn decoding(&self) -> u32;

    /// The others who run, by their place in the order of admission: what they lack is under way.
    fn under_way(&self, place: usize) -> Option<UnderWay>;

    /// What all who run may come to together [tokens].
    fn most_tokens(&self) -> u64;

    /// The blocks of what they may come to, together.
    fn most_blocks(&self) -> u64;

    /// Blocks that those who run hold.
    fn used_blocks(&self) -> u32;

    /// Blocks nobody holds.
    fn free_blocks(&self) -> u32 {
        self.memory().usable_blocks - self.used_blocks()
    }

    /// Blocks that those who decode lack for their next tokens, together.
    fn lacking_blocks(&self) -> u32;

    /// Gives those who decode the blocks that they lack, which must be free.
    fn give_lacking_blocks(&mut self);

    /// All who decode compute a token. They are the first in a plan.
    fn decode(&mut self, plan: &mut StepPlan);

    /// A member of those whose tokens are under way computes so many of them.
    fn go_on(&mut self, member: u32, tokens: u32, plan: &mut StepPlan);

    /// The head of the queue comes in, gets the blocks for `held` tokens, which must be free, and computes `tokens`.
    fn admit(&mut self, now: Time, held: u32, tokens: u32, plan: &mut StepPlan);

    /// The queues request by request.
    ///
    /// # Errors
    /// If they are kept as counts. A policy that returns this error, before it has changed anything, is asked again
    /// with plain queues for this one step.
    fn one_by_one(&mut self) -> Result<&mut PlainQueue, OrderMatters>;
}

/// A running request that does not decode yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnderWay {
    /// Who it is, to [`Queue::go_on`].
    pub member: u32,
    /// Tokens that it has and has not computed.
    pub lacking: u32,
}

/// What happens depends on the order of the running requests, which is not known where they are counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OrderMatters;

impl Queue for PlainQueue {
    fn memory(&self) -> &Memory {
        &self.memory
    }

    fn waiting(&self, place: usize) -> Option<&Live> {
        self.waiting.get(place)
    }

    fn running(&self) -> u32 {
        self.running.len() as u32
    }

    fn decoding(&self) -> u32 {
        self.running.iter().filter(|live| live.is_decoding()).count() as u32
    }

    fn under_way(&self, place: usize) -> Option<UnderWay> {
        let mut under_way = (0..).zip(&self.running).filter(|(_, live)| !live.is_decoding());
        let (member, live) = under_way.nth(place)?;
        Some(UnderWay {
            member,
            lacking: live.num_tokens() - live.computed,
        })
    }

    fn most_tokens(&self) -> u64 {
        self.running.iter().map(|live| u64::from(live.most_tokens())).sum()
    }

    fn most_blocks(&self) -> u64 {
        let blocks = |live: &Live| u64::from(self.memory.blocks_for(live.most_tokens()));
        self.running.iter().map(blocks).sum()
    }

    fn used_blocks(&self) -> u32 {
        self.used_blocks()
    }

    fn lacking_blocks(&self) -> u32 {
        let lacking = |live: &Live| self.memory.blocks_for(live.num_tokens()).saturating_sub(live.blocks);
        self.running.iter().filter(|live| live.is_decoding()).map(lacking).sum()
    }

    fn give_lacking_blocks(&mut self) {
        for index in 0..self.running.len() {
            if self.running[index].is_decoding() {
                self.allocate_next(index);
            }
        }
    }

    fn decode(&mut self, plan: &mut StepPlan) {
        for live in self.running.iter().filter(|live| live.is_decoding()) {
            plan.schedule(live, ScheduledAs::Running, 1);
        }
    }

    fn go_on(&mut self, member: u32, tokens: u32, plan: &mut StepPlan) {
        plan.schedule(&self.running[member as usize], ScheduledAs::Running, tokens);
    }

    fn admit(&mut self, now: Time, held: u32, tokens: u32, plan: &mut StepPlan) {
        let kind = self.admit_head(now);
        let index = self.running.len() - 1;
        let fits = self.allocate(index, held);
        assert!(fits, "an admission checks that its blocks are free");
        plan.schedule(&self.running[index], kind, tokens);
    }

    fn one_by_one(&mut self) -> Result<&mut Self, OrderMatters> {
        Ok(self)
    }
}
