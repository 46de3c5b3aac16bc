//! Files that are either complete or not there.

use std::fs::{self, File};
use std::io::{self, BufWriter, Stdout, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tempfile::NamedTempFile;

use crate::files;

/// The temporary files of this moment.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// A file that is written through a temporary one in the same folder, renamed by [`AtomicFile::keep`]: a reader never
/// sees half a file, and whoever drops it instead leaves what was there before. A link stays one, and the file it leads
/// to is replaced. What is no regular file, such as a pipe or `/dev/stdout`, is written to directly; so is stdout
/// itself, which is called `-`.
#[derive(Debug)]
pub struct AtomicFile(Inner);

#[derive(Debug)]
enum Inner {
    Standard(BufWriter<Stdout>),
    Direct(BufWriter<File>),
    Renamed {
        // Before its entry in the list: whoever is told that it is gone must find it gone.
        file: BufWriter<NamedTempFile>,
        listed: Listed,
        path: PathBuf,
    },
}

impl AtomicFile {
    /// Starts the file that will be found at `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        if is_standard_output(path) {
            return Ok(Self(Inner::Standard(BufWriter::new(io::stdout()))));
        }
        if fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
            return Ok(Self(Inner::Direct(BufWriter::new(files::create(path)?))));
        }
        let target = path.canonicalize();
        let path = target.as_deref().unwrap_or(path);
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        #[cfg(unix)]
        builder.permissions(permissions_for(path));
        let file = builder.prefix(".tailcast-").tempfile_in(folder)?;
        Ok(Self(Inner::Renamed {
            listed: Listed::new(file.path()),
            file: BufWriter::new(file),
            path: path.to_path_buf(),
        }))
    }

    /// The file is complete.
    pub fn keep(self) -> io::Result<()> {
        match self.0 {
            Inner::Standard(mut file) => file.flush(),
            Inner::Direct(mut file) => file.flush(),
            Inner::Renamed { file, listed, path } => {
                let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.persist(&path).map_err(|error| error.error)?;
                drop(listed);
                Ok(())
            }
        }
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Standard(file) => file.write(bytes),
            Inner::Direct(file) => file.write(bytes),
            Inner::Renamed { file, .. } => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Standard(file) => file.flush(),
            Inner::Direct(file) => file.flush(),
            Inner::Renamed { file, .. } => file.flush(),
        }
    }
}

/// Whether a path names stdout.
pub fn is_standard_output(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Writes a whole [`AtomicFile`], which is kept if `write` succeeds.
pub fn write_atomically(path: &Path, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    write(&mut file)?;
    file.keep()
}

/// Removes the temporary files of whoever is still writing, before a process that is about to end leaves them behind.
pub fn remove_unfinished() {
    for file in unfinished().drain(..) {
        // What cannot be removed is no worse than before.
        let _ = fs::remove_file(file);
    }
}

/// An entry in the list of temporary files.
#[derive(Debug)]
struct Listed(PathBuf);

impl Listed {
    fn new(path: &Path) -> Self {
        unfinished().push(path.to_path_buf());
        Self(path.to_path_buf())
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        unfinished().retain(|file| *file != self.0);
    }
}

fn unfinished() -> MutexGuard<'static, Vec<PathBuf>> {
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Those of the file that is replaced, or those any new file gets; a temporary file alone would be its owner's only.
#[cfg(unix)]
fn permissions_for(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    let any_new_file = |_| fs::Permissions::from_mode(0o666);
    fs::metadata(path).map_or_else(any_new_file, |existing| existing.permissions())
}
