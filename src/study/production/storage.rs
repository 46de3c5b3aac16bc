//! What the documents take that answers are looked up in.

use super::OwnTraffic;
use crate::retrieval::{IndexKind, Retrieval, StoreNeeds, Stored};
use crate::study::Input;

/// What documents take to be searched.
#[derive(Clone, Debug, PartialEq)]
pub struct StorageNeeds {
    /// What is stored and asked.
    pub retrieval: Retrieval,
    /// Whether the scenario says so; otherwise it is a million documents.
    pub is_written: bool,
    /// What that needs.
    pub needs: StoreNeeds,
    /// The same with other numbers of documents.
    pub by_documents: Vec<StoreOfSize>,
    /// The number of documents from which on one machine's memory no longer holds them.
    pub fits_until: f64,
}

/// What so many documents need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StoreOfSize {
    /// How many.
    pub documents: f64,
    /// What they need.
    pub needs: StoreNeeds,
}

/// Numbers of documents that are looked at.
const DOCUMENTS: [f64; 5] = [1e3, 1e5, 1e6, 1e7, 1e8];

impl StorageNeeds {
    /// What the scenario's documents need, or a million where it has none, if each request looks something up.
    pub(super) fn of(input: &Input, own: &OwnTraffic) -> Self {
        let written = input.scenario.retrieval.clone();
        let is_written = written.is_some();
        let retrieval = written.unwrap_or(Retrieval {
            stored: Stored::Documents(1e6),
            index: IndexKind::Hnsw,
            placement: None,
            machine_memory_bytes: 64e9,
            queries_per_s: None,
            updates_per_day: 0.0,
            cache_hits: 0.0,
        });
        let requests_per_s = own.requests_per_s();
        let of_size = |documents| {
            let stored = Stored::Documents(documents);
            let store = Retrieval {
                stored,
                placement: None,
                updates_per_day: 0.0,
                ..retrieval.clone()
            };
            StoreOfSize {
                documents,
                needs: store.needs(requests_per_s),
            }
        };
        Self {
            needs: retrieval.needs(requests_per_s),
            by_documents: DOCUMENTS.map(of_size).to_vec(),
            fits_until: retrieval.documents_in_memory(),
            is_written,
            retrieval,
        }
    }
}
