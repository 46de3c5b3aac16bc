//! What is left for the prompts of a step: the estimate by which SGLang lets requests in (`schedule_policy.py`,
//! `PrefillAdder`, `PrefillBudget`).

use super::decision::{AddVerdict, PromptPart};
use super::member::SglangMember;
use super::settings::SglangSettings;
use super::slots::TokenSlots;

/// What is left for the prompts of a step.
#[derive(Clone, Debug)]
pub(crate) struct PrefillBudget {
    /// What those that run are expected to take of the memory, and what the step's rows were charged [tokens].
    expected: f64,
    /// Of this, what is taken at once [tokens].
    current: i64,
    /// Prompt tokens left.
    pub input: i64,
    /// Tokens left of the chunk, if prompts are cut.
    pub chunk: Option<i64>,
    page: u32,
}

impl PrefillBudget {
    /// Beside so many decodes that join the step, of running requests that are expected to produce so much yet.
    pub(crate) fn new(settings: &SglangSettings, joining: u32, expected: f64) -> Self {
        let joining = i64::from(joining);
        let chunk = settings.chunked_prefill_size;
        Self {
            expected: joining as f64 + expected,
            current: joining,
            input: i64::from(settings.max_prefill_tokens) - joining,
            chunk: chunk.map(|size| i64::from(size) - joining),
            page: settings.page_size,
        }
    }

    /// What the estimate leaves of so many slots that are free or can be made so [tokens].
    pub(crate) fn left(&self, available: u64) -> f64 {
        available as f64 - self.expected
    }

    /// What the step's rows leave of them [tokens].
    pub(crate) const fn left_now(&self, available: u64) -> i64 {
        available.cast_signed() - self.current
    }

    /// What the next chunk of a prompt under way holds, which it takes off; `None` if it has to wait
    /// (`add_chunked_req`).
    pub(crate) fn next_chunk(&mut self, member: &mut SglangMember, slots: &TokenSlots) -> Option<PromptPart> {
        member.fill = member.num_tokens();
        let (available, rest) = (slots.available(), member.fill - member.prefix);
        let chunk = self.chunk.unwrap_or(i64::from(rest));
        let room = chunk.min(self.left(available) as i64);
        let room = if room > 0 { room } else { chunk };
        let tokens = rest.min(u32::try_from(room).unwrap_or(0));
        if tokens == 0 || slots.slots_of_row(member.prefix, tokens) > available {
            return None;
        }
        let is_cut = tokens < rest;
        self.charge(tokens, if is_cut { 0 } else { member.clipped_max_new() });
        Some(PromptPart { tokens, is_cut })
    }

    /// Takes off a row's tokens, in whole pages, what its request may produce, and a page to spare.
    pub(crate) fn charge(&mut self, tokens: u32, output: u32) {
        let paged = i64::from(tokens.next_multiple_of(self.page));
        let with_spare = paged + i64::from(self.page);
        self.expected += (with_spare + i64::from(output)) as f64;
        self.current += with_spare;
        self.input -= paged;
        self.chunk = self.chunk.map(|left| left - paged);
    }

    /// A running request has been driven out of which so much was expected.
    pub(crate) fn give_back(&mut self, offset: f64) {
        self.expected -= offset;
    }

    /// Whether another request may be asked.
    pub(crate) fn verdict(&self, available: u64) -> AddVerdict {
        if self.left(available) <= 0.0 || self.left_now(available) <= 0 {
            AddVerdict::NoToken
        } else if self.input <= 0 || self.chunk.is_some_and(|left| left <= 0) {
            AddVerdict::Other
        } else {
            AddVerdict::Continue
        }
    }

    /// How the rest of a prompt after its cached prefix would come in, if it does (`add_one_req`).
    pub(crate) fn part_of(
        &mut self,
        member: &SglangMember,
        available: u64,
        is_first: bool,
    ) -> Result<PromptPart, AddVerdict> {
        let lacking = member.num_tokens() - member.prefix;
        let most = u64::from(lacking) + u64::from(member.expected()) + u64::from(self.page);
        if most as f64 >= self.left(available) {
            return Err(AddVerdict::NoToken);
        }
        let paged = i64::from(lacking.next_multiple_of(self.page));
        match self.chunk {
            None if !is_first && paged >= self.input => Err(AddVerdict::Other),
            Some(left) if paged > left => {
                let end = member.prefix + u32::try_from(left).unwrap_or(0) / self.page * self.page;
                let tokens = (end / self.page * self.page).saturating_sub(member.prefix);
                self.cut(tokens)
            }
            _ => Ok(self.whole(member)),
        }
    }

    /// Charges all that a member lacks, and all that it may produce.
    pub(crate) fn whole(&mut self, member: &SglangMember) -> PromptPart {
        let lacking = member.num_tokens() - member.prefix;
        self.charge(lacking, member.clipped_max_new());
        PromptPart {
            tokens: lacking,
            is_cut: false,
        }
    }

    /// Charges a part of what a member lacks.
    pub(crate) fn cut(&mut self, tokens: u32) -> Result<PromptPart, AddVerdict> {
        if tokens == 0 {
            return Err(AddVerdict::Other);
        }
        self.charge(tokens, 0);
        Ok(PromptPart { tokens, is_cut: true })
    }
}
