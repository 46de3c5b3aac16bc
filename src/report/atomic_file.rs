//! Files that are either complete or not there.

use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::Path;

/// Writes a file through a temporary one in the same folder, renamed when `write` has succeeded: a reader never sees half a file, and
/// an error leaves what was there before. What is no regular file, such as a pipe or `/dev/stdout`, is written to directly.
pub fn write_atomically(
    path: &Path,
    write: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> io::Result<()> {
    if fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
        let mut output = BufWriter::new(fs::File::create(path)?);
        write(&mut output)?;
        return output.flush();
    }
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    builder.permissions(permissions_for(path));
    let mut file = builder.prefix(".tailcast-").tempfile_in(folder)?;
    let mut buffered = BufWriter::new(file.as_file_mut());
    write(&mut buffered)?;
    buffered.flush()?;
    drop(buffered);
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Those of the file that is replaced, or those any new file gets; a temporary file alone would be its owner's only.
#[cfg(unix)]
fn permissions_for(path: &Path) -> fs::Permissions {
    use std::os::unix::fs::PermissionsExt;
    let any_new_file = |_| fs::Permissions::from_mode(0o666);
    fs::metadata(path).map_or_else(any_new_file, |existing| existing.permissions())
}
