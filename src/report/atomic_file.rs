//! Files that are either complete or not there.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The temporary files of this moment.
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Writes a file through a temporary one in the same folder, renamed when `write` has succeeded: a reader never sees half a file, and
/// an error leaves what was there before. A link stays one, and the file it leads to is replaced. What is no regular file, such as a pipe or `/dev/stdout`, is written to directly.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
        let mut output = BufWriter::new(fs::File::create(path)?);
        write(&mut output)?;
        return output.flush();
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
    let mut file = builder.prefix(".tailcast-").tempfile_in(folder)?;
    let temporary = file.path().to_owned();
    unfinished().push(temporary.clone());
    let mut buffered = BufWriter::new(file.as_file_mut());
    let written = write(&mut buffered).and_then(|()| buffered.flush());
    drop(buffered);
    let persisted = written.and_then(|()| match file.persist(path) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.error),
    });
    unfinished().retain(|file| *file != temporary);
    persisted
}

/// Removes the temporary files of whoever is still writing, before a process that is about to end leaves them behind.
pub fn remove_unfinished() {
    for file in unfinished().drain(..) {
        // What cannot be removed is no worse than before.
        let _ = fs::remove_file(file);
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
