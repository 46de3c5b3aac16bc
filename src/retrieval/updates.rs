//! How changes get into an index: one at a time, or by building it anew.

use super::index::IndexSize;

/// How changes get in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpdateKind {
    /// Nothing changes.
    None,
    /// Each as it comes.
    Incremental,
    /// All together, by building the index anew.
    Rebuild,
}

/// How changes get in, and what that takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct UpdatePlan {
    /// Which way is better.
    pub kind: UpdateKind,
    /// Time of one core for a day's changes, one at a time [s].
    pub incremental_s: f64,
    /// How long it takes to build the index anew, on all cores that hold it once [s].
    pub rebuild_s: f64,
    /// Part of the index that changes in a day.
    pub share_per_day: f64,
}

/// What it takes a core to put a vector in place: twice a search, as graphs are built with 200 candidates where searches
/// keep 100 (`ef_construction`, the default of hnswlib), and a search of a million vectors takes about a millisecond [s].
const INSERT_S: f64 = 2.5e-3;
/// Graphs lose recall as parts of them are replaced; where a tenth and more changes in a day, they are better built anew:
/// a rule of thumb.
const MOST_INCREMENTAL: f64 = 0.1;

impl UpdatePlan {
    /// For so many changes in a day to an index on so many cores.
    pub(super) fn of(size: &IndexSize, updates_per_day: f64, cores: f64) -> Self {
        let vectors = updates_per_day * size.vectors_of_each;
        let share_per_day = if size.vectors > 0.0 {
            vectors / size.vectors
        } else {
            0.0
        };
        Self {
            kind: if updates_per_day <= 0.0 {
                UpdateKind::None
            } else if share_per_day > MOST_INCREMENTAL {
                UpdateKind::Rebuild
            } else {
                UpdateKind::Incremental
            },
            incremental_s: vectors * INSERT_S,
            rebuild_s: size.vectors * INSERT_S / cores,
            share_per_day,
        }
    }
}
