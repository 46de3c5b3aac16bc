//! How far modelled step times may be trusted: what is known of the GPU and the deployment, and how far predictions
//! with as much were off.

use super::calibration::Calibration;
use super::deployment::Deployment;
use super::expected_error::{ErrorCause, ErrorPart, ExpectedError};
use super::resolved::Scenario;
use crate::hardware::{Architecture, Gpu, KvPrecision, LinearKind, LinkKind, MixedAttention, Reach};
use crate::policy::PolicySettings;

/// How step times are known; the least known come last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knowledge {
    /// The scenario gives them.
    Given,
    /// Calibrated on this deployment.
    Calibrated,
    /// Kernels measured on this GPU; what steps pay besides is that of another.
    Measured,
    /// Some of the kernels measured on this GPU.
    PartlyMeasured,
    /// The GPU's datasheet.
    Datasheet,
}

impl Knowledge {
    /// Its name in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Given => "given",
            Self::Calibrated => "calibrated",
            Self::Measured => "measured_gpu",
            Self::PartlyMeasured => "partly_measured_gpu",
            Self::Datasheet => "datasheet",
        }
    }
}

/// The least that can be known of anybody's server: two runs of one experiment differ by as much.
const REPEATED: f64 = 0.02;
/// The newest release of vLLM whose step times were held to measured servers.
const NEWEST_MEASURED: (u32, u32) = (0, 22);
/// GPUs with `FlashAttention` 2 on which decoding beside prompts was measured.
const MEASURED_BESIDE_PROMPTS: [&str; 2] = ["rtx-4090", "rtx-pro-6000"];
/// Repeated reads that the cache does not catch: 0.87 and 0.60 on those. On others at least and at most this.
const REPEATED_READS: [f64; 2] = [0.4, 1.0];
/// What a thread block takes there for a token of context, between those two [ns].
const USUAL_TOKEN_NS: f64 = 33.0;

impl Scenario {
    /// How the step times are known of those servers of which least is known.
    pub fn knowledge(&self) -> Knowledge {
        let all = self.deployments().into_iter();
        let all = all.map(|(deployment, _)| deployment.knowledge());
        all.max().expect("there is a server")
    }

    /// How far latencies may be off where they may be most; `None` if the scenario gives all step times. `queues` says
    /// whether requests wait, which nobody knows before a run.
    pub fn expected_error(&self, queues: bool) -> Option<ExpectedError> {
        let all = self.deployments().into_iter();
        let known = all.filter_map(|(deployment, _)| deployment.expected_error(queues));
        known.reduce(|one, other| if other.tpot > one.tpot { other } else { one })
    }
}

impl Deployment {
    /// How step times are known.
    pub fn knowledge(&self) -> Knowledge {
        if !self.step_times.kind().is_modelled {
            return Knowledge::Given;
        }
        if self.calibration.is_some() {
            return Knowledge::Calibrated;
        }
        let kernels = self.gpu.measured_kernels();
        let missing = kernels.unmeasured(&self.model, self.tensor_parallel > 1);
        if missing.is_empty() {
            Knowledge::Measured
        } else if kernels.linear.is_none() && kernels.attention.is_none() {
            Knowledge::Datasheet
        } else {
            Knowledge::PartlyMeasured
        }
    }

    /// How far latencies may be off; `None` if it is for whoever gave the step times to say. `queues` says whether
    /// requests wait.
    pub fn expected_error(&self, queues: bool) -> Option<ExpectedError> {
        match self.knowledge() {
            Knowledge::Given => None,
            Knowledge::Calibrated => self.calibration.as_ref().map(of_calibration),
            _ => Some(ExpectedError::of_parts(self.error_parts(queues))),
        }
    }

