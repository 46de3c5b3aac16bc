//! Files that are compressed if their names say so.

use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::report::files::atomic_file::AtomicFile;

/// An [`AtomicFile`], in gzip's format if its name ends in `.gz`.
#[derive(Debug)]
pub struct PackedFile(Inner);

#[derive(Debug)]
enum Inner {
    Plain(AtomicFile),
    Gzip(GzEncoder<AtomicFile>),
}

impl PackedFile {
    /// Starts the file that will be found at `path`.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = AtomicFile::create(path)?;
        let is_gzip = path
            .extension()
            .is_some_and(|extension| extension.eq_ignore_ascii_case("gz"));
        Ok(Self(if is_gzip {
            Inner::Gzip(GzEncoder::new(file, Compression::fast()))
        } else {
            Inner::Plain(file)
        }))
    }

    /// Writes what is left; the file itself is then ready to be kept.
    pub fn finish(self) -> io::Result<AtomicFile> {
        match self.0 {
            Inner::Plain(file) => Ok(file),
            Inner::Gzip(encoder) => encoder.finish(),
        }
    }
}

impl Write for PackedFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Inner::Plain(file) => file.write(bytes),
            Inner::Gzip(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Inner::Plain(file) => file.flush(),
            Inner::Gzip(encoder) => encoder.flush(),
        }
    }
}
