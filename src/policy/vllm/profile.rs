//! What sets the releases of vLLM apart: one table from which profiles and recordings take their switches.
//!
//! Found by reading the releases' sources and, for 0.33, 0.19 and 0.11, by recording their schedulers; where only a
//! range of releases is known, the change is taken to come with the last of the range. The limits' defaults
//! (`max_num_seqs`, `max_num_batched_tokens`) are not part of it: they are those of 0.33 under every profile.

use crate::settings::{Kind, Setting, Word, Written};

/// The releases that a scenario can name, newest first: the name and the 33 of "0.33".
pub const PROFILES: [(&str, u32); 4] = [
    ("vllm-0.33", 33),
    ("vllm-0.19", 19),
    ("vllm-0.15", 15),
    ("vllm-0.11", 11),
];

/// The setting `batching.profile`: the release of vLLM that defaults come from.
pub static PROFILE: Setting = Setting::new(
    "profile",
    Kind::Choice(&WORDS),
    "Which release of vLLM the defaults are of; each switch may also be written by itself, and then stands",
)
.default("\"vllm-0.33\"", "the newest recorded");

static WORDS: [Word; PROFILES.len()] = {
    let mut words = [Word {
        name: "",
        help: "The release of this name",
    }; PROFILES.len()];
    let mut place = 0;
    while place < PROFILES.len() {
        words[place].name = PROFILES[place].0;
        place += 1;
    }
    words
};

/// A release and its switches.
#[derive(Clone, Copy, Debug)]
pub struct NamedProfile {
    /// The release, as scenarios name it.
    pub name: &'static str,
    /// What this release does differently from others.
    pub switches: Profile,
}

impl NamedProfile {
    /// Reads the release that `batching.profile` names, with its switches.
    pub fn read<W: Written>(written: &W) -> Result<Self, W::Error> {
        let (name, release) = written.declared_choice(&PROFILE, &PROFILES)?;
        Ok(Self {
            name,
            switches: Profile::of_release(release),
        })
    }

    /// Why a default is what it is.
    pub fn as_default(&self) -> String {
        format!("{}'s default", self.name)
    }
}

/// The switches of one release.
#[derive(Clone, Copy, Debug, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "switches of the scheduler")]
pub struct Profile {
    /// Whether a request is admitted only if all its tokens fit now (`scheduler_reserve_full_isl`; since 0.19).
    pub full_sequence_gate: bool,
    /// Whether freed blocks without content are taken first (since 0.25).
    pub keyless_first: bool,
    /// Whether there is a `watermark` (since 0.25).
    pub has_watermark: bool,
    /// Whether the long-prefill threshold does not hold for a request that is alone (since 0.31).
    pub threshold_spares_alone: bool,
    /// Whether, under priorities, others are still scheduled after a request has preempted itself (since 0.33).
    pub goes_on_after_self_preemption: bool,
    /// The default of `async_scheduling` (on since 0.14).
    pub async_scheduling: bool,
    /// The default of `gpu_memory_utilization` (0.92 since 0.22, 0.9 before).
    pub gpu_memory_utilization: f64,
}

impl Profile {
    /// The newest release.
    pub const NEWEST: Self = Self::of_release(PROFILES[0].1);

    /// The switches of release 0.`minor`.
    pub const fn of_release(minor: u32) -> Self {
        Self {
            full_sequence_gate: minor >= 19,
            keyless_first: minor >= 25,
            has_watermark: minor >= 25,
            threshold_spares_alone: minor >= 31,
            goes_on_after_self_preemption: minor >= 33,
            async_scheduling: minor >= 14,
            gpu_memory_utilization: if minor >= 22 { 0.92 } else { 0.9 },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_with_their_release_and_stay() {
        let of = Profile::of_release;
        assert!(!of(18).full_sequence_gate && of(19).full_sequence_gate);
        assert!(!of(24).keyless_first && of(25).keyless_first);
        assert!(!of(24).has_watermark && of(25).has_watermark);
        assert!(!of(30).threshold_spares_alone && of(31).threshold_spares_alone);
        assert!(!of(32).goes_on_after_self_preemption && of(33).goes_on_after_self_preemption);
        let ahead = PROFILES.map(|(_, release)| of(release).async_scheduling);
        assert_eq!(ahead, [true, true, true, false]);
        assert_eq!(Profile::NEWEST, of(33));
    }
}
