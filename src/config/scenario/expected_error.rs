//! How far a run's mean TTFT and TPOT may be off, from what the run is made of.
//!
//! Each thing that makes a server unlike those that step times were fitted on is a cause, and has an error of its own.
//! Causes are taken to be independent, so that their squares add up: what was never measured together is as uncertain
//! as its parts. Where a cause has been measured, its errors are those with which nine in ten of the served runs are
//! covered, as `cargo run --release --example fit_served -- FOLDER expected` prints them (`docs/LATENCY_MODEL.md`);
//! others are assumed, and said to be.

use std::fmt;

/// Something that a run is made of, as far as predictions of such runs were off by more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorCause {
    /// Any run: kernels of the GPU measured, dense layers and keys and values in 16 bits, vLLM.
    AnyRun,
    /// Some of the kernels that the model needs have not been measured on the GPU.
    SomeKernels,
    /// The GPU is known by its datasheet.
    Datasheet,
    /// What steps pay besides kernels, and what a chip sustains, was fitted on Hopper; this is another.
    OtherChip,
    /// Another make of GPU, with other libraries.
    OtherMake,
    /// Most weights in 8 bits.
    EightBitWeights,
    /// Most weights in 4 bits.
    FourBitWeights,
    /// Keys and values in 8 bits.
    EightBitCache,
    /// Routed experts.
    Experts,
    /// Latent attention.
    LatentAttention,
    /// Layers that attend to a window, or to a chunk.
    Windows,
    /// Layers that keep a state, or attend to chosen tokens: priced by bytes and operations.
    States,
    /// Several GPUs, each linked to all others.
    SeveralGpus,
    /// Several GPUs behind PCI Express or Ethernet.
    SeveralGpusWithoutLinks,
    /// Drafts, which a drafter makes and the model verifies.
    Drafts,
    /// A release of vLLM before 0.14, with look-ahead.
    EarlyLookAhead,
    /// A release of vLLM that is newer than all that were measured.
    NewerRelease,
    /// `SGLang`.
    Sglang,
    /// TensorRT-LLM.
    TensorRt,
    /// Another engine, or none that exists.
    OtherEngine,
    /// Decoding beside prompts costs something that nobody has measured on this GPU.
    DecodingBesidePrompts,
    /// Requests wait, on one GPU.
    Queue,
    /// Requests wait, on several GPUs: measured steps become 10 to 20 % longer over minutes, and nobody knows why.
    QueueOnSeveralGpus,
}

/// The largest errors of nine runs in ten.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CauseErrors {
    /// The cause that they are of.
    pub cause: ErrorCause,
    /// Of the mean TPOT: the measured one is at most so much longer, relative, or shorter by the same factor.
    pub tpot: f64,
    /// Of the mean TTFT.
    pub ttft: f64,
    /// Served runs behind them; 0 of what is assumed.
    pub runs: u32,
    /// Its name in JSON.
    pub name: &'static str,
}

const fn of(cause: ErrorCause, name: &'static str, tpot: f64, ttft: f64, runs: u32) -> CauseErrors {
    CauseErrors {
        cause,
        tpot,
        ttft,
        runs,
        name,
    }
}

