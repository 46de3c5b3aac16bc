//! How large an index is.

/// What is stored.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stored {
    /// So many documents of usual size.
    Documents(f64),
    /// So many chunks, each with a vector.
    Chunks {
        /// How many.
        chunks: f64,
        /// Numbers of a vector.
        dimensions: f64,
        /// Bytes of each of them: 4 in full, 2 halved, 1 quantised.
        bytes: f64,
        /// Bytes in the index for each byte of vectors; `None` for what the kind of index takes.
        index_factor: Option<f64>,
    },
}

/// How vectors are searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexKind {
    /// All of them are looked at: exact.
    Flat,
    /// A graph leads to the nearest ones: approximate (Malkov and Yashunin, Efficient and robust approximate nearest
    /// neighbor search using Hierarchical Navigable Small World graphs, 2016).
    Hnsw,
}

/// Where an index lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placement {
    /// In memory as a whole.
    Memory,
    /// On a disk, as far as memory does not hold it.
    Disk,
}

/// A document with its chunks, their text, and their vectors: a rule of thumb [bytes]. Six chunks of 500 tokens with
/// 1,536 numbers of 4 bytes and 2 kB of text each come to 49 kB.
pub const BYTES_OF_DOCUMENT: f64 = 50e3;
const CHUNKS_OF_DOCUMENT: f64 = 6.0;
/// Numbers of a vector of a usual embedding model, and the bytes of each.
const USUAL_DIMENSIONS: f64 = 1_536.0;
const USUAL_BYTES: f64 = 4.0;

/// Links of each vector of an HNSW graph in either direction: M = 16, the default of hnswlib, pgvector and Qdrant.
pub(super) const LINKS: f64 = 16.0;
/// Bytes of a link. An HNSW index takes (4 d + 2 M * 4) bytes for each vector (Faiss wiki, Guidelines to choose an index).
const BYTES_OF_LINK: f64 = 4.0;

/// How large an index is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct IndexSize {
    /// All of it [bytes].
    pub bytes: f64,
    /// How many vectors it has.
    pub vectors: f64,
    /// Numbers of a vector times the bytes of each [bytes].
    pub bytes_of_vector: f64,
    /// Whatever is counted, documents or chunks: how many vectors each has.
    pub vectors_of_each: f64,
}

impl IndexSize {
    /// How large the index of what is stored is.
    pub fn of(stored: &Stored, kind: IndexKind) -> Self {
        match *stored {
            Stored::Documents(documents) => Self {
                bytes: documents * BYTES_OF_DOCUMENT,
                vectors: documents * CHUNKS_OF_DOCUMENT,
                bytes_of_vector: USUAL_DIMENSIONS * USUAL_BYTES,
                vectors_of_each: CHUNKS_OF_DOCUMENT,
            },
            Stored::Chunks {
                chunks,
                dimensions,
                bytes,
                index_factor,
            } => {
                let bytes_of_vector = dimensions * bytes;
                let links = match kind {
                    IndexKind::Flat => 0.0,
                    IndexKind::Hnsw => 2.0 * LINKS * BYTES_OF_LINK,
                };
                let of_each = index_factor.map_or(bytes_of_vector + links, |factor| factor * bytes_of_vector);
                Self {
                    bytes: chunks * of_each,
                    vectors: chunks,
                    bytes_of_vector,
                    vectors_of_each: 1.0,
                }
            }
        }
    }

    /// One of so many equal parts.
    pub(super) fn share(&self, parts: f64) -> Self {
        Self {
            bytes: self.bytes / parts,
            vectors: self.vectors / parts,
            ..*self
        }
    }
}