    /// Whether nobody has measured what decoding beside prompts costs on this GPU, whose attention reads keys and
    /// values again there (`FlashAttention` 2).
    fn guesses_decoding_beside_prompts(&self) -> bool {
        let architecture = self.gpu.chip().map(|chip| chip.architecture);
        let reads_again = matches!(
            architecture,
            Some(Architecture::Ampere | Architecture::Ada | Architecture::BlackwellRtx)
        );
        reads_again && !MEASURED_BESIDE_PROMPTS.contains(&self.gpu.name())
    }

    /// The GPU where decoding beside prompts costs as little as it may, or as much, if that is a guess.
    fn gpu_at_its_best(&self, is_best: bool) -> Gpu {
        if !self.guesses_decoding_beside_prompts() {
            return self.gpu.clone();
        }
        let guessed = self.gpu.attention_kernels(self.kv_cache).mixed;
        let multiprocessors = self.gpu.chip().map_or(1, |chip| chip.multiprocessors);
        let usual = MixedAttention {
            nanos_per_token: USUAL_TOKEN_NS,
            thread_blocks: f64::from(multiprocessors),
            repeated_reads: 0.0,
        };
        let reads = |repeated_reads, kernels: MixedAttention| MixedAttention {
            repeated_reads,
            ..kernels
        };
        let [least, most] = REPEATED_READS;
        let mixed = if is_best {
            guessed.map(|kernels| reads(least, kernels))
        } else {
            Some(reads(most, guessed.unwrap_or(usual)))
        };
        self.gpu.clone().with_decoding_beside_prompts(mixed)
    }

    /// Makes all steps so many times as long, and takes what is a guess of its own at its least or its most.
    pub fn stretch_steps(&mut self, factor: f64) {
        if (factor - 1.0).abs() < f64::EPSILON {
            return;
        }
        self.execution.overheads = self.execution.overheads.times(factor);
        self.cpu_time = self.cpu_time.times(factor);
        self.gpu = self.gpu_at_its_best(factor < 1.0);
    }

    /// What makes modelled step times uncertain.
    fn error_parts(&self, queues: bool) -> Vec<ErrorPart> {
        let mut parts = vec![part(ErrorCause::AnyRun, format!("any run of {}", self.model.title()))];
        self.add_hardware(&mut parts);
        self.add_formats(&mut parts);
        self.add_model(&mut parts);
        self.add_engine(&mut parts);
        match (queues, self.tensor_parallel) {
            (false, _) => {}
            (true, 1) => parts.push(part(ErrorCause::Queue, "a queue")),
            (true, gpus) => parts.push(part(ErrorCause::QueueOnSeveralGpus, format!("a queue on {gpus} GPUs"))),
        }
        parts
    }

    fn add_hardware(&self, parts: &mut Vec<ErrorPart>) {
        let (gpu, gpus) = (&self.gpu, self.tensor_parallel);
        let of_gpu = |cause, text: &str| part(cause, format!("{text} of {}", gpu.title()));
        match self.knowledge() {
            Knowledge::Datasheet => parts.push(of_gpu(ErrorCause::Datasheet, "the datasheet")),
            Knowledge::PartlyMeasured if !(self.model.has_states() || self.model.has_indexers()) => {
                parts.push(of_gpu(ErrorCause::SomeKernels, "some kernels"));
            }
            _ => {}
        }
        let architecture = gpu.chip().map(|chip| chip.architecture);
        match architecture {
            Some(Architecture::Hopper) => {}
            Some(other) if !other.is_rocm() => {
                parts.push(part(ErrorCause::OtherChip, format!("another chip ({})", other.name())));
            }
            _ => parts.push(of_gpu(ErrorCause::OtherMake, "the make")),
        }
        if self.guesses_decoding_beside_prompts() {
            parts.push(of_gpu(ErrorCause::DecodingBesidePrompts, "decoding beside prompts"));
        }
        match gpu.link().kind {
            _ if gpus == 1 => {}
            LinkKind::NvLink | LinkKind::Xgmi => parts.push(part(ErrorCause::SeveralGpus, format!("{gpus} GPUs"))),
            LinkKind::Pcie | LinkKind::Ethernet => {
                parts.push(part(
                    ErrorCause::SeveralGpusWithoutLinks,
                    format!("{gpus} GPUs without NVLink"),
                ));
            }
        }
    }

