//! What a batching policy says of itself, in its own file: its names, its settings and how they are read, its limits,
//! and what may help where it is the limit. All that names policies elsewhere is made of this.

use super::live::Memory;
use super::plan::Policy;
use super::planner::{Planned, Planner};
use super::speculative::Speculative;
use super::vllm::NamedProfile;
use crate::settings::{Kind, Refused, Setting, Written};
use crate::step_time::EngineHost;

/// The most requests at once: far above what any GPU holds, far below what overflows.
pub const MOST_REQUESTS: u32 = 1 << 20;
/// The most tokens in a step or a request: above the longest context that models offer (10 million).
pub const MOST_TOKENS: u32 = 1 << 24;

/// A number of requests at once.
pub(super) const REQUESTS: Kind = Kind::Count {
    min: 1,
    max: MOST_REQUESTS,
};
/// A number of tokens in a step.
pub(super) const TOKENS: Kind = Kind::Count {
    min: 1,
    max: MOST_TOKENS,
};
/// A number of tokens in a step, or none.
pub(super) const TOKENS_OR_NONE: Kind = Kind::Count {
    min: 0,
    max: MOST_TOKENS,
};
/// A part of something.
pub(super) const FRACTION: Kind = Kind::Number { min: 0.0, max: 1.0 };

/// A batching policy's settings, which know all that is to be known of the policy.
pub trait Rules: Sized {
    /// The name in scenarios.
    const NAME: &'static str;
    /// What a server that batches so does, in reports: `static batching`.
    const TITLE: &'static str;
    /// The engine that it follows, with its release unless scenarios name that.
    const ENGINE: &'static str;
    /// What it does, in a line.
    const SUMMARY: &'static str;
    /// Its keys in `[batching]`, in the order in which they are explained.
    const SETTINGS: &'static [&'static Setting];
    /// Whether its settings are read and noted whichever policy is used.
    const IS_ALWAYS_READ: bool = false;

    /// Reads the settings, with their defaults, and refuses what the server would refuse.
    fn read<W: Written>(written: &W, host: &Host<'_>) -> Result<Self, W::Error>;

    /// The policy over queues in this memory; `None` if it keeps queues of its own and makes a [`Rules::planner`].
    fn policy(&self, memory: Memory) -> Option<Box<dyn Policy>>;

    /// Empty queues with the policy over them, in readable form.
    fn planner(&self, memory: Memory) -> Box<dyn Planner> {
        let policy = self.policy(memory.clone());
        let policy = policy.expect("a policy with queues of its own makes a planner");
        Box::new(Planned::new(policy, memory))
    }

    /// What decides whether a waiting request can be admitted.
    fn limits(&self) -> Limits;

    /// The largest step that there may be, if no request has more than this many tokens.
    fn largest_step(&self, longest_request: u32) -> LargestStep {
        let limits = self.limits();
        let requests = limits.most_running.min(MOST_REQUESTS);
        LargestStep {
            requests,
            tokens: if limits.most_tokens == u64::MAX {
                u64::from(requests) * u64::from(longest_request)
            } else {
                limits.most_tokens
            },
        }
    }

    /// The most tokens that a request may come to before its output is cut.
    fn longest_request(&self, memory: &Memory) -> u32 {
        memory.max_model_len
    }

    /// Changes that may raise the capacity of a server with this policy.
    fn remedies(&self) -> Vec<Change> {
        Vec::new()
    }

    /// Whether the prefix cache is on; `None` if the policy has none.
    fn prefix_caching(&self) -> Option<bool> {
        None
    }

    /// Tokens that a prefix cache finds together: a block of the server, or a page where the policy has its own.
    fn cached_together(&self, block_tokens: u32) -> u32 {
        block_tokens
    }

    /// Whether a step is decided while the one before still runs.
    fn decides_ahead(&self) -> bool {
        false
    }

    /// Whether the CPU's work on a step goes on while the GPU computes the one before.
    fn hides_cpu(&self) -> bool {
        self.decides_ahead()
    }

    /// How its engine runs steps, where that is another one than vLLM.
    fn engine_host(&self) -> Option<EngineHost> {
        None
    }

    /// Whether anything in it is drawn at random.
    fn draws_at_random(&self) -> bool {
        false
    }

    /// These rules with their draws, if they have any, growing from `seed`.
    #[must_use]
    fn with_seed(self, _seed: u64) -> Self {
        self
    }

    /// Refuses a KV cache in which no request finds room; it holds one of the longest length.
    fn refuse_memory(&self, _memory: &Memory) -> Result<(), Refused> {
        Ok(())
    }
}

