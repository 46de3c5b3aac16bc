//! `batching.async_scheduling`: whether a step is decided while the one before still runs.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::profile::Named;

/// Reads the switch. Its default is the profile's own, but off beside drafts: vLLM switches it off for some ways to
/// draft, and what it does with the others is not recorded.
pub fn read(fields: &Fields<'_>, profile: &Named, drafts: bool) -> Result<bool, Diagnostic> {
    let (default, why) = if drafts {
        (false, "drafts are verified step by step".to_owned())
    } else {
        (profile.switches.async_scheduling, profile.as_default())
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
    Ok(ahead)
}
