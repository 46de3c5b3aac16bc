//! `[budget]`: what may be spent in a day, and what becomes of requests beyond it.

use crate::config::files::price_file::MOST_DOLLARS;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::money::{Beyond, Budget};
use crate::settings::{Kind, Setting, Word};

/// The table `[budget]`: what may be spent in a day.
pub(super) const BUDGET: Setting = Setting::new(
    "budget",
    Kind::Table(&[&PER_DAY, &BEYOND]),
    "What may be spent in a day: results then say at what hour it is spent, and how many requests come after that. It \
     is worked out from the run and changes nothing in it",
);
const PER_DAY: Setting = Setting::new(
    "per_day",
    Kind::Positive { max: MOST_DOLLARS },
    "How much may be spent from midnight to midnight",
)
.unit("$")
.required("write per_day = 100, in dollars");
const BEYOND: Setting = Setting::new(
    "beyond",
    Kind::Choice(WORDS),
    "What becomes of requests that come when it is spent",
)
.default("\"refuse\"", "what costs nothing and is easily understood");
const WORDS: &[Word] = &[
    Word {
        name: "degrade",
        help: "Something cheaper answers them: a smaller model, a cache",
    },
    Word {
        name: "queue",
        help: "They wait until midnight",
    },
    Word {
        name: "refuse",
        help: "They are refused",
    },
];

/// Reads `[budget]`, if it is written.
pub fn read(root: &Fields<'_>) -> Result<Option<Budget>, Diagnostic> {
    let Some(fields) = root.optional_section(BUDGET.name)? else {
        return Ok(None);
    };
    let budget = Budget {
        per_day_dollars: fields.find(&PER_DAY)?.declared_number()?.needed()?,
        beyond: fields
            .find(&BEYOND)?
            .declared_choice(Beyond::ALL)?
            .or_default(Beyond::ALL),
    };
    fields.finish()?;
    Ok(Some(budget))
}
