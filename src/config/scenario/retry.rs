//! `[client.retry]`: whether and how clients send again what came to nothing.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::fleet::Retry;
use crate::settings::{Kind, Setting};
use crate::units::Span;

/// The table `client.retry`.
pub(super) const RETRY: Setting = Setting::new(
    "retry",
    Kind::Table(&[&MAX, &BACKOFF, &FACTOR, &MAX_BACKOFF, &JITTER, &BUDGET]),
    "Clients send a request again that was refused, lost or given up; all keys may be left out",
)
.depends("clients send each request once");
const MAX: Setting = Setting::new(
    "max",
    Kind::Count { min: 0, max: 100 },
    "How often a request is sent again at most; 0 for never",
)
.default("2", "as the OpenAI client for Python does, max_retries = 2");
const BACKOFF: Setting = Setting::new("backoff", Kind::Duration, "The pause before the first retry")
    .default("\"500ms\"", "as the OpenAI client does");
const FACTOR: Setting = Setting::new(
    "factor",
    Kind::Number { min: 1.0, max: 100.0 },
    "How many times longer each pause is than the one before",
)
.default("2.0", "as the OpenAI client does");
const MAX_BACKOFF: Setting = Setting::new("max_backoff", Kind::Duration, "The longest pause, before jitter")
    .default("\"8s\"", "as the OpenAI client does");
const JITTER: Setting = Setting::new(
    "jitter",
    Kind::Number { min: 0.0, max: 1.0 },
    "The part of a pause that is left out at random: a pause is drawn from 1 - jitter to 1 times its length",
)
.default("0.25", "as the OpenAI client does");
const BUDGET: Setting = Setting::new(
    "budget",
    Kind::Number { min: 0.0, max: 100.0 },
    "How many retries there may be for each request that is sent, over all clients, such as 0.1 for one in ten; ten \
     more may be saved up. A request whose retry the budget forbids fails",
)
.depends("as many as `max` allows");

/// A longer one could carry the clock past its end.
const LONGEST_PAUSE_S: f64 = 86_400.0;

/// Reads the table; where it is not written, clients do as usual.
pub fn read(client: &Fields<'_>, usual: Option<Retry>) -> Result<Option<Retry>, Diagnostic> {
    let Some(fields) = client.table(&RETRY)? else {
        return Ok(usual);
    };
    let retry = Retry {
        max: fields.find(&MAX)?.declared_count()?.or_default(),
        backoff: pause(&fields, &BACKOFF)?,
        factor: fields.find(&FACTOR)?.declared_number()?.or_default(),
        longest: pause(&fields, &MAX_BACKOFF)?,
        jitter: fields.find(&JITTER)?.declared_number()?.or_default(),
        budget: fields.find(&BUDGET)?.declared_number()?.optional(),
    };
    fields.finish()?;
    Ok(Some(retry).filter(|retry| retry.max > 0))
}

fn pause(fields: &Fields<'_>, setting: &'static Setting) -> Result<Span, Diagnostic> {
    let pause = fields.find(setting)?.duration()?.or_default();
    if pause.seconds() > LONGEST_PAUSE_S {
        let message = format!("`{}.{}` is longer than a day", fields.path(), setting.name);
        let help = format!("write how long a client pauses, such as {} = \"2s\"", setting.name);
        return Err(fields.error(setting.name, message).help(help));
    }
    Ok(pause)
}
