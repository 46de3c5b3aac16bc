//! `[retrieval]`: the documents that answers are looked up in.

use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::fields::Fields;
use crate::retrieval::{IndexKind, Placement, Retrieval, Stored};
use crate::settings::{Kind, Setting, Word};

/// The table `[retrieval]`: the documents that answers are looked up in.
pub(super) const RETRIEVAL: Setting = Setting::new(
    "retrieval",
    Kind::Table(&[
        &DOCUMENTS,
        &CHUNKS,
        &DIMENSIONS,
        &BYTES,
        &INDEX_FACTOR,
        &INDEX,
        &PLACEMENT,
        &MACHINE_MEMORY,
        &QUERIES_PER_S,
        &UPDATES_PER_DAY,
        &CACHE_HITS,
    ]),
    "The documents that answers are looked up in; `tailcast plan` says what their index takes",
);

/// More documents than anybody has.
const MOST: f64 = 1e12;

/// A machine with less searches nothing [bytes].
const LEAST_MEMORY: f64 = 1e9;

const DOCUMENTS: Setting = Setting::new(
    "documents",
    Kind::Positive { max: MOST },
    "How many documents there are, each with its chunks and their vectors about 50 kB",
)
.unit("documents")
.depends("`chunks` says how much there is");
const CHUNKS: Setting = Setting::new(
    "chunks",
    Kind::Positive { max: MOST },
    "How many chunks there are, each with a vector, in place of `documents`",
)
.unit("chunks")
.depends("`documents` says how much there is");
const DIMENSIONS: Setting = Setting::new(
    "dimensions",
    Kind::Count { min: 1, max: 100_000 },
    "How many numbers a vector has; of `chunks`",
)
.default("1536", "usual of embedding models");
const BYTES: Setting = Setting::new(
    "bytes",
    Kind::Positive { max: 8.0 },
    "How many bytes a number of a vector takes: 4 in full, 2 halved, 1 quantised, 0.125 as a bit; of `chunks`",
)
.unit("bytes")
.default("4", "a vector is stored as it comes");
const INDEX_FACTOR: Setting = Setting::new(
    "index_factor",
    Kind::Number { min: 0.01, max: 100.0 },
    "How many bytes the index has for each byte of vectors; of `chunks`",
)
.depends("1 of a flat index; the links of a graph come on top, 128 bytes a vector");
const INDEX: Setting = Setting::new(
    "index",
    Kind::Choice(&[
        Word {
            name: "flat",
            help: "every vector is looked at, which is exact",
        },
        Word {
            name: "hnsw",
            help: "a graph leads to the nearest, or nearly so",
        },
    ]),
    "How vectors are searched",
)
.default(
    "\"hnsw\"",
    "exact search takes too long beyond some ten thousand documents",
);
const PLACEMENT: Setting = Setting::new(
    "placement",
    Kind::Choice(&[
        Word {
            name: "memory",
            help: "the whole index is in memory, sharded over machines if one does not hold it",
        },
        Word {
            name: "disk",
            help: "it is on a disk, and in memory as far as that holds it",
        },
    ]),
    "Where the index lies",
)
.depends("in memory if one machine holds it, else on a disk");
const MACHINE_MEMORY: Setting = Setting::new("machine_memory", Kind::Bytes, "Memory of a machine that searches")
    .default("\"64GB\"", "it holds a million documents");
const QUERIES_PER_S: Setting = Setting::new(
    "queries_per_s",
    Kind::Positive { max: 1e6 },
    "How many queries come in a second, those of others than this traffic included",
)
.unit("queries/s")
.depends("one a request of the traffic");
const UPDATES_PER_DAY: Setting = Setting::new(
    "updates_per_day",
    Kind::Number { min: 0.0, max: MOST },
    "How many documents, or chunks where these are counted, are added or changed in a day",
)
.unit("a day")
.default("0", "documents stay as they are");
const CACHE_HITS: Setting = Setting::new(
    "cache_hits",
    Kind::Percentage,
    "The share of queries whose vector is cached, so that no model has to compute it",
)
.default("\"0%\"", "no cache of vectors");

/// Reads the table, if it was written.
pub fn read(fields: Option<Fields<'_>>) -> Result<Option<Retrieval>, Diagnostic> {
    let Some(fields) = fields else { return Ok(None) };
    let stored = read_stored(&fields)?;
    let index = fields
        .find(&INDEX)?
        .declared_choice([IndexKind::Flat, IndexKind::Hnsw])?;
    let index = index.or_default([IndexKind::Flat, IndexKind::Hnsw]);
    let placement = fields.find(&PLACEMENT)?;
    let placement = placement.declared_choice([Placement::Memory, Placement::Disk])?;
    let memory = fields.find(&MACHINE_MEMORY)?.bytes()?;
    if memory.value().is_some_and(|memory| memory.bytes < LEAST_MEMORY) {
        let message = "`retrieval.machine_memory` is less than 1 GB";
        return Err(fields
            .error(MACHINE_MEMORY.name, message)
            .help("write machine_memory = \"64GB\""));
    }
    let retrieval = Retrieval {
        stored,
        index,
        placement: placement.optional().map(|placement| placement.value),
        machine_memory_bytes: memory.or_default().bytes,
        queries_per_s: fields.find(&QUERIES_PER_S)?.declared_number()?.optional(),
        updates_per_day: fields.find(&UPDATES_PER_DAY)?.declared_number()?.or_default(),
        cache_hits: fields.find(&CACHE_HITS)?.percentage()?.or_default().share,
    };
    fields.finish()?;
    Ok(Some(retrieval))
}

fn read_stored(fields: &Fields<'_>) -> Result<Stored, Diagnostic> {
    let documents = fields.find(&DOCUMENTS)?.declared_number()?;
    let chunks = fields.find(&CHUNKS)?.declared_number()?;
    let of_chunks = [&DIMENSIONS, &BYTES, &INDEX_FACTOR];
    match (documents.value(), chunks.value()) {
        (Some(_), Some(_)) => {
            let message = "`retrieval.documents` and `retrieval.chunks` both say how much there is";
            Err(fields.error(CHUNKS.name, message).help("keep one of the two"))
        }
        (None, None) => {
            let message = "`[retrieval]` does not say how much there is to search";
            Err(fields
                .error("", message)
                .help("write documents = 1e6, or chunks = 6e6 with dimensions = 1536"))
        }
        (Some(_), None) => {
            if let Some(idle) = of_chunks.iter().find(|setting| fields.has(setting.name)) {
                let message = format!("`retrieval.{}` is of chunks, and documents are counted", idle.name);
                let help = "write chunks = 6e6 in place of documents, six for each, or leave the key out";
                return Err(fields.error(idle.name, message).help(help));
            }
            fields.ask_for(&of_chunks)?;
            Ok(Stored::Documents(documents.optional().expect("it is written")))
        }
        (None, Some(_)) => Ok(Stored::Chunks {
            chunks: chunks.optional().expect("it is written"),
            dimensions: fields.find(&DIMENSIONS)?.declared_count()?.or_default().into(),
            bytes: fields.find(&BYTES)?.declared_number()?.or_default(),
            index_factor: fields.find(&INDEX_FACTOR)?.declared_number()?.optional(),
        }),
    }
}
