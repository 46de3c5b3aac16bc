//! The batching policies. A new one is a file beside this one, its `mod` line, and a line in this list; readers, names,
//! errors, engines, limits and documents take it from here.

use super::live::Memory;
use super::plan::Policy;
use super::planner::Planner;
use super::rules::{Change, Description, Host, LargestStep, Limits, Rules};
use crate::settings::{Kind, Refused, Setting, Variant, Word, Written, words};
use crate::step_time::EngineHost;

/// From `Variant(module::Rules)`, one a policy, to all that lists policies.
macro_rules! policies {
    ($($name:ident($module:ident::$rules:ident),)*) => {
        /// Which policy a server runs, with its settings.
        #[derive(Clone, Debug, PartialEq)]
        pub enum PolicySettings {
            $(
                #[doc = concat!("As `src/policy/", stringify!($module), "` describes it.")]
                $name(super::$module::$rules),
            )*
        }

        /// The batching policies, each as it describes itself.
        pub const POLICIES: [Description; [$(stringify!($name)),*].len()] =
            [$(Description::of::<super::$module::$rules>(stringify!($module))),*];

        macro_rules! of_whichever {
            ($settings:expr, $found:ident => $answer:expr) => {
                match $settings {
                    $(PolicySettings::$name($found) => $answer,)*
                }
            };
        }

        impl PolicySettings {
            /// Reads the settings of the policy with this name, which is one of [`POLICIES`].
            pub fn read<W: Written>(name: &str, written: &W, host: &Host<'_>) -> Result<Self, W::Error> {
                $(if name == super::$module::$rules::NAME {
                    return super::$module::$rules::read(written, host).map(Self::$name);
                })*
                unreachable!("there is no policy `{name}`")
            }

            /// The policy as it describes itself.
            pub fn description(&self) -> &'static Description {
                match self {
                    $(Self::$name(_) => const { &Description::of::<super::$module::$rules>(stringify!($module)) },)*
                }
            }

            /// These settings with their draws, if they have any, growing from `seed`.
            #[must_use]
            pub fn with_seed(self, seed: u64) -> Self {
                match self {
                    $(Self::$name(rules) => Self::$name(rules.with_seed(seed)),)*
                }
            }
        }
    };
}

policies! {
    None(none::NoBatching),
    Static(static_batch::StaticSettings),
    Continuous(vllm::ContinuousSettings),
    Orca(orca::OrcaSettings),
    Sarathi(sarathi::SarathiSettings),
    VllmV0(vllm_v0::VllmV0Settings),
    Tgi(tgi::TgiSettings),
    Trtllm(trtllm::TrtllmSettings),
    Sglang(sglang::SglangSettings),
}

/// The setting `batching.policy`: how requests are batched.
pub static POLICY: Setting =
    Setting::new("policy", Kind::Choice(&WORDS), "How requests are batched").default("\"continuous\"", "as vLLM");

/// The forms of `[batching]`, by policy. Keys of other policies than the one that is used may stand beside its own:
/// they are checked, and decide nothing.
pub static VARIANTS: [Variant; POLICIES.len()] = {
    let mut variants = [Variant {
        name: "",
        help: "",
        settings: &[],
    }; POLICIES.len()];
    let mut place = 0;
    while place < POLICIES.len() {
        let policy = POLICIES[place];
        variants[place] = Variant {
            name: policy.name,
            help: policy.summary,
            settings: policy.settings,
        };
        place += 1;
    }
    variants
};

static WORDS: [Word; POLICIES.len()] = words!(POLICIES, name, summary);

impl PolicySettings {
    /// Empty queues with the policy over them, in readable form.
    pub fn planner(&self, memory: Memory) -> Box<dyn Planner> {
        of_whichever!(self, rules => rules.planner(memory))
    }

    /// The policy alone, for queues over this memory, where it is nothing but a plan over plain queues.
    pub fn policy(&self, memory: Memory) -> Option<Box<dyn Policy>> {
        of_whichever!(self, rules => rules.policy(memory))
    }

    /// What decides whether a waiting request can be admitted.
    pub fn limits(&self) -> Limits {
        of_whichever!(self, rules => rules.limits())
    }

    /// The largest step that there may be, if no request has more than this many tokens.
    pub fn largest_step(&self, longest_request: u32) -> LargestStep {
        of_whichever!(self, rules => rules.largest_step(longest_request))
    }

    /// The most tokens that a request may come to before its output is cut.
    pub fn longest_request(&self, memory: &Memory) -> u32 {
        of_whichever!(self, rules => rules.longest_request(memory))
    }

    /// Changes that may raise the capacity of a server with this policy.
    pub fn remedies(&self) -> Vec<Change> {
        of_whichever!(self, rules => rules.remedies())
    }

    /// Whether the prefix cache is on; `None` if the policy has none.
    pub fn prefix_caching(&self) -> Option<bool> {
        of_whichever!(self, rules => rules.prefix_caching())
    }

    /// Tokens that a prefix cache finds together: a block of the server, or a page where the policy has its own.
    pub fn cached_together(&self, block_tokens: u32) -> u32 {
        of_whichever!(self, rules => rules.cached_together(block_tokens))
    }

    /// Whether a step is decided while the one before still runs.
    pub fn decides_ahead(&self) -> bool {
        of_whichever!(self, rules => rules.decides_ahead())
    }

    /// Whether the CPU's work on a step goes on while the GPU computes the one before.
    pub fn hides_cpu(&self) -> bool {
        of_whichever!(self, rules => rules.hides_cpu())
    }

    /// How its engine runs steps, where that is another one than vLLM.
    pub fn engine_host(&self) -> Option<EngineHost> {
        of_whichever!(self, rules => rules.engine_host())
    }

    /// Whether anything in it is drawn at random.
    pub fn draws_at_random(&self) -> bool {
        of_whichever!(self, rules => rules.draws_at_random())
    }

    /// Refuses a KV cache in which no request finds room; it holds one of the longest length.
    pub fn refuse_memory(&self, memory: &Memory) -> Result<(), Refused> {
        of_whichever!(self, rules => rules.refuse_memory(memory))
    }
}
