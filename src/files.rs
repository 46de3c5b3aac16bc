//! Opens files without waiting for ever: a named pipe opens once somebody holds its other end, and nobody may ever
//! come.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

/// How long somebody may take to open the other end of a named pipe [s].
pub const LONGEST_WAIT_S: u64 = 10;

/// Opens a file to read it. A named pipe that nobody opens for writing within [`LONGEST_WAIT_S`] is an error; once
/// somebody has, the pipe may be silent for as long as it takes.
pub fn open(path: &Path) -> io::Result<File> {
    let help = "is a named pipe that nobody writes to; start what writes to it, or name a file";
    open_end(path, OpenOptions::new().read(true), help)
}

/// Makes a file, or empties the one that is there, to write it. A named pipe that nobody opens for reading within
/// [`LONGEST_WAIT_S`] is an error.
pub fn create(path: &Path) -> io::Result<File> {
    let help = "is a named pipe that nobody reads; start what reads it, or name a file";
    open_end(path, OpenOptions::new().write(true).create(true).truncate(true), help)
}

fn open_end(path: &Path, options: &mut OpenOptions, help: &str) -> io::Result<File> {
    if !is_named_pipe(path) {
        return options.open(path);
    }
    // The call that opens a pipe waits by itself, and the standard library has none that does not, so that another
    // thread makes it. It stays behind: to open the other end for its sake would be heard by everybody at the pipe.
    let (sender, receiver) = channel();
    let (of_thread, options) = (path.to_path_buf(), options.clone());
    thread::spawn(move || {
        // If nobody waits any more, the file is closed again.
        let _ = sender.send(options.open(of_thread));
    });
    let opened = receiver.recv_timeout(Duration::from_secs(LONGEST_WAIT_S));
    opened.unwrap_or_else(|_| {
        let message = format!("it {help} (waited {LONGEST_WAIT_S} s)");
        Err(io::Error::new(io::ErrorKind::TimedOut, message))
    })
}

/// Whether a file opens only when somebody has opened its other end.
#[cfg(unix)]
pub fn is_named_pipe(path: &Path) -> bool {
    use std::os::unix::fs::FileTypeExt;
    path.metadata().is_ok_and(|found| found.file_type().is_fifo())
}

/// Elsewhere than on Unix pipes are no files.
#[cfg(not(unix))]
pub fn is_named_pipe(_path: &Path) -> bool {
    false
}
