//! What a step has to hand out, and what of it a request gets, drafts included: in numbers, shared with the fast
//! engine.

use super::decisions::cut_to_threshold;
use super::settings::ContinuousSettings;
use crate::policy::speculative::DraftPadding;
use crate::workload::RequestId;

/// What a step has left to hand out.
#[derive(Clone, Copy, Debug)]
pub struct StepBudget {
    /// Tokens.
    tokens: u32,
    /// Places in the model's input: tokens, and for each request what a draft model adds of its own.
    places: u32,
    /// Places that a request takes beside its tokens.
    extra: u32,
}

impl StepBudget {
    /// The most tokens of a request; 0 if none may come in any more.
    pub fn most(&self) -> u32 {
        self.tokens.min(self.places.saturating_sub(self.extra))
    }

    /// A request gets so many tokens.
    pub const fn take(&mut self, tokens: u32) {
        self.tokens -= tokens;
        self.places -= tokens + self.extra;
    }

    /// A request that had got so many tokens takes no part.
    pub const fn give_back(&mut self, tokens: u32) {
        self.tokens += tokens;
        self.places += tokens + self.extra;
    }
}

/// Where a running request stands when a step is decided.
#[derive(Clone, Copy, Debug)]
pub struct RequestStanding {
    /// Tokens whose KV exists or is being computed.
    pub computed: u32,
    /// Tokens it has, prompt and output.
    pub all: u32,
    /// Tokens that steps in flight are going to sample, drafts that may be accepted included.
    pub placeholders: u32,
    /// Draft tokens to verify in its next step.
    pub drafts: u32,
    /// The most tokens it may come to.
    pub end: u32,
    /// Whether only its prompt is asked about.
    pub is_prompt_only: bool,
}

impl RequestStanding {
    /// How many tokens it gets, of a model with requests of at most `longest` tokens.
    pub fn wanted(&self, (threshold, longest): (u32, u32), budget: &StepBudget) -> u32 {
        if self.placeholders > 0 && self.computed + 2 - self.placeholders >= self.end {
            return 0; // The step in flight will surely finish it.
        }
        let all = self.all + self.drafts + self.placeholders;
        let unfed = u32::from(!self.is_prompt_only);
        let room = (longest - unfed).saturating_sub(self.computed);
        cut_to_threshold(all - self.computed, threshold)
            .min(budget.most())
            .min(room)
    }

    /// How many of `tokens` tokens that it gets are drafts.
    pub const fn drafts_within(&self, tokens: u32) -> u32 {
        (self.computed + tokens).saturating_sub(self.all + self.placeholders)
    }
}

/// What the running requests of a step have to do with whether others that come in are filled up with drafts.
#[derive(Clone, Copy, Debug, Default)]
pub struct Padding {
    /// Whether any is in the step.
    pub anyone_runs: bool,
    /// Whether the latest step before left any of them tokens to compute.
    pub anyone_prefills: bool,
}

impl Padding {
    const fn beside_decoders(self) -> bool {
        self.anyone_runs && !self.anyone_prefills
    }

    const fn allows(self, has_hit: bool) -> bool {
        !self.anyone_prefills && (self.anyone_runs || has_hit)
    }
}

impl ContinuousSettings {
    /// What a step has to hand out.
    pub fn step_budget(&self) -> StepBudget {
        let all = self.max_num_batched_tokens;
        let usual = StepBudget {
            tokens: all,
            places: all,
            extra: 0,
        };
        match &self.speculative {
            Some(drafts) if drafts.rules.reserves_all_slots => StepBudget {
                tokens: self.tokens_beside_slots(drafts.draft_slots),
                ..usual
            },
            Some(drafts) => StepBudget {
                extra: drafts.draft_slots,
                ..usual
            },
            None => usual,
        }
    }

    /// How many tokens the head of the queue computes in its first step if it lacks so many and has found so many, and
    /// how many drafts are among them; `None` if they do not fit.
    pub fn first_tokens(
        &self,
        (lacking, hit): (u32, u32),
        (threshold, longest): (u32, u32),
        budget: &StepBudget,
        pads: Padding,
    ) -> Option<(u32, u32)> {
        let tokens = self.first_chunk(lacking, threshold, budget.most())?;
        let Some(speculative) = self.speculative.as_ref().filter(|_| lacking == 1) else {
            return Some((tokens, 0));
        };
        let drafts = speculative.tokens;
        let padded_end = u64::from(hit) + 1 + u64::from(drafts);
        let longest = u64::from(longest);
        let fits_a_step = drafts < budget.most();
        let (is_padded, fits) = match speculative.rules.padding {
            DraftPadding::Never => (false, true),
            DraftPadding::BesideDecoders => (pads.beside_decoders(), fits_a_step && padded_end <= longest),
            DraftPadding::BesideDecodersOrHit => {
                // What no step holds would keep it out for ever.
                let holds = 1 + drafts + budget.extra <= self.max_num_batched_tokens;
                (pads.allows(hit > 0) && holds && padded_end < longest, fits_a_step)
            }
        };
        if !is_padded {
            return Some((tokens, 0));
        }
        fits.then_some((1 + drafts, drafts))
    }

    /// How many drafts are accepted of so many, at a request's n-th verification from 0; `None` if that is none:
    /// nothing was drafted, or only filled up.
    pub fn accepted(&self, request: RequestId, number: usize, (drafts, padded): (u32, bool)) -> Option<u32> {
        let speculative = self.speculative.as_ref().filter(|_| drafts > 0)?;
        if padded && !speculative.accepts_padding {
            return None;
        }
        Some(speculative.acceptance.accepted(request, number).min(drafts))
    }
}
