//! `workload.warm_up`: what of a run is left out of its numbers, as the server was empty at first.

use super::operation::WarmUp;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::Value;
use crate::config::reader::fields::Fields;
use crate::settings::{Kind, Setting, Word};

/// The key `workload.warm_up`: what is left out of latencies, throughput and queue depths.
pub(super) const WARM_UP: Setting = Setting::new(
    "warm_up",
    Kind::Either(&[
        Kind::Choice(&[
            Word {
                name: "auto",
                help: "The time that the server takes to fill, found by MSER-5 on the requests that each arrival finds \
                       (half of the run at most), and what comes after the last arrival",
            },
            Word {
                name: "none",
                help: "Nothing: the numbers are of the whole run",
            },
        ]),
        Kind::Duration,
    ]),
    "What of a run is left out of latencies, throughput and queue depths, or for how long",
)
.depends(
    "auto for arrivals whose rate does not change, none for traces, stages, at_once, measured runs, and closed loops \
     without pauses, of which load generators report all",
);

const HELP: &str = "write warm_up = \"auto\", \"none\" or a length of time, such as \"30s\"";

/// Reads `warm_up`; `is_stationary` if arrivals have the same rate throughout, `is_of_load_generator` if they are those
/// of clients who never pause.
pub fn read(fields: &Fields<'_>, is_stationary: bool, is_of_load_generator: bool) -> Result<WarmUp, Diagnostic> {
    let key = fields.find(&WARM_UP)?;
    let Some(node) = key.node else {
        let usual = match is_stationary {
            true if is_of_load_generator => Some(("none", "load generators report all of a closed loop")),
            true => Some(("auto", "arrivals have the same rate throughout")),
            false => None,
        };
        if let Some((usual, because)) = usual {
            key.text()?.or(usual.to_owned(), because);
        }
        return Ok(WarmUp::Usual);
    };
    let Value::Text(word) = &node.value else {
        return Err(fields
            .error("warm_up", "`workload.warm_up` must be a word or a length of time")
            .help(HELP));
    };
    let warm_up = match word.as_str() {
        "auto" if !is_stationary => {
            let message = "a warm-up can be found only where arrivals have the same rate throughout";
            return Err(fields
                .error("warm_up", message)
                .help("write warm_up = \"30s\" or \"none\""));
        }
        "auto" => WarmUp::Found,
        "none" => WarmUp::Kept,
        _ => {
            let span = key.duration().map_err(|error| error.help(HELP))?;
            return Ok(span.optional().map_or(WarmUp::Usual, WarmUp::Before));
        }
    };
    key.text()?.optional();
    Ok(warm_up)
}
