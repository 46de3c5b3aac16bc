//! The lines of a file, compressed or not, with their numbers.

use std::io::{self, BufRead, BufReader, ErrorKind, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;
use memchr::memchr;

use super::error::TraceError;
use super::file::TraceFile;
use super::json_objects::{self, JsonObjects};
use crate::files;

/// The lines of a file, each of them as it lies in the buffer it was read into: nothing is copied but the line that
/// straddles two chunks. Memory does not grow with the file, only with its longest line.
pub struct Lines {
    path: PathBuf,
    input: Box<dyn Read>,
    /// What was read of the file, and spare room.
    buffer: Vec<u8>,
    /// Where the line last read lies in the buffer, without its line end.
    line: Range<usize>,
    /// Where in the buffer that lies which was read of the file, but not yet as lines.
    ahead: Range<usize>,
    /// Number of the line last read, from 1.
    number: u64,
    /// Whether the line last read is still to be yielded: the first one, after opening.
    is_to_be_yielded: bool,
}

/// No row of any format is longer: 16 MiB hold the token ids of a prompt of two million tokens.
const MOST_LINE_BYTES: usize = 16 << 20;
const CHUNK_BYTES: usize = 64 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Lines {
    /// Opens the file at `path`, decompressing it if its content (not its name) says so, and reads the first line that
    /// is not blank. `next` will yield it again. JSON objects that are not one a line are read as if they were.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        Self::from_start(path, None)
    }

    /// Opens the file at `path` in this way too, unless it is open already as `opened`.
    pub fn from_start(path: &Path, opened: Option<&TraceFile>) -> Result<Self, TraceError> {
        let input = match opened {
            Some(file) => file.reader().and_then(decompressed),
            None => open_input(path),
        };
        let input = input.map_err(|error| TraceError::of_io(path, 0, &error))?;
        let mut lines = Self {
            path: path.to_path_buf(),
            input,
            buffer: Vec::new(),
            line: 0..0,
            ahead: 0..0,
            number: 0,
            is_to_be_yielded: false,
        };
        if !lines.next()? {
            return Err(TraceError::of_file(
                path,
                "is empty; a trace starts with a header or a row",
            ));
        }
        lines.is_to_be_yielded = true;
        Ok(lines)
    }

    /// The line last read, without its line end and a byte order mark.
    pub fn line(&self) -> &[u8] {
        &self.buffer[self.line.clone()]
    }

    /// What was read of the file after that line, whole lines or not.
    pub fn ahead(&self) -> &[u8] {
        &self.buffer[self.ahead.clone()]
    }

    /// Passes over the next line, whose end lies in `ahead`: `len` bytes together with its end.
    pub fn skip_line(&mut self, len: usize) {
        self.line = 0..0;
        self.ahead.start += len;
        self.number += 1;
    }

    /// The path of the file that is read.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the line last read, from 1.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next line that is not blank; false at the end of the file.
    pub fn next(&mut self) -> Result<bool, TraceError> {
        if std::mem::take(&mut self.is_to_be_yielded) {
            return Ok(true);
        }
        while self.next_or_blank()? {
            if !self.line().iter().all(u8::is_ascii_whitespace) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads the next line, blank or not; false at the end of the file.
    pub fn next_or_blank(&mut self) -> Result<bool, TraceError> {
        let len = match memchr(b'\n', &self.buffer[self.ahead.clone()]) {
            Some(len) => len,
            None => match self.read_line()? {
                Some(len) => len,
                None => return Ok(false),
            },
        };
        self.number += 1;
        if len >= MOST_LINE_BYTES {
            let message = "is longer than 16 MiB; write one request a line";
            return Err(TraceError::of_line(&self.path, self.number, message).fatal());
        }
        let Range { start, end } = self.ahead;
        self.line = start..start + len;
        // The last line may lack its end.
        self.ahead.start = end.min(self.line.end + 1);
        if self.line.end < end && self.line().ends_with(b"\r") {
            self.line.end -= 1;
        }
        if self.number == 1 && self.line().starts_with(BYTE_ORDER_MARK) {
            self.line.start += BYTE_ORDER_MARK.len();
        }
        Ok(true)
    }

    /// Reads on until the buffer holds the next line whole, or more of it than there may be, and tells its length;
    /// `None` at the end of the file.
    #[cold]
    fn read_line(&mut self) -> Result<Option<usize>, TraceError> {
        self.line = 0..0;
        self.buffer.copy_within(self.ahead.clone(), 0);
        self.ahead = 0..self.ahead.len();
        loop {
            let len = self.ahead.end;
            if len >= MOST_LINE_BYTES {
                return Ok(Some(len));
            }
            if self.buffer.len() < len + CHUNK_BYTES {
                self.buffer.resize(len + CHUNK_BYTES, 0);
            }
            let chunk = &mut self.buffer[len..len + CHUNK_BYTES];
            match self.input.read(chunk) {
                Ok(0) => return Ok((len > 0).then_some(len)),
                Ok(read) => {
                    self.ahead.end += read;
                    if let Some(more) = memchr(b'\n', &chunk[..read]) {
                        return Ok(Some(len + more));
                    }
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(TraceError::of_io(&self.path, self.number + 1, &error)),
            }
        }
    }
}

fn open_input(path: &Path) -> io::Result<Box<dyn Read>> {
    // Opening a folder works on Unix, and fails later with a message that names neither.
    if path.is_dir() {
        return Err(io::Error::other("it is a folder; name the trace file in it"));
    }
    decompressed(files::open(path)?)
}

fn decompressed(file: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut input = BufReader::with_capacity(CHUNK_BYTES, file);
    if starts_with_gzip_magic(&mut input)? {
        return one_a_line(BufReader::with_capacity(CHUNK_BYTES, MultiGzDecoder::new(input)));
    }
    one_a_line(input)
}

/// The input, JSON objects as one a line.
fn one_a_line(mut input: impl BufRead + 'static) -> io::Result<Box<dyn Read>> {
    if json_objects::are_in(input.fill_buf()?) {
        return Ok(Box::new(JsonObjects::new(input)));
    }
    Ok(Box::new(input))
}

fn starts_with_gzip_magic(input: &mut impl BufRead) -> io::Result<bool> {
    // No text starts with either byte, so the first is proof enough if a pipe has yielded no more than that.
    let start = input.fill_buf()?;
    let known = start.len().min(GZIP_MAGIC.len());
    Ok(known > 0 && start[..known] == GZIP_MAGIC[..known])
}