    fn add_formats(&self, parts: &mut Vec<ErrorPart>) {
        let kinds = [LinearKind::Attention, LinearKind::Dense, LinearKind::Experts];
        let is_there = |kind: &LinearKind| *kind != LinearKind::Experts || self.model.has_experts();
        let formats = kinds.into_iter().filter(is_there);
        let formats = formats.map(|kind| self.model.precision(kind, self.weights));
        let narrowest = formats.min_by(|a, b| a.bits_per_parameter().total_cmp(&b.bits_per_parameter()));
        let narrowest = narrowest.expect("there are kinds");
        let cause = match narrowest.bits_per_parameter() {
            bits if bits < 8.0 => Some(ErrorCause::FourBitWeights),
            bits if bits < 16.0 => Some(ErrorCause::EightBitWeights),
            _ => None,
        };
        parts.extend(cause.map(|cause| part(cause, format!("{narrowest} weights"))));
        if self.kv_cache == KvPrecision::Fp8 {
            parts.push(part(ErrorCause::EightBitCache, "fp8 KV cache"));
        }
    }

    fn add_model(&self, parts: &mut Vec<ErrorPart>) {
        let model = &self.model;
        let has_windows = model
            .layers()
            .iter()
            .any(|group| group.attention.reach() != Reach::Full);
        for (has, cause, of) in [
            (model.has_experts(), ErrorCause::Experts, "experts"),
            (
                model.has_latent_attention(),
                ErrorCause::LatentAttention,
                "latent attention",
            ),
            (has_windows, ErrorCause::Windows, "windows"),
            (
                model.has_states() || model.has_indexers(),
                ErrorCause::States,
                "states or sparse attention",
            ),
        ] {
            if has {
                parts.push(part(cause, of));
            }
        }
        if let Some(drafts) = &self.drafts {
            parts.push(part(ErrorCause::Drafts, format!("drafts of {}", drafts.rules.tokens)));
        }
    }

    fn add_engine(&self, parts: &mut Vec<ErrorPart>) {
        let engine = &self.engine;
        let cause = match &self.server.policy {
            PolicySettings::Continuous(settings) => match release(engine) {
                Some(release) if release > NEWEST_MEASURED => Some(ErrorCause::NewerRelease),
                Some(release) if release < (0, 14) && settings.async_scheduling => Some(ErrorCause::EarlyLookAhead),
                _ => None,
            },
            PolicySettings::Sglang(_) => Some(ErrorCause::Sglang),
            PolicySettings::Trtllm(_) => Some(ErrorCause::TensorRt),
            _ => Some(ErrorCause::OtherEngine),
        };
        parts.extend(cause.map(|cause| part(cause, engine.clone())));
    }
}

fn part(cause: ErrorCause, of: impl Into<String>) -> ErrorPart {
    ErrorPart { cause, of: of.into() }
}

/// The 0 and the 33 of `vLLM 0.33`.
fn release(engine: &str) -> Option<(u32, u32)> {
    let (_, numbers) = engine.rsplit_once(' ')?;
    let (major, minor) = numbers.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// What is left on the data that step times were calibrated on.
fn of_calibration(calibration: &Calibration) -> ExpectedError {
    let of = |name| {
        let found = calibration.errors.iter().find(|(other, _)| other == name);
        found.map(|(_, error)| error.max(REPEATED))
    };
    let any_run = ErrorCause::AnyRun.errors();
    let tpot = of("tpot.mean")
        .or(of("step"))
        .or(of("e2e.mean"))
        .unwrap_or(any_run.tpot);
    let ttft = of("ttft.mean").or(of("e2e.mean")).unwrap_or(any_run.ttft);
    ExpectedError {
        tpot,
        ttft: ttft.max(tpot),
        parts: Vec::new(),
    }
}
