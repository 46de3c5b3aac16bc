//! `workload.prefix`, `workload.prompt_pool` and `workload.session`: what prompts have in common.

use super::diagnostic::Diagnostic;
use super::document::Value;
use super::fields::Fields;
use super::key::Choice;
use super::lengths;
use crate::units::Span;
use crate::workload::{MOST_TOKENS, PoolOrder, PromptPool, Session, SharedPrefix, Think};

/// The length of each is kept in memory.
const MOST_PICKS: u32 = 1_000_000;
/// The prompts of a session take memory in proportion to the square of its turns.
const MOST_TURNS: u32 = 10_000;
const EQUALLY: &str = "all equally popular";

/// Reads `prefix = { pool = ..., tokens = ..., popularity = ... }`.
pub fn read_prefix(fields: &Fields<'_>) -> Result<SharedPrefix, Diagnostic> {
    let prefix = SharedPrefix {
        pool: fields
            .key("pool")?
            .count(1..=MOST_PICKS)?
            .or(1, "one that all requests share"),
        tokens: lengths::read_number_or_table(
            fields,
            "tokens",
            1..=MOST_TOKENS,
            "write tokens = 500, the length of a system prompt, or a distribution as for prompt",
        )?,
        popularity: fields.key("popularity")?.number(0.0..=100.0)?.or(0.0, EQUALLY),
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
    let size = fields
        .key("size")?
        .count(1..=MOST_PICKS)?
        .required("write size = 100, the number of different prompts")?;
    let order = fields
        .key("order")?
        .choice(&[("cycle", Order::Cycle), ("draw", Order::Draw)])?;
    let popularity = fields.key("popularity")?;
    // An exponent says that some are more popular than others, so it asks for draws.
    let (name, value, why) = if popularity.node.is_some() {
        ("draw", Order::Draw, "as popularity asks for it")
    } else {
        ("cycle", Order::Cycle, "one after the other")
    };
    let order = match order.or(Choice { name, value }, why).value {
        Order::Draw => PoolOrder::Draw {
            popularity: popularity.number(0.0..=100.0)?.or(0.0, EQUALLY),
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
        turns: lengths::read_number_or_table(
            fields,
            "turns",
            1..=MOST_TURNS,
            "write turns = 4, the requests of a session, or a distribution as for prompt",
        )?,
        think: read_think(fields)?,
    };
    fields.finish()?;
    Ok(session)
}

#[derive(Clone, Copy)]
enum ThinkKind {
    Fixed,
    Exponential,
}

/// Reads `think = "10s"` or `think = { dist = "exponential", mean = "10s" }`.
fn read_think(fields: &Fields<'_>) -> Result<Think, Diagnostic> {
    let key = fields.key("think")?;
    if !matches!(key.node.map(|node| &node.value), Some(Value::Table(_))) {
        return Ok(Think::Fixed(key.duration()?.or(Span::ZERO, "no pause")));
    }
    let fields = key.table()?.expect("the key has a value");
    let kind = fields
        .key("dist")?
        .choice(&[("fixed", ThinkKind::Fixed), ("exponential", ThinkKind::Exponential)])?;
    let think = match kind
        .required("write think = { dist = \"exponential\", mean = \"10s\" }, or think = \"10s\"")?
        .value
    {
        ThinkKind::Fixed => Think::Fixed(fields.key("value")?.duration()?.required("write value = \"10s\"")?),
        ThinkKind::Exponential => Think::Exponential {
            mean: fields.key("mean")?.duration()?.required("write mean = \"10s\"")?,
        },
    };
    fields.finish()?;
    Ok(think)
}
