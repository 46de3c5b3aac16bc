//! What moves between the memories of GPU and CPU, and how far each request has come with it.

use crate::kv::StoreRank;
use crate::units::Span;
use crate::workload::RequestId;

/// What is offloaded, and where to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffloadRules {
    /// How many blocks the memory of the CPU holds.
    pub cpu_blocks: u32,
    /// Whether only blocks of prompts are stored (`offload_prompt_only`).
    pub prompt_only: bool,
    /// How long blocks take from the CPU to the GPU.
    pub load: CopyTime,
    /// How long they take from the GPU to the CPU.
    pub store: CopyTime,
}

/// How long a job of copies takes in one direction, in which one job goes after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CopyTime {
    /// Before the first block comes.
    pub start: Span,
    /// Each block.
    pub per_block: Span,
}

impl CopyTime {
    /// Of so many blocks.
    pub fn of(self, blocks: u32) -> Span {
        self.start + Span::from_picos(self.per_block.picos() * u64::from(blocks))
    }
}

/// What a decision means for the memory of the CPU.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransferPlan {
    /// Requests whose load begins; they hold their blocks from now on.
    pub loading: Vec<LoadStarted>,
    /// Requests that have to ask again, since what they look for is under way.
    pub deferred: Vec<RequestId>,
    /// Jobs that begin now: from the CPU to the GPU.
    pub loads: Vec<Transfer>,
    /// Jobs that begin with the next step: from the GPU to the CPU.
    pub stores: Vec<Transfer>,
    /// Earlier stores that have to end before the step may run.
    pub flushed: Vec<u64>,
}

/// A request has begun to load what it does not find in the GPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LoadStarted {
    /// The request.
    pub id: RequestId,
    /// Tokens found in the prefix cache.
    pub hit: u32,
    /// Tokens that are loaded.
    pub external: u32,
}

/// Chunks that move together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transfer {
    /// Its number.
    pub job: u64,
    /// For whom.
    pub id: RequestId,
    /// How many chunks.
    pub chunks: u32,
}

/// What a request has to do with the memory of the CPU.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Offloaded {
    /// Its first chunks that have been offered since it last asked.
    pub stored: u32,
    /// How recent its chunks are.
    pub rank: Option<StoreRank>,
    pub stage: LoadStage,
    /// Tokens found in the prefix cache before its load.
    pub hit: u32,
    /// Tokens that were loaded for its latest admission.
    pub external: u32,
}

impl Offloaded {
    /// Whether its request holds what it has loaded.
    pub(super) const fn holds_blocks(&self) -> bool {
        matches!(self.stage, LoadStage::Holding)
    }
}

/// How far the load of a request has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LoadStage {
    /// It has none, and asks again when it is looked at.
    #[default]
    None,
    Loading,
    /// What was loaded is there, and not yet known to the prefix cache.
    Loaded,
    /// It waits with what it has loaded.
    Holding,
}
