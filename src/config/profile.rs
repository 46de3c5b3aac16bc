//! `batching.profile`: which release of vLLM the defaults are of. Each switch may also be written by itself, and then
//! stands.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::key::Choice;
use crate::policy::ContinuousSettings;
use crate::policy::vllm::{PROFILES, Profile};

/// A release and its switches.
#[derive(Clone, Copy, Debug)]
pub struct Named {
    name: &'static str,
    /// The switches.
    pub switches: Profile,
}

impl Named {
    /// Why a default is what it is.
    pub fn as_default(&self) -> String {
        format!("{}'s default", self.name)
    }
}

/// Reads the profile, on which other sections depend too.
pub fn read(fields: &Fields<'_>) -> Result<Named, Diagnostic> {
    let known = PROFILES.map(|(name, release)| (name, Profile::of_release(release)));
    let (name, value) = known[0];
    let chosen = fields
        .key("profile")?
        .choice(&known)?
        .or(Choice { name, value }, "the newest recorded");
    Ok(Named {
        name: chosen.name,
        switches: chosen.value,
    })
}

/// Reads the switches in which releases differ into `settings`.
pub fn read_switches(
    fields: &Fields<'_>,
    profile: &Named,
    settings: &mut ContinuousSettings,
) -> Result<(), Diagnostic> {
    let why = profile.as_default();
    let switch = |name, aliases, default| -> Result<bool, Diagnostic> {
        let written = fields.key_or_alias(name, aliases)?.boolean()?;
        Ok(written.or(default, &why))
    };
    let of = profile.switches;
    settings.full_sequence_gate = switch(
        "full_sequence_gate",
        &["scheduler_reserve_full_isl"],
        of.full_sequence_gate,
    )?;
    settings.keyless_first = switch("keyless_first", &[], of.keyless_first)?;
    settings.threshold_spares_alone = switch("threshold_spares_alone", &[], of.threshold_spares_alone)?;
    settings.goes_on_after_self_preemption =
        switch("goes_on_after_self_preemption", &[], of.goes_on_after_self_preemption)?;
    Ok(())
}

/// Refuses a watermark where the release has none, and one of all blocks, as `SchedulerConfig` does (`lt=1.0`).
pub fn refuse_watermark(fields: &Fields<'_>, profile: &Named, watermark: f64) -> Result<(), Diagnostic> {
    if watermark >= 1.0 {
        let message = format!(
            "`{}.watermark` must be below 1: it keeps every block free",
            fields.path()
        );
        return Err(fields
            .error("watermark", message)
            .help("write watermark = 0.01, the part of the blocks that an admission leaves free"));
    }
    if watermark == 0.0 || profile.switches.has_watermark {
        return Ok(());
    }
    let message = format!("{} has no watermark; it came with 0.25", profile.name);
    Err(fields
        .error("watermark", message)
        .help("write watermark = 0, or profile = \"vllm-0.33\""))
}