/// What defaults and refusals depend on besides what is written.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "what defaults depend on")]
pub struct Host<'a> {
    /// Whether the policy that is read is the one that is used.
    pub is_used: bool,
    /// The GPU's name, for messages.
    pub gpu: &'a str,
    /// The GPU's memory [bytes].
    pub gpu_memory_bytes: u64,
    /// Whether vLLM gives the GPU the defaults of an A100.
    pub is_a100: bool,
    /// The most tokens of a request.
    pub max_model_len: u32,
    /// Tokens in a block.
    pub block_tokens: u32,
    /// The release of vLLM that defaults are of.
    pub profile: NamedProfile,
    /// Draft tokens, if there are any.
    pub drafts: Option<&'a Speculative>,
    /// Whether KV cache is kept in the memory of the CPU too.
    pub offloads: bool,
    /// Whether some layers keep a state of each request in place of its tokens.
    pub has_states: bool,
}

/// What decides whether a waiting request can be admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The most requests that run at once.
    pub most_running: u32,
    /// The most tokens in a step; `u64::MAX` if nothing but the memory limits them.
    pub most_tokens: u64,
    /// Prompts are never cut, so that a waiting one may miss the budget that is left.
    pub whole_prompts: bool,
    /// Nobody is admitted while a batch runs.
    pub batch_at_a_time: bool,
}

impl Limits {
    /// Limits of a policy that cuts prompts and admits at any time.
    pub const fn new(most_running: u32, most_tokens: u64) -> Self {
        Self {
            most_running,
            most_tokens,
            whole_prompts: false,
            batch_at_a_time: false,
        }
    }
}

/// How large a step may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LargestStep {
    /// The most requests.
    pub requests: u32,
    /// The most tokens.
    pub tokens: u64,
}

/// A change of a key in `[batching]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What it is, in words.
    pub name: String,
    /// The key in `[batching]` that is changed.
    pub key: &'static str,
    /// The value, written as in TOML.
    pub value: String,
}

impl Change {
    /// Sets the key of `setting` to a number.
    pub(super) fn count(name: impl Into<String>, setting: &Setting, value: u32) -> Self {
        Self {
            name: name.into(),
            key: setting.name,
            value: value.to_string(),
        }
    }

    /// Batches as vLLM does.
    pub(super) fn to_continuous() -> Self {
        Self {
            name: "continuous batching".to_owned(),
            key: "policy",
            value: "\"continuous\"".to_owned(),
        }
    }
}

/// Refuses a token budget that does not hold one token for each of the requests that may run.
pub(super) fn refuse_tokens_below(
    (budget, tokens): (&Setting, u32),
    (most, requests): (&Setting, u32),
) -> Result<(), Refused> {
    if tokens >= requests {
        return Ok(());
    }
    let (budget_name, most_name) = (budget.name, most.name);
    let message = format!(
        "{budget_name} ({tokens}) is less than {most_name} ({requests}): their decodes would not fit into a step"
    );
    Err(Refused::new(&[budget, most], message).help(format!(
        "write {budget_name} = {requests} or more, or {most_name} = {tokens} or less"
    )))
}

/// Refuses a token budget that does not hold the longest request, which a server that cuts no prompt needs.
pub(super) fn refuse_uncut_prompts(budget: &Setting, tokens: u32, longest: u32) -> Result<(), Refused> {
    if tokens >= longest {
        return Ok(());
    }
    let name = budget.name;
    let message = format!(
        "without chunked prefill a step must hold the longest request: {name} ({tokens}) is less than max_model_len \
         ({longest}); vLLM refuses to start"
    );
    Err(Refused::new(&[budget], message).help(format!(
        "write {name} = {longest} or more, or chunked_prefill = true, or server.max_model_len = {tokens}"
    )))
}

/// A policy as lists, errors and documents show it.
#[derive(Clone, Copy, Debug)]
pub struct Description {
    /// The name in scenarios.
    pub name: &'static str,
    /// What a server that batches so does, in reports.
    pub title: &'static str,
    /// The engine that it follows.
    pub engine: &'static str,
    /// What it does, in a line.
    pub summary: &'static str,
    /// Its keys in `[batching]`.
    pub settings: &'static [&'static Setting],
    /// Whether its settings are read and noted whichever policy is used.
    pub is_always_read: bool,
    /// The file or the folder of `src/policy` in which it stands.
    pub module: &'static str,
}

impl Description {
    /// Describes a policy that stands in `module`.
    pub const fn of<R: Rules>(module: &'static str) -> Self {
        Self {
            name: R::NAME,
            title: R::TITLE,
            engine: R::ENGINE,
            summary: R::SUMMARY,
            settings: R::SETTINGS,
            is_always_read: R::IS_ALWAYS_READ,
            module,
        }
    }
}
