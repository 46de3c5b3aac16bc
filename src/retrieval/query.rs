//! How long a query takes.

use super::index::{IndexKind, IndexSize, LINKS, Placement};

/// How long a query takes, from the request to the machine until its answer is back [s].
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QueryTimes {
    /// What a core needs for the search itself.
    pub search_s: f64,
    /// The median; infinite if queries come faster than they are answered.
    pub p50_s: f64,
    /// The 99th percentile; `None` if queries come faster than they are answered.
    pub p99_s: Option<f64>,
}

/// There and back in a data centre, and a database's own handling: an assumption [s].
const AROUND_S: f64 = 2e-3;
/// How much longer than the usual search the slowest in a hundred is: an assumption.
const SLOW_SEARCH: f64 = 2.0;
/// What a core reads from memory in a second, one array after the other: an assumption for a machine whose cores all do
/// [bytes/s].
const SCANNED_PER_S: f64 = 10e9;
/// A jump to another place in memory: an assumption for DRAM behind caches [s].
const JUMP_S: f64 = 100e-9;
/// Candidates that a search in a graph keeps (`ef_search`): 100 find nine in ten of the nearest and more in the public
/// comparisons of ann-benchmarks.com.
const CANDIDATES: f64 = 100.0;
/// The number of vectors for which that many candidates are enough; a graph's paths grow with the logarithm.
const CANDIDATES_FOR: f64 = 1e6;
/// A read of a page from a solid-state disk (NVMe): an assumption within what vendors publish [s].
const PAGE_READ_S: f64 = 100e-6;
/// What such a disk reads in a second, one page after the other [bytes/s].
const DISK_SCANNED_PER_S: f64 = 3e9;

/// What a core needs for a search in the index, of which `cached` lies in memory though it is on a disk.
pub(super) fn search_s(index: &IndexSize, kind: IndexKind, placement: Placement, cached: f64) -> f64 {
    let missing = match placement {
        Placement::Memory => 0.0,
        Placement::Disk => 1.0 - cached,
    };
    match kind {
        IndexKind::Flat => {
            let bytes = index.vectors * index.bytes_of_vector;
            bytes * (1.0 - missing) / SCANNED_PER_S + bytes * missing / DISK_SCANNED_PER_S
        }
        IndexKind::Hnsw => {
            let looked_at = looked_at(index.vectors);
            let in_memory = JUMP_S + index.bytes_of_vector / SCANNED_PER_S;
            looked_at * (in_memory + missing * PAGE_READ_S)
        }
    }
}

/// Vectors that a search in a graph looks at: all neighbours of all candidates, and no more than there are.
fn looked_at(vectors: f64) -> f64 {
    let deeper = (vectors.max(2.0).ln() / CANDIDATES_FOR.ln()).max(0.1);
    (CANDIDATES * LINKS * deeper).min(vectors)
}

impl QueryTimes {
    /// From what a search takes a core, and how long queries wait for one; `None` if their queue grows without end.
    pub(super) fn of(search_s: f64, p50_wait_s: Option<f64>, p99_wait_s: Option<f64>) -> Self {
        Self {
            search_s,
            p50_s: AROUND_S + search_s + p50_wait_s.unwrap_or(f64::INFINITY),
            p99_s: p99_wait_s.map(|wait| AROUND_S + search_s * SLOW_SEARCH + wait),
        }
    }
}
