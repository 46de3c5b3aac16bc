//! Files that are read as a whole; `-` is stdin.

use std::io::{self, Read};
use std::path::Path;

use crate::files;

/// Whether a path names stdin.
pub fn is_standard_input(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// The bytes of a file of at most `most_bytes`: a longer one is something else, or a device without an end.
pub fn read_bytes(path: &Path, most_bytes: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if is_standard_input(path) {
        io::stdin().take(most_bytes + 1).read_to_end(&mut bytes)?;
    } else {
        files::open(path)?.take(most_bytes + 1).read_to_end(&mut bytes)?;
    }
    if bytes.len() as u64 > most_bytes {
        let most_mib = most_bytes >> 20;
        return Err(io::Error::other(format!("it is longer than {most_mib} MiB")));
    }
    Ok(bytes)
}

/// The text of a file of at most `most_bytes`.
pub fn read_text(path: &Path, most_bytes: u64) -> io::Result<String> {
    text_of(read_bytes(path, most_bytes)?)
}

/// The text that the bytes of a file are.
pub fn text_of(bytes: Vec<u8>) -> io::Result<String> {
    String::from_utf8(bytes).map_err(|error| {
        let place = error.utf8_error().valid_up_to() + 1;
        io::Error::other(format!("byte {place} is not UTF-8; save the file as UTF-8 text"))
    })
}
