//! What an accelerator's chip is, as far as engines ask for it.

use super::BadFigure;

/// The chip of an accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chip {
    /// The family of chips that it belongs to.
    pub architecture: Architecture,
    /// Its streaming multiprocessors, or compute units; at least 1.
    pub multiprocessors: u32,
}

/// Families of chips between which engines choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// NVIDIA's compute capability 7.0.
    Volta,
    /// 7.5.
    Turing,
    /// 8.0 and 8.6.
    Ampere,
    /// 8.9.
    Ada,
    /// 9.0.
    Hopper,
    /// 10.x: Blackwell in data centres.
    Blackwell,
    /// 12.x: Blackwell in workstations.
    BlackwellRtx,
    /// AMD's third generation of compute chips.
    Cdna3,
    /// The fourth.
    Cdna4,
}

impl Architecture {
    /// Every family, in the order of this list.
    pub const ALL: [Self; 9] = [
        Self::Volta,
        Self::Turing,
        Self::Ampere,
        Self::Ada,
        Self::Hopper,
        Self::Blackwell,
        Self::BlackwellRtx,
        Self::Cdna3,
        Self::Cdna4,
    ];

    /// The name in GPU files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Volta => "volta",
            Self::Turing => "turing",
            Self::Ampere => "ampere",
            Self::Ada => "ada",
            Self::Hopper => "hopper",
            Self::Blackwell => "blackwell",
            Self::BlackwellRtx => "blackwell-rtx",
            Self::Cdna3 => "cdna3",
            Self::Cdna4 => "cdna4",
        }
    }

    /// Whether it multiplies bf16; before, models in bf16 are served as fp16, which has the same size and speed.
    pub const fn has_bf16(self) -> bool {
        !matches!(self, Self::Volta | Self::Turing)
    }

    /// Whether its software is `ROCm`, where engines have other kernels.
    pub const fn is_rocm(self) -> bool {
        matches!(self, Self::Cdna3 | Self::Cdna4)
    }
}

/// More than any chip for years to come.
const MOST_MULTIPROCESSORS: u32 = 1 << 16;

impl Chip {
    pub(super) fn check(self) -> Result<(), BadFigure> {
        if (1..=MOST_MULTIPROCESSORS).contains(&self.multiprocessors) {
            return Ok(());
        }
        let given = format!("one of {} multiprocessors", self.multiprocessors);
        Err(BadFigure::new("chip", given, "one of 1 to 65536"))
    }
}
