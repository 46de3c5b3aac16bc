//! A trace's file, opened once for all who read it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::files;

/// An open file that any number of readers read at once, each from its start. It stays the same file if another one
/// takes its name, and a reader that starts after it was written to fails: runs that are compared must not read
/// different requests.
#[derive(Clone)]
pub struct TraceFile(Arc<Opened>);

struct Opened {
    file: Mutex<File>,
    stamp: Stamp,
    /// Numbers that took reading all of it, by what they are of it.
    known: Mutex<BTreeMap<String, f64>>,
}

/// What tells whether a file was written to.
#[derive(Debug, PartialEq)]
struct Stamp {
    bytes: u64,
    /// Unknown on systems that keep no such time.
    modified: Option<SystemTime>,
}

impl TraceFile {
    /// Opens the file at `path`; `-` is stdin, of which a copy is kept on disk, as it may be larger than memory.
    pub fn open(path: &Path) -> io::Result<Self> {
        // Opening a folder works on Unix, and fails later with a message that names neither.
        if path.is_dir() {
            return Err(io::Error::other("it is a folder; name the trace file in it"));
        }
        let file = if path.as_os_str() == "-" {
            spooled()?
        } else {
            files::open(path)?
        };
        let stamp = Stamp::of(&file)?;
        Ok(Self(Arc::new(Opened {
            file: Mutex::new(file),
            stamp,
            known: Mutex::default(),
        })))
    }

    /// Its content from the start on.
    pub fn reader(&self) -> io::Result<TraceReader> {
        if Stamp::of(&locked(&self.0.file))? != self.0.stamp {
            return Err(io::Error::other(
                "it was written to since it was first read; run again once it is complete",
            ));
        }
        Ok(TraceReader {
            file: self.clone(),
            position: 0,
        })
    }

    /// The number that is known as `name`, once `find` has found it by reading the file.
    pub(super) fn number<E>(&self, name: String, find: impl FnOnce() -> Result<f64, E>) -> Result<f64, E> {
        if let Some(number) = locked(&self.0.known).get(&name) {
            return Ok(*number);
        }
        let number = find()?;
        locked(&self.0.known).insert(name, number);
        Ok(number)
    }
}

/// A copy of stdin that any number of readers can read from its start.
fn spooled() -> io::Result<File> {
    let mut file = tempfile::tempfile()?;
    io::copy(&mut io::stdin().lock(), &mut file)?;
    Ok(file)
}

/// Whoever panicked while reading left nothing behind but a position, which every reader sets anew.
fn locked<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stamp {
    fn of(file: &File) -> io::Result<Self> {
        let metadata = file.metadata()?;
        Ok(Self {
            bytes: metadata.len(),
            modified: metadata.modified().ok(),
        })
    }
}

impl PartialEq for TraceFile {
    /// Whether both are of one length and were written to at the same time. Beside equal paths they have the same rows,
    /// whoever opened them.
    fn eq(&self, other: &Self) -> bool {
        self.0.stamp == other.0.stamp
    }
}

impl fmt::Debug for TraceFile {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.stamp.fmt(formatter)
    }
}

/// Reads a [`TraceFile`].
pub struct TraceReader {
    file: TraceFile,
    position: u64,
}

impl Read for TraceReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut file = locked(&self.file.0.file);
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}
