//! `server.warm_up`: a server that has just been started.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::fleet::FreshServer;
use crate::settings::{Kind, Setting};

/// The key `server.warm_up`: how a server is slow at first.
pub(super) const WARM_UP: Setting = Setting::new(
    "warm_up",
    Kind::Table(&KEYS),
    "A server that has just been started and compiles or tunes kernels when it first meets a shape: its steps take \
     longer until so many requests have come",
)
.depends("none: a server that has been used before");
static KEYS: [&Setting; 2] = [&REQUESTS, &FACTOR];
const REQUESTS: Setting = Setting::new(
    "requests",
    Kind::Count { min: 1, max: 1_000_000 },
    "Requests until whose last one, that one included, steps take longer",
)
.unit("requests")
.default(
    "50",
    "about as many as had slow steps in measured runs of models with experts",
);
const FACTOR: Setting = Setting::new(
    "factor",
    Kind::Number { min: 1.0, max: 1_000.0 },
    "How many times as long they take",
)
.default("10", "as measured there");

/// Reads `warm_up = { requests = 50, factor = 10 }`.
pub fn read(fields: &Fields<'_>) -> Result<Option<FreshServer>, Diagnostic> {
    let Some(table) = fields.find(&WARM_UP)?.table()? else {
        return Ok(None);
    };
    let fresh = FreshServer {
        requests: table.find(&REQUESTS)?.declared_count()?.or_default(),
        factor: table.find(&FACTOR)?.declared_number()?.or_default(),
    };
    table.finish()?;
    Ok(Some(fresh))
}
