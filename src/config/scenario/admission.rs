//! `[admission]`: what is let in.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::fleet::Admission;
use crate::settings::{Kind, Setting};
use crate::units::Span;
use crate::workload::MOST_TOKENS;

/// The table `[admission]`: what is let in, and what is refused.
pub(super) const ADMISSION: Setting = Setting::new(
    "admission",
    Kind::Table(&[&MAX_QUEUE, &REJECT, &RETRY_AFTER, &MAX_PROMPT, &MAX_TOKENS]),
    "What is let in; everything, if nothing is written",
);
/// The key `max_queue`, which a class of traffic has too.
pub(super) const MAX_QUEUE: Setting = Setting::new(
    "max_queue",
    Kind::Count {
        min: 1,
        max: 10_000_000,
    },
    "How many requests may wait on a server, or at the router where they wait there; those that would wait behind them \
     are refused, and may be sent again",
)
.unit("requests")
.depends("as many wait as come");
const REJECT: Setting = Setting::new(
    "reject",
    Kind::Integer { min: 429, max: 503 },
    "What they are refused with: 429 (too many requests) or 503 (service unavailable). Clients try again after either",
)
.unit("HTTP status")
.default("503", "what gateways say of a server that is overloaded");
const RETRY_AFTER: Setting = Setting::new(
    "retry_after",
    Kind::Duration,
    "How long clients who were refused are asked to wait at least before they try again, as by the header Retry-After",
)
.depends("they pause as `client.retry` says");
const MAX_PROMPT: Setting = Setting::new(
    "max_prompt",
    Kind::Count {
        min: 1,
        max: MOST_TOKENS,
    },
    "The longest prompt that is let in; requests with longer ones are rejected for good",
)
.unit("tokens")
.depends("as the servers allow");
const MAX_TOKENS: Setting = Setting::new(
    "max_tokens",
    Kind::Count {
        min: 1,
        max: MOST_TOKENS,
    },
    "The most output that a request may have; longer outputs are cut there",
)
.unit("tokens")
.depends("as the servers allow");

/// A longer one is none.
const LONGEST_PAUSE_S: f64 = 86_400.0;

/// Reads how many may wait, of all classes or for one.
pub fn read_max_queue(fields: &Fields<'_>) -> Result<Option<u32>, Diagnostic> {
    Ok(fields.find(&MAX_QUEUE)?.declared_count()?.optional())
}

/// Reads the rest of the table; `refuses` if somebody may be refused.
pub fn read(fields: &Fields<'_>, refuses: bool) -> Result<Admission, Diagnostic> {
    let status = fields.find(&REJECT)?.declared_integer()?;
    let retry_after = fields.find(&RETRY_AFTER)?.duration()?;
    for (setting, is_written) in [
        (&REJECT, status.value().is_some()),
        (&RETRY_AFTER, retry_after.value().is_some()),
    ] {
        if is_written && !refuses {
            let message = format!(
                "`admission.{}` is for those who are refused, and nobody is",
                setting.name
            );
            let help = "write max_queue = 100, how many may wait, or leave the key out";
            return Err(fields.error(setting.name, message).help(help));
        }
    }
    if status.value().is_some_and(|status| status != 429 && status != 503) {
        let message = "`admission.reject` must be 429 or 503";
        return Err(fields.error(REJECT.name, message));
    }
    if retry_after
        .value()
        .is_some_and(|pause: Span| pause.seconds() > LONGEST_PAUSE_S)
    {
        let message = "`admission.retry_after` is longer than a day";
        return Err(fields
            .error(RETRY_AFTER.name, message)
            .help("write retry_after = \"5s\""));
    }
    let status = if refuses { Some(status.or_default()) } else { None };
    let admission = Admission {
        status: status.map(|status| status as u16),
        retry_after: retry_after.optional(),
        max_prompt: fields.find(&MAX_PROMPT)?.declared_count()?.optional(),
        max_tokens: fields.find(&MAX_TOKENS)?.declared_count()?.optional(),
    };
    fields.finish()?;
    Ok(admission)
}
