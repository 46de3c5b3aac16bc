//! What is said of a GPU's memory beside whether a model fits.

use super::profile::Named;
use super::server::ServerTable;
use crate::config::reader::reading::Reading;
use crate::hardware::MemoryBudget;
use crate::policy::PolicySettings;

const GIB: f64 = (1u64 << 30) as f64;
/// What CUDA graphs, warm-up and the gaps between allocations take outside of what a server may use: below about this
/// much, servers with a higher utilisation than their default run out of memory when they start [GiB].
const LEAST_OUTSIDE_GIB: f64 = 3.0;

/// Warns of memory that no server of this kind can have, and of too little that is left to others.
pub(super) fn warn(
    reading: &Reading,
    server: &ServerTable,
    memory: &MemoryBudget,
    (policy, profile): (&PolicySettings, &Named),
) {
    if let Some(blocks) = server.kv_blocks {
        warn_of_weights(reading, server, memory, blocks);
    } else if matches!(policy, PolicySettings::Continuous(_)) {
        warn_of_little_outside(reading, server, memory, profile);
    }
}

/// Who gives the number of blocks may ask what a larger cache would do, but not without weights.
fn warn_of_weights(reading: &Reading, server: &ServerTable, memory: &MemoryBudget, blocks: u32) {
    let weights = memory.weights_bytes + memory.draft_weights_bytes;
    if weights <= memory.total_bytes {
        return;
    }
    reading.warn(format!(
        "{}.kv_blocks = {blocks} is taken as given, but no such server can start: the weights alone take {:.1} GiB of \
         each {}, which has {:.1} GiB; leave kv_blocks out to be told what fits",
        server.path,
        weights as f64 / GIB,
        server.gpu.title(),
        memory.total_bytes as f64 / GIB,
    ));
}

fn warn_of_little_outside(reading: &Reading, server: &ServerTable, memory: &MemoryBudget, profile: &Named) {
    let outside = (memory.total_bytes - memory.requested_bytes.min(memory.total_bytes)) as f64 / GIB;
    let is_raised = server.gpu_memory_utilization > profile.switches.gpu_memory_utilization;
    if is_raised && outside < LEAST_OUTSIDE_GIB {
        reading.warn(format!(
            "{}.gpu_memory_utilization = {} leaves {outside:.1} GiB of each {}: CUDA graphs and warm-up want about \
             {LEAST_OUTSIDE_GIB:.0} GiB outside of it, so the server may run out of memory when it starts",
            server.path,
            server.gpu_memory_utilization,
            server.gpu.title(),
        ));
    }
}