/// Every cause with its errors, in the order of [`ErrorCause`].
pub const CAUSES: [CauseErrors; 23] = [
    of(ErrorCause::AnyRun, "any_run", 0.04, 0.10, 1866),
    of(ErrorCause::SomeKernels, "some_kernels", 0.05, 0.10, 0),
    of(ErrorCause::Datasheet, "datasheet", 0.04, 0.00, 226),
    of(ErrorCause::OtherChip, "other_chip", 0.04, 0.00, 1112),
    of(ErrorCause::OtherMake, "other_make", 0.25, 0.50, 0),
    of(ErrorCause::EightBitWeights, "eight_bit_weights", 0.08, 0.00, 703),
    of(ErrorCause::FourBitWeights, "four_bit_weights", 0.08, 0.30, 739),
    of(ErrorCause::EightBitCache, "eight_bit_cache", 0.00, 0.00, 787),
    of(ErrorCause::Experts, "experts", 0.08, 0.40, 879),
    of(ErrorCause::LatentAttention, "latent_attention", 0.34, 0.85, 343),
    of(ErrorCause::Windows, "windows", 0.00, 0.35, 242),
    of(ErrorCause::States, "states", 0.25, 0.25, 0),
    of(ErrorCause::SeveralGpus, "several_gpus", 0.00, 0.25, 1592),
    of(
        ErrorCause::SeveralGpusWithoutLinks,
        "several_gpus_without_links",
        0.15,
        0.25,
        0,
    ),
    of(ErrorCause::Drafts, "drafts", 0.10, 0.10, 8),
    of(ErrorCause::EarlyLookAhead, "early_look_ahead", 0.06, 0.18, 203),
    of(ErrorCause::NewerRelease, "newer_release", 0.04, 0.10, 0),
    of(ErrorCause::Sglang, "sglang", 0.10, 2.00, 249),
    of(ErrorCause::TensorRt, "tensorrt_llm", 0.24, 1.00, 779),
    of(ErrorCause::OtherEngine, "other_engine", 0.30, 0.70, 0),
    of(
        ErrorCause::DecodingBesidePrompts,
        "decoding_beside_prompts",
        0.05,
        0.05,
        0,
    ),
    of(ErrorCause::Queue, "queue", 0.05, 0.05, 98),
    of(ErrorCause::QueueOnSeveralGpus, "queue_on_several_gpus", 0.20, 0.00, 502),
];

impl ErrorCause {
    /// Its errors.
    pub const fn errors(self) -> &'static CauseErrors {
        &CAUSES[self as usize]
    }
}

/// A cause of a run's error, and of what: two runs that have it of the same are off together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ErrorPart {
    /// What it is.
    pub cause: ErrorCause,
    /// What has it, in words: a GPU, a format, an engine.
    pub of: String,
}

/// How far the mean TPOT and the mean TTFT of a run may be off: nine measured runs in ten were within. A measured time
/// is at most `1 + error` times the predicted one, and at least that over it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ExpectedError {
    /// Of the mean TPOT, and of the time of steps, relative.
    pub tpot: f64,
    /// Of the mean TTFT, relative.
    pub ttft: f64,
    /// What it is made of; nothing where a calibration tells it.
    pub parts: Vec<ErrorPart>,
}

impl ExpectedError {
    /// What these parts come to.
    pub fn of_parts(parts: Vec<ErrorPart>) -> Self {
        let sum = |of: fn(&CauseErrors) -> f64| joined(parts.iter().map(|part| of(part.cause.errors())));
        Self {
            tpot: sum(|errors| errors.tpot),
            ttft: sum(|errors| errors.ttft),
            parts,
        }
    }

    /// What TTFT may be off beyond what longer steps make of it.
    pub fn of_ttft_besides_steps(&self) -> f64 {
        (self.ttft * self.ttft - self.tpot * self.tpot).max(0.0).sqrt()
    }

    /// What it shares with that of another run, and by which both are off together.
    #[must_use]
    pub fn in_common(&self, other: &Self) -> Self {
        // Two calibrations are of one deployment, or share nothing.
        if self == other {
            return self.clone();
        }
        let parts = self.parts.iter().filter(|part| other.parts.contains(part));
        Self::of_parts(parts.cloned().collect())
    }
}

/// Errors that are independent of each other, together.
pub fn joined(errors: impl Iterator<Item = f64>) -> f64 {
    errors.map(|error| error * error).sum::<f64>().sqrt()
}

impl fmt::Display for ErrorPart {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors = self.cause.errors();
        let [tpot, ttft] = [errors.tpot, errors.ttft].map(|error| (100.0 * error).round());
        let assumed = if errors.runs == 0 { " assumed" } else { "" };
        write!(formatter, "{} {tpot}/{ttft}{assumed}", self.of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_stand_in_the_order_of_their_names() {
        for (place, errors) in CAUSES.iter().enumerate() {
            assert_eq!(errors.cause as usize, place);
            assert!((0.0..1.0).contains(&errors.tpot));
        }
    }

    #[test]
    fn independent_errors_add_up_as_squares() {
        assert!((joined([0.03, 0.04].into_iter()) - 0.05).abs() < 1e-12);
    }
}
