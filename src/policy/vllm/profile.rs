//! What sets the releases of vLLM apart: one table from which profiles and recordings take their switches.
//!
//! Found by reading the releases' sources (0.15, 0.19, 0.25, 0.28, 0.33) and, for 0.33, 0.19 and 0.11, by recording
//! their schedulers; start-up logs and measured runs say more of 0.15 to 0.19. Where only a range of releases is known,
//! the change is taken to come with the last of the range.

use crate::hardware::{CacheSizing, KvGroupRules, KvScheduling, SamplerRun, StartUp};
use crate::policy::speculative::{DraftPadding, DraftRules};
use crate::settings::{Kind, Setting, Word, Written, words};
use crate::step_time::{EngineHost, TopPSearch};

/// The releases that a scenario can name, newest first: the name, the 33 of "0.33", and how it is known.
pub const PROFILES: [(&str, u32, &str); 23] = [
    ("vllm-0.33", 33, RECORDED),
    ("vllm-0.32", 32, BETWEEN),
    ("vllm-0.31", 31, BETWEEN),
    ("vllm-0.30", 30, BETWEEN),
    ("vllm-0.29", 29, BETWEEN),
    ("vllm-0.28", 28, READ),
    ("vllm-0.27", 27, BETWEEN),
    ("vllm-0.26", 26, BETWEEN),
    ("vllm-0.25", 25, READ),
    ("vllm-0.24", 24, BETWEEN),
    ("vllm-0.23", 23, BETWEEN),
    ("vllm-0.22", 22, BETWEEN),
    ("vllm-0.21", 21, BETWEEN),
    ("vllm-0.20", 20, BETWEEN),
    ("vllm-0.19", 19, MEASURED_AND_RECORDED),
    ("vllm-0.18", 18, LOGGED),
    ("vllm-0.17", 17, LOGGED),
    ("vllm-0.16", 16, BETWEEN),
    ("vllm-0.15", 15, MEASURED),
    ("vllm-0.14", 14, BETWEEN),
    ("vllm-0.13", 13, BETWEEN),
    ("vllm-0.12", 12, BETWEEN),
    ("vllm-0.11", 11, RECORDED),
];

/// The release of SGLang that a scenario can name beside its policy: the name, the release of vLLM whose memory and
/// kernels its steps are taken to have where nothing else is known, and how it is known.
const OF_SGLANG: (&str, u32, &str) = (
    "sglang-0.5.23",
    33,
    "SGLang's release, under policy sglang only: its scheduler is recorded, its sources are read",
);

const RECORDED: &str = "Its scheduler is recorded, its sources are read";
const READ: &str = "Its sources are read; its memory is derived from them, and compared with no log";
const MEASURED_AND_RECORDED: &str = "Its scheduler is recorded, its sources are read, its memory is held to logs";
const MEASURED: &str = "Its sources are read, its memory and its step times are held to measured servers";
const LOGGED: &str = "Its memory is held to logs; else as the releases before and after it that were read";
const BETWEEN: &str = "As the releases before and after it that were read: derived";

/// The setting `batching.profile`: the release of vLLM that defaults come from.
pub static PROFILE: Setting = Setting::new(
    "profile",
    Kind::Choice(&WORDS),
    "Which release the defaults are of, and what steps and memory depend on; each switch may also be written \
     by itself, and then stands",
)
.default("\"vllm-0.33\"", "the newest recorded");

/// All that may be written, those of vLLM first.
const ALL: [(&str, u32, &str); PROFILES.len() + 1] = {
    let mut all = [OF_SGLANG; PROFILES.len() + 1];
    let mut place = 0;
    while place < PROFILES.len() {
        all[place] = PROFILES[place];
        place += 1;
    }
    all
};

