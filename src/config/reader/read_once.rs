//! Files that a command reads, each of them once, however often what it says is asked for.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::text_file;
use crate::step_time::PriceLists;
use crate::workload::QuantileTable;
use crate::workload::trace::{TraceError, TraceFile};

/// What was read so far. Copies share it, so that every variation of a scenario sees the same files; a file that could
/// not be read is tried again.
#[derive(Clone, Debug, Default)]
pub struct Files {
    held: Arc<Held>,
    /// Whether nothing more is read.
    is_closed: bool,
}

#[derive(Debug, Default)]
struct Held {
    contents: Mutex<BTreeMap<PathBuf, Arc<Vec<u8>>>>,
    traces: Mutex<BTreeMap<PathBuf, TraceFile>>,
    tables: Mutex<BTreeMap<PathBuf, Arc<QuantileTable>>>,
    price_lists: PriceLists,
}

impl Files {
    /// What was read so far, and nothing else: for text of those who may not read this machine's files.
    #[must_use]
    pub fn closed(&self) -> Self {
        Self {
            held: Arc::clone(&self.held),
            is_closed: true,
        }
    }

    /// What was worked out of the prices of servers that they describe.
    pub fn price_lists(&self) -> &PriceLists {
        &self.held.price_lists
    }

    /// Whether nothing more is read.
    pub const fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// The bytes of a file of at most `most_bytes`.
    pub fn bytes(&self, path: &Path, most_bytes: u64) -> io::Result<Arc<Vec<u8>>> {
        self.once(&self.held.contents, path, not_permitted, || {
            text_file::read_bytes(path, most_bytes).map(Arc::new)
        })
    }

    /// The text of a file of at most `most_bytes`.
    pub fn text(&self, path: &Path, most_bytes: u64) -> io::Result<String> {
        let bytes = self.bytes(path, most_bytes)?;
        text_file::text_of(bytes.to_vec())
    }

    /// A trace, which is opened and not read: it may be larger than memory.
    pub fn trace(&self, path: &Path) -> io::Result<TraceFile> {
        self.once(&self.held.traces, path, not_permitted, || TraceFile::open(path))
    }

    /// A table of quantiles.
    pub fn quantiles(&self, path: &Path) -> Result<Arc<QuantileTable>, TraceError> {
        self.once(&self.held.tables, path, TraceError::of_run, || {
            QuantileTable::read(path).map(Arc::new)
        })
    }

    /// What is held for `path`, else what `read` yields. Others wait meanwhile, as they may be after the same file.
    fn once<T: Clone, E>(
        &self,
        held: &Mutex<BTreeMap<PathBuf, T>>,
        path: &Path,
        refuse: impl FnOnce(&str) -> E,
        read: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        // Whoever panicked while reading left the map as it was.
        let mut held: MutexGuard<'_, _> = held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = held.get(path) {
            return Ok(found.clone());
        }
        if self.is_closed {
            return Err(refuse(
                "a page may name no files but those of the scenario that is served",
            ));
        }
        let found = read()?;
        held.insert(path.to_owned(), found.clone());
        Ok(found)
    }
}

fn not_permitted(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, message)
}
