//! What documents take to be searched: how large their index is, on how many machines, and how long a query takes.
//!
//! Arithmetic on stated assumptions, not a simulation: each constant says where it comes from.

mod index;
mod query;
mod updates;

pub use index::{BYTES_OF_DOCUMENT, IndexKind, IndexSize, Placement, Stored};
pub use query::QueryTimes;
pub use updates::{UpdateKind, UpdatePlan};

use crate::stats::erlang_wait_quantile_s;

/// A store of documents and what is asked of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Retrieval {
    /// What is stored.
    pub stored: Stored,
    /// How it is indexed.
    pub index: IndexKind,
    /// Where the index lies; `None`: in memory, if one machine holds it.
    pub placement: Option<Placement>,
    /// Memory of a machine [bytes].
    pub machine_memory_bytes: f64,
    /// Queries in a second, all together; `None` for one a request of the traffic.
    pub queries_per_s: Option<f64>,
    /// Documents, or chunks where these are counted, that are added or changed in a day.
    pub updates_per_day: f64,
    /// The share of queries whose embedding is cached, so that no model computes it.
    pub cache_hits: f64,
}

/// Cores of a machine that search: half of those of a usual machine with so much memory per core (8 GB).
const CORES: u32 = 16;
/// Part of a machine's memory that an index may take: the rest is for the system, for queries and for what is written.
const USABLE_MEMORY: f64 = 0.8;
/// How busy machines are planned to be: beyond it queues are longer than the service.
const PLANNED_UTILISATION: f64 = 0.7;
/// More copies than that are a sign that something else is wrong.
const MOST_COPIES: f64 = 1e6;

/// What a store needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoreNeeds {
    /// Queries that come in a second.
    pub queries_per_s: f64,
    /// How large the index is.
    pub size: IndexSize,
    /// Where it lies.
    pub placement: Placement,
    /// Machines that hold it once: more than one where it is sharded.
    pub shards: u32,
    /// How often it is there, so that its machines answer all queries.
    pub copies: u32,
    /// How long a query takes, on machines as busy as they are.
    pub query: QueryTimes,
    /// How busy the machines are.
    pub utilisation: f64,
    /// How changes get in.
    pub updates: UpdatePlan,
}

impl Retrieval {
    /// How many documents of usual size one machine holds in memory.
    pub fn documents_in_memory(&self) -> f64 {
        self.machine_memory_bytes * USABLE_MEMORY / BYTES_OF_DOCUMENT
    }

    /// What the store needs, if as many queries come as requests in a second, unless it is said how many.
    pub fn needs(&self, requests_per_s: f64) -> StoreNeeds {
        let queries_per_s = self.queries_per_s.unwrap_or(requests_per_s);
        let size = IndexSize::of(&self.stored, self.index);
        let usable = self.machine_memory_bytes * USABLE_MEMORY;
        let fits = size.bytes <= usable;
        let placement = self
            .placement
            .unwrap_or(if fits { Placement::Memory } else { Placement::Disk });
        let shards = match placement {
            Placement::Memory => (size.bytes / usable).ceil().clamp(1.0, f64::from(u32::MAX)),
            // A disk holds more than anybody searches at once; each machine caches what it can.
            Placement::Disk => 1.0,
        };
        // Shards are searched side by side, each in its own part.
        let of_shard = size.share(shards);
        let cached = (usable / of_shard.bytes).min(1.0);
        let search_s = query::search_s(&of_shard, self.index, placement, cached);
        // One core works on a query on each shard.
        let load = queries_per_s * search_s;
        let needed = (load / (f64::from(CORES) * PLANNED_UTILISATION)).ceil();
        let copies = needed.clamp(1.0, MOST_COPIES) as u32;
        let load_of_copy = load / f64::from(copies);
        let wait = |quantile| erlang_wait_quantile_s(CORES, load_of_copy, search_s, quantile);
        StoreNeeds {
            queries_per_s,
            size,
            placement,
            shards: shards as u32,
            copies,
            query: QueryTimes::of(search_s, wait(0.5), wait(0.99)),
            utilisation: load_of_copy / f64::from(CORES),
            updates: UpdatePlan::of(&size, self.updates_per_day, shards * f64::from(CORES)),
        }
    }
}

impl StoreNeeds {
    /// Machines in all.
    pub const fn machines(&self) -> u32 {
        self.shards.saturating_mul(self.copies)
    }
}