static WORDS: [Word; ALL.len()] = words!(ALL, 0, 2);

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
        let (name, release, _) = written.declared_choice(&PROFILE, &ALL)?;
        Ok(Self {
            name,
            switches: Profile::of_release(release),
        })
    }

    /// The engine in reports: `vLLM 0.33`.
    pub fn engine(&self) -> String {
        self.name.replace("vllm-", "vLLM ")
    }

    /// Whether it is the release of an engine other than vLLM.
    pub fn is_of_sglang(&self) -> bool {
        self.name == OF_SGLANG.0
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
    /// Whether look-ahead hides the CPU's work on a step behind the GPU's (since 0.14, where it became the default).
    /// Before, it decides ahead, but servers on H100 take as long as if it did not: closed loops of Llama-3.1-70B on
    /// 0.10.2 with look-ahead (aiconfigurator @ 095f58a, published flags of `InferenceX`). On B200 the same release
    /// hides it, in Llama-3.1-70B and in gpt-oss-120b: what is left of a step there beside its kernels is less than
    /// 0.3 ms.
    pub hides_cpu: bool,
    /// How drafts are treated.
    pub drafts: DraftSwitches,
    /// The default of `gpu_memory_utilization` (0.92 since 0.22, 0.9 before).
    pub gpu_memory_utilization: f64,
    /// The default of `max_num_batched_tokens` of an API server on GPUs of 160 GiB and more (16,384 since 0.28, 8,192
    /// before as on those of 70 GiB; `engine/arg_utils.py`, `get_batch_defaults`).
    pub tokens_on_largest_gpus: u32,
    /// Fewer requests than this in a step are sorted where they ask for top-p: all to 0.16, fewer than 8 to 0.19,
    /// beside which Triton masks, and none where `FlashInfer` came, taken to be 0.20
    /// (`v1/sample/ops/topk_topp_sampler.py`).
    pub sorts_below: u32,
    /// Whether experts in mxfp4 run in `OpenAI`'s Triton kernels on Hopper (since 0.24, by the kernels that its tables
    /// name; servers with 0.22 and before ran Marlin).
    pub has_triton_mxfp4: bool,
    /// How the most probable tokens are found in others.
    pub search: TopPSearch,
    /// What happens before the memory is divided.
    pub start_up: StartUp,
    /// How steps are run.
    pub host: EngineHost,
}

/// How a release treats drafts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DraftSwitches {
    /// Whether blocks that a head drafts from are kept by keys that cover the next token too, so that a hit loses none
    /// of them (since 0.33; `disable_lookahead_block_hashes`). Before, every hit lost its last block.
    pub lookahead_keys: bool,
    /// Places that each request takes of a step's tokens beside its own if a model drafts (since 0.19).
    pub draft_model_slots: u32,
    /// Whether steps are decided ahead beside draft models too (since 0.28). Beside EAGLE and MTP they are wherever
    /// look-ahead is the default.
    pub look_ahead_beside_models: bool,
    /// Whether steps are decided ahead beside n-grams too (since 0.33).
    pub look_ahead_beside_ngrams: bool,
    /// Whatever proposes them. Single tokens are filled up beside decoders since 0.25, and after a hit since 0.33; to
    /// 0.25 a step's tokens are fewer by the slots of all requests that may run (`_set_max_num_scheduled_tokens`); the
    /// first step needs room for the look-ahead since 0.25; blocks of accepted drafts are named at a step's end since
    /// 0.33.
    pub rules: DraftRules,
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
            hides_cpu: minor >= 14,
            drafts: draft_switches_of(minor),
            gpu_memory_utilization: if minor >= 22 { 0.92 } else { 0.9 },
            tokens_on_largest_gpus: if minor >= 28 { 16_384 } else { 8_192 },
            sorts_below: match minor {
                0..=16 => u32::MAX,
                17..=19 => 8,
                _ => 0,
            },
            has_triton_mxfp4: minor >= 24,
            search: if minor < 20 {
                TopPSearch::TRITON
            } else {
                TopPSearch::FLASHINFER
            },
            start_up: start_up_of(minor),
            host: EngineHost::vllm(minor),
        }
    }
}

/// How release 0.`minor` treats drafts (`v1/core/sched/scheduler.py`, `config/vllm.py`, of 0.15, 0.19, 0.25, 0.28 and
/// 0.33).
const fn draft_switches_of(minor: u32) -> DraftSwitches {
    DraftSwitches {
        lookahead_keys: minor >= 33,
        draft_model_slots: if minor >= 19 { 1 } else { 0 },
        look_ahead_beside_models: minor >= 28,
        look_ahead_beside_ngrams: minor >= 33,
        rules: DraftRules {
            padding: match minor {
                0..=24 => DraftPadding::Never,
                25..=32 => DraftPadding::BesideDecoders,
                _ => DraftPadding::BesideDecodersOrHit,
            },
            reserves_all_slots: minor < 28,
            admits_with_lookahead: minor >= 25,
            names_at_end: minor >= 33,
        },
    }
}

/// What release 0.`minor` does when it starts (`v1/worker/gpu_worker.py`, `determine_available_memory`). The libraries
/// are what servers on H100 logged outside of torch: 0.13 GiB with 0.11 to 0.17, 0.25 with 0.18 and 0.19. To 0.16 0.32
/// are added: servers with 0.11 and 0.15 that logged it need none (0.10 to 0.15 in all), seven of an instrumented 0.15
/// need 0.23 to 0.79; with 0.17 to 0.19 nothing is left over. Of what models that see keep back to 0.18, nothing is
/// derived: Llama-4-Scout in fp8 on two H100 (0.15) lacks 1.58 GiB, Gemma-3-27B on an MI300X (0.11) 1.60.
const fn start_up_of(minor: u32) -> StartUp {
    StartUp {
        sampler: match minor {
            0..=16 => SamplerRun::Sorts,
            17..=24 => SamplerRun::Masks,
            25..=32 => SamplerRun::ByRunner,
            _ => SamplerRun::RunsAll,
        },
        chunks_experts: minor < 19,
        libraries_gib: match minor {
            0..=16 => 0.45,
            17 => 0.13,
            _ => 0.25,
        },
        pads_mxfp4: minor >= 19,
        sight_gib: if minor < 19 { 1.58 } else { 0.0 },
        fuses_all_reduce: minor >= 19,
        subtracts_graphs: minor >= 21,
        knows_blackwell_graphs: minor >= 28,
        groups: group_rules_of(minor),
        scheduling: KvScheduling {
            states_in_blocks: false,
            steps_in_flight: if minor >= 14 { 2 } else { 1 },
            is_hybrid: true,
        },
        sizing: CacheSizing::Profiled,
    }
}

