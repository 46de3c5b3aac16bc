//! Storage for retrieval: how large the index is, where it lies, how long a query takes.

use serde::Serialize;

use super::report::PlanReport;
use super::section::PlanSection;
use crate::report::text::numbers::{bytes, duration, or_unknown, percent};
use crate::report::text::table::{Cell, Column, Table};
use crate::retrieval::{IndexKind, Placement, StoreNeeds, Stored, UpdateKind};
use crate::stats::{counted, rounded};
use crate::study::StorageNeeds;

#[derive(Serialize)]
pub(super) struct StorageDocument {
    /// Whether the scenario has no [retrieval], so that this is of a million documents.
    from_defaults: bool,
    index: &'static str,
    #[serde(flatten)]
    store: StoreDocument,
    updates: UpdatesDocument,
    embedding_cache_hits: f64,
    /// Queries whose vector a model has to compute.
    embeddings_per_s: f64,
    /// Documents up to which one machine's memory holds them.
    documents_in_memory: f64,
    by_documents: Vec<OfDocuments>,
}

#[derive(Serialize)]
struct StoreDocument {
    index_bytes: f64,
    vectors: f64,
    placement: &'static str,
    shards: u32,
    copies: u32,
    machines: u32,
    queries_per_s: f64,
    machine_utilization: f64,
    search_s: f64,
    query_p50_s: f64,
    query_p99_s: Option<f64>,
}

#[derive(Serialize)]
struct UpdatesDocument {
    kind: &'static str,
    share_per_day: f64,
    incremental_core_s_per_day: f64,
    rebuild_s: f64,
}

#[derive(Serialize)]
struct OfDocuments {
    documents: f64,
    #[serde(flatten)]
    store: StoreDocument,
}

const fn index_name(kind: IndexKind) -> &'static str {
    match kind {
        IndexKind::Flat => "flat",
        IndexKind::Hnsw => "hnsw",
    }
}

const fn placement_name(placement: Placement) -> &'static str {
    match placement {
        Placement::Memory => "memory",
        Placement::Disk => "disk",
    }
}

impl StoreDocument {
    const fn of(needs: &StoreNeeds) -> Self {
        Self {
            index_bytes: needs.size.bytes,
            vectors: needs.size.vectors,
            placement: placement_name(needs.placement),
            shards: needs.shards,
            copies: needs.copies,
            machines: needs.machines(),
            queries_per_s: needs.queries_per_s,
            machine_utilization: needs.utilisation,
            search_s: needs.query.search_s,
            query_p50_s: needs.query.p50_s,
            query_p99_s: needs.query.p99_s,
        }
    }
}

pub(super) fn document(storage: &StorageNeeds) -> StorageDocument {
    let (retrieval, needs) = (&storage.retrieval, &storage.needs);
    StorageDocument {
        from_defaults: !storage.is_written,
        index: index_name(retrieval.index),
        store: StoreDocument::of(needs),
        updates: UpdatesDocument {
            kind: match needs.updates.kind {
                UpdateKind::None => "none",
                UpdateKind::Incremental => "incremental",
                UpdateKind::Rebuild => "rebuild",
            },
            share_per_day: needs.updates.share_per_day,
            incremental_core_s_per_day: needs.updates.incremental_s,
            rebuild_s: needs.updates.rebuild_s,
        },
        embedding_cache_hits: retrieval.cache_hits,
        embeddings_per_s: needs.queries_per_s * (1.0 - retrieval.cache_hits),
        documents_in_memory: storage.fits_until,
        by_documents: storage
            .by_documents
            .iter()
            .map(|store| OfDocuments {
                documents: store.documents,
                store: StoreDocument::of(&store.needs),
            })
            .collect(),
    }
}

pub(super) fn section(report: &PlanReport) -> PlanSection {
    let storage = &report.production.storage;
    let (retrieval, needs) = (&storage.retrieval, &storage.needs);
    let mut lines = Vec::new();
    if !storage.is_written {
        lines.push("by default, for a million documents: the scenario has no [retrieval]".to_owned());
    }
    let stored = match retrieval.stored {
        Stored::Documents(documents) => format!("{} documents", rounded(documents)),
        Stored::Chunks { chunks, .. } => format!("{} chunks", rounded(chunks)),
    };
    lines.push(format!(
        "{stored} are an index of {} ({}), {}",
        bytes(needs.size.bytes),
        index_name(retrieval.index),
        placed_in_words(needs, retrieval.machine_memory_bytes)
    ));
    lines.push(format!(
        "a query takes {} (median) and {} (p99) at {} queries/s, on {} busy to {}",
        or_unknown(Some(needs.query.p50_s).filter(|it| it.is_finite()), duration),
        or_unknown(needs.query.p99_s, duration),
        rounded(needs.queries_per_s),
        counted(needs.machines(), "machine"),
        percent(needs.utilisation)
    ));
    lines.push(updates_in_words(needs));
    if retrieval.cache_hits > 0.0 {
        lines.push(format!(
            "{} of the queries find their vector in a cache: {} a second are left for the embedding model",
            percent(retrieval.cache_hits),
            rounded(needs.queries_per_s * (1.0 - retrieval.cache_hits))
        ));
    }
    lines.push(
        "arithmetic, not simulation: 50 kB a document, 16 cores a machine, 1,600 vectors looked at in a graph of a \
         million, 0.7 us each in memory and 100 us from a disk"
            .to_owned(),
    );
    PlanSection {
        tables: vec![table(storage)],
        ..PlanSection::saying("4 Storage: what does retrieval take?", lines)
    }
}

fn placed_in_words(needs: &StoreNeeds, machine_bytes: f64) -> String {
    let machine = bytes(machine_bytes);
    match (needs.placement, needs.shards) {
        (Placement::Memory, 1) => format!("in the memory of one machine of {machine}"),
        (Placement::Memory, shards) => format!("sharded over the memory of {shards} machines of {machine}"),
        (Placement::Disk, _) => format!("on a disk: a machine of {machine} does not hold it in memory"),
    }
}

fn updates_in_words(needs: &StoreNeeds) -> String {
    let updates = &needs.updates;
    match updates.kind {
        UpdateKind::None => "documents stay as they are (updates_per_day = 0)".to_owned(),
        UpdateKind::Incremental => format!(
            "{} of it changes in a day: one at a time, which takes {} of a core's time a day",
            percent(updates.share_per_day),
            duration(updates.incremental_s)
        ),
        UpdateKind::Rebuild => format!(
            "{} of it changes in a day: build it anew, which takes {}",
            percent(updates.share_per_day),
            duration(updates.rebuild_s)
        ),
    }
}

fn table(storage: &StorageNeeds) -> Table {
    let rows = storage.by_documents.iter().map(|store| {
        let needs = &store.needs;
        vec![
            Cell::number(Some(store.documents), rounded),
            Cell::number(Some(needs.size.bytes), bytes),
            Cell::words(placement_name(needs.placement)),
            Cell::number(Some(f64::from(needs.machines())), rounded),
            Cell::number(Some(needs.query.p50_s).filter(|it| it.is_finite()), duration),
            Cell::number(needs.query.p99_s, duration),
        ]
    });
    Table {
        caption: "Other numbers of documents, in memory as long as one machine holds them:".to_owned(),
        columns: vec![
            Column::numbers("documents"),
            Column::numbers("index"),
            Column::words("placement"),
            Column::numbers("machines"),
            Column::numbers("query p50"),
            Column::numbers("p99"),
        ],
        rows: rows.collect(),
    }
}
