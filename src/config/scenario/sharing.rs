//! `workload.prefix`, `workload.prompt_pool` and `workload.session`: what prompts have in common.

use super::lengths;
use super::think::{self, THINK};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Choice;
use crate::settings::{Kind, Setting, Word};
use crate::workload::{MOST_TOKENS, PoolOrder, PromptPool, Session, SharedPrefix};

/// The length of each is kept in memory.
const MOST_PICKS: u32 = 1_000_000;
/// The prompts of a session take memory in proportion to the square of its turns.
const MOST_TURNS: u32 = 10_000;
const EQUALLY: &str = "all equally popular";

/// The key `workload.prefix`: text that prompts start with and share.
pub(super) const PREFIX: Setting = Setting::new(
    "prefix",
    Kind::Table(&[&POOL, &PREFIX_TOKENS, &PREFIX_POPULARITY]),
    "Text that prompts start with and share, such as a system prompt; prompt lengths come after it",
);
const POOL: Setting = Setting::new("pool", PICKS, "How many different prefixes there are")
    .unit("prefixes")
    .default("1", "one that all requests share");
const PICKS: Kind = Kind::Count {
    min: 1,
    max: MOST_PICKS,
};
const PREFIX_TOKENS: Setting = Setting::new(
    "tokens",
    Kind::Either(&[
        Kind::Count {
            min: 1,
            max: MOST_TOKENS,
        },
        lengths::DISTRIBUTION,
    ]),
    "How long a prefix is",
)
.unit("tokens")
.required("write tokens = 500, the length of a system prompt, or a distribution as for prompt");
const PREFIX_POPULARITY: Setting = Setting::new(
    "popularity",
    EXPONENT,
    "The exponent of Zipf's law by which some prefixes are more popular than others",
)
.default("0", EQUALLY);
const EXPONENT: Kind = Kind::Number { min: 0.0, max: 100.0 };

/// The key `workload.prompt_pool`: whole prompts that are sent again and again.
pub(super) const PROMPT_POOL: Setting = Setting::new(
    "prompt_pool",
    Kind::Table(&[&SIZE, &ORDER, &POPULARITY]),
    "Whole prompts that are sent again and again, as by load generators with a file of prompts",
);
const SIZE: Setting = Setting::new("size", PICKS, "How many different prompts there are")
    .unit("prompts")
    .required("write size = 100, the number of different prompts");
const ORDER: Setting = Setting::new(
    "order",
    Kind::Choice(&[
        Word {
            name: "cycle",
            help: "One after the other, from the first again after the last",
        },
        Word {
            name: "draw",
            help: "Drawn at random",
        },
    ]),
    "Which prompt is next",
)
.depends("draw if popularity is written, else cycle");
const POPULARITY: Setting = Setting::new(
    "popularity",
    EXPONENT,
    "The exponent of Zipf's law by which some prompts are drawn more often than others; needs order = \"draw\"",
)
.default("0", EQUALLY);

/// The key `workload.session`: conversations, whose requests carry what was said before.
pub(super) const SESSION: Setting = Setting::new(
    "session",
    Kind::Table(&[&TURNS, &THINK]),
    "Conversations: each request but the first carries what was said before",
);
const TURNS: Setting = Setting::new(
    "turns",
    Kind::Either(&[
        Kind::Count {
            min: 1,
            max: MOST_TURNS,
        },
        lengths::DISTRIBUTION,
    ]),
    "How many requests a session has",
)
.unit("requests")
.required("write turns = 4, the requests of a session, or a distribution as for prompt");

/// Reads `prefix = { pool = ..., tokens = ..., popularity = ... }`.
pub fn read_prefix(fields: &Fields<'_>) -> Result<SharedPrefix, Diagnostic> {
    let prefix = SharedPrefix {
        pool: fields.find(&POOL)?.declared_count()?.or_default(),
        tokens: lengths::read_number_or_table(fields, &PREFIX_TOKENS)?,
        popularity: fields.find(&PREFIX_POPULARITY)?.declared_number()?.or_default(),
    };
    fields.finish()?;
    Ok(prefix)
}

#[derive(Clone, Copy)]
enum Order {
    Cycle,
    Draw,
}

/// Reads `prompt_pool = { size = ..., order = ..., popularity = ... }`.
pub fn read_prompt_pool(fields: &Fields<'_>) -> Result<PromptPool, Diagnostic> {
    let size = fields.find(&SIZE)?.declared_count()?.needed()?;
    let order = fields.find(&ORDER)?.declared_choice([Order::Cycle, Order::Draw])?;
    let popularity = fields.find(&POPULARITY)?;
    // An exponent says that some are more popular than others, so it asks for draws.
    let (name, value, why) = if popularity.node.is_some() {
        ("draw", Order::Draw, "as popularity asks for it")
    } else {
        ("cycle", Order::Cycle, "one after the other")
    };
    let order = match order.or(Choice { name, value }, why).value {
        Order::Draw => PoolOrder::Draw {
            popularity: popularity.declared_number()?.or_default(),
        },
        Order::Cycle if popularity.node.is_some() => {
            let message = format!("`{}` needs order = \"draw\"", popularity.path);
            return Err(fields
                .error("popularity", message)
                .help("write order = \"draw\", or remove popularity"));
        }
        Order::Cycle => PoolOrder::Cycle,
    };
    fields.finish()?;
    Ok(PromptPool { size, order })
}

/// Reads `session = { turns = ..., think = ... }`.
pub fn read_session(fields: &Fields<'_>) -> Result<Session, Diagnostic> {
    let session = Session {
        turns: lengths::read_number_or_table(fields, &TURNS)?,
        think: think::read(fields)?,
    };
    fields.finish()?;
    Ok(session)
}
