//! `[client]`: what clients do while they wait.

use super::retry::{self, RETRY};
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Found;
use crate::fleet::ClientRules;
use crate::settings::{Kind, Setting};
use crate::units::Span;
use crate::workload::trace::MOST_CONCURRENCY;

/// The table `[client]`: what clients do while they wait.
pub(super) const CLIENT: Setting = Setting::new("client", Kind::Table(KEYS), "What clients do while they wait");
/// Its keys, which a class of traffic has too.
pub(super) const KEYS: &[&Setting] = &[&TIMEOUT, &MAX_OUTSTANDING, &HEDGE_AFTER, &CANCEL, &RETRY];
/// The key `timeout`, which `[workload]` has too.
pub(super) const TIMEOUT: Setting = Setting::new(
    "timeout",
    Kind::Duration,
    "How long a client waits for the whole of an answer once its request is sent, or sent again, at most 10 days",
)
.depends("clients wait for ever");
/// The key `client.max_outstanding`.
pub(super) const MAX_OUTSTANDING: Setting = Setting::new(
    "max_outstanding",
    Kind::Count {
        min: 1,
        max: MOST_CONCURRENCY,
    },
    "How many requests are outstanding at most: others that are due wait at the client, which no latency of theirs \
     counts, as with vllm bench serve --max-concurrency",
)
.unit("requests")
.depends("a request is sent when it is due");

/// The key `client.hedge_after`.
const HEDGE_AFTER: Setting = Setting::new(
    "hedge_after",
    Kind::Duration,
    "How long after a request is sent its client sends it to a second server too, if no whole answer has come: the \
     answer that is complete first counts, and the other attempt is withdrawn",
)
.depends("no request is at two servers");
/// The key `client.cancel`.
const CANCEL: Setting = Setting::new(
    "cancel",
    Kind::Boolean,
    "Whether a server hears that nobody waits for an attempt any more, and stops working on it",
)
.default("true", "vLLM aborts a request whose client hangs up");

/// A longer one could carry the clock past its end.
const LONGEST_TIMEOUT_S: f64 = 10.0 * 86_400.0;

/// Reads how many requests may be outstanding at once.
pub fn read_max_outstanding(fields: &Fields<'_>) -> Result<Option<u32>, Diagnostic> {
    Ok(fields.find(&MAX_OUTSTANDING)?.declared_count()?.optional())
}

/// Reads what clients do beside waiting; where nothing is written, as usual.
pub fn read_rules(fields: &Fields<'_>, usual: ClientRules) -> Result<ClientRules, Diagnostic> {
    let hedge_after = fields.find(&HEDGE_AFTER)?.duration()?;
    if hedge_after.value() == Some(Span::ZERO) {
        let message = format!("`{}.hedge_after` must be longer than nothing", fields.path());
        let help = "write how long a client waits before it asks a second server, such as hedge_after = \"2s\"";
        return Err(fields.error(HEDGE_AFTER.name, message).help(help));
    }
    Ok(ClientRules {
        retry: retry::read(fields, usual.retry)?,
        hedge_after: hedge_after.optional().or(usual.hedge_after),
        cancel: fields.find(&CANCEL)?.boolean()?.optional().unwrap_or(usual.cancel),
    })
}

/// Reads how long clients wait, which may be written in `[client]` or in `[workload]`: as of two spellings of a key,
/// the one from the later text rules.
pub fn read_timeout(client: &Fields<'_>, workload: &Fields<'_>) -> Result<Option<Span>, Diagnostic> {
    let own = timeout_in(client)?;
    let alias = timeout_in(workload)?;
    let text = |timeout: &Found<'_, Span>| timeout.place().map(|place| place.text);
    match (text(&own), text(&alias)) {
        (Some(one), Some(other)) if one == other => {
            let message = "`client.timeout` and `workload.timeout` are the same";
            Err(client.error("timeout", message).help("keep one of the two"))
        }
        (one, other) if one > other => Ok(own.optional()),
        _ => Ok(alias.optional()),
    }
}

fn timeout_in<'a>(fields: &Fields<'a>) -> Result<Found<'a, Span>, Diagnostic> {
    let timeout = fields.find(&TIMEOUT)?.duration()?;
    let wrong = match timeout.value() {
        Some(Span::ZERO) => "must be longer than nothing",
        Some(span) if span.seconds() > LONGEST_TIMEOUT_S => "is longer than 10 days",
        _ => return Ok(timeout),
    };
    let help = "write how long a client waits for its answer, such as timeout = \"300s\", or leave the key out";
    let message = format!("`{}.timeout` {wrong}", fields.path());
    Err(fields.error("timeout", message).help(help))
}
