//! `batching.async_scheduling`: whether a step is decided while the one before still runs.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::profile::Named;

/// Whether the engines that `run` drives can look ahead. Until they can, the default is off and `true` is refused.
const ENGINES_LOOK_AHEAD: bool = false;

/// Reads the switch. Its default is the profile's own, but off beside drafts: vLLM switches it off for some ways to draft, and what it does
/// with the others is not recorded.
pub fn read(fields: &Fields<'_>, profile: &Named, drafts: bool) -> Result<bool, Diagnostic> {
    let default = ENGINES_LOOK_AHEAD && profile.switches.async_scheduling && !drafts;
    let why = if !ENGINES_LOOK_AHEAD {
        "the only one".to_owned()
    } else if drafts {
        "drafts are verified step by step".to_owned()
    } else {
        profile.as_default()
    };
    let ahead = fields.key("async_scheduling")?.boolean()?.or(default, &why);
    if ahead && drafts {
        return Err(fields
            .error(
                "async_scheduling",
                "not supported: batching.async_scheduling = true beside batching.speculative",
            )
            .help("leave one of the two out: no recording shows what vLLM does with both"));
    }
    if ahead && !ENGINES_LOOK_AHEAD {
        return Err(fields
            .error(
                "async_scheduling",
                "not supported yet: batching.async_scheduling = true",
            )
            .help("write async_scheduling = false, or leave the key out"));
    }
    Ok(ahead)
}