/// How release 0.`minor` makes groups of layers, and blocks (`v1/core/kv_cache_utils.py`, `v1/kv_cache_interface.py`).
const fn group_rules_of(minor: u32) -> KvGroupRules {
    KvGroupRules {
        pads_to_half_more: minor >= 19,
        logs_tokens_of_requests: minor >= 25,
        counts_steps_in_flight: minor >= 28,
        keeps_null_block: minor >= 33,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use DraftPadding::{BesideDecoders, BesideDecodersOrHit, Never};
    use SamplerRun::{ByRunner, Masks, RunsAll, Sorts};

    #[test]
    fn changes_come_with_their_release_and_stay() {
        let of = Profile::of_release;
        assert!(!of(18).full_sequence_gate && of(19).full_sequence_gate);
        assert!(!of(24).keyless_first && of(25).keyless_first);
        assert!(!of(24).has_watermark && of(25).has_watermark);
        assert!(!of(30).threshold_spares_alone && of(31).threshold_spares_alone);
        assert!(!of(32).goes_on_after_self_preemption && of(33).goes_on_after_self_preemption);
        assert!(!of(13).async_scheduling && of(14).async_scheduling);
        assert!(!of(13).hides_cpu && of(14).hides_cpu);
        assert_eq!(
            [15, 16, 17, 19, 20].map(|it| of(it).sorts_below),
            [u32::MAX, u32::MAX, 8, 8, 0]
        );
        assert!(!of(23).has_triton_mxfp4 && of(24).has_triton_mxfp4);
        assert_eq!([27, 28].map(|it| of(it).tokens_on_largest_gpus), [8_192, 16_384]);
        let samplers = [16, 17, 24, 25, 32, 33].map(|it| of(it).start_up.sampler);
        assert_eq!(samplers, [Sorts, Masks, Masks, ByRunner, ByRunner, RunsAll]);
        assert!(of(18).start_up.chunks_experts && !of(19).start_up.chunks_experts);
        assert!(!of(18).start_up.fuses_all_reduce && of(19).start_up.fuses_all_reduce);
        assert!(!of(20).start_up.subtracts_graphs && of(21).start_up.subtracts_graphs);
        assert!(!of(27).start_up.knows_blackwell_graphs && of(28).start_up.knows_blackwell_graphs);
        let groups = |minor| of(minor).start_up.groups;
        assert!(!groups(18).pads_to_half_more && groups(19).pads_to_half_more);
        assert!(!groups(24).logs_tokens_of_requests && groups(25).logs_tokens_of_requests);
        assert!(!groups(27).counts_steps_in_flight && groups(28).counts_steps_in_flight);
        assert!(!groups(32).keeps_null_block && groups(33).keeps_null_block);
        let drafts = |minor| of(minor).drafts;
        assert!(!drafts(32).lookahead_keys && drafts(33).lookahead_keys);
        assert_eq!([18, 19].map(|it| drafts(it).draft_model_slots), [0, 1]);
        assert!(!drafts(27).look_ahead_beside_models && drafts(28).look_ahead_beside_models);
        assert!(!drafts(32).look_ahead_beside_ngrams && drafts(33).look_ahead_beside_ngrams);
        let rules = |minor| of(minor).drafts.rules;
        assert!(rules(27).reserves_all_slots && !rules(28).reserves_all_slots);
        assert!(!rules(24).admits_with_lookahead && rules(25).admits_with_lookahead);
        assert!(!rules(32).names_at_end && rules(33).names_at_end);
        let padding = [24, 25, 32, 33].map(|it| rules(it).padding);
        assert_eq!(padding, [Never, BesideDecoders, BesideDecoders, BesideDecodersOrHit]);
        assert_eq!(rules(33), DraftRules::NEWEST);
        assert_eq!(Profile::NEWEST, of(33));
    }

    #[test]
    fn every_release_from_the_first_to_the_newest_has_a_name() {
        for (place, (name, release, _)) in PROFILES.into_iter().enumerate() {
            assert_eq!(release as usize, 33 - place);
            assert_eq!(name, format!("vllm-0.{release}"));
        }
    }
}
