//! The lines of a file, compressed or not, with their numbers.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use flate2::bufread::MultiGzDecoder;

use super::error::TraceError;

/// The lines of a file. Memory does not grow with the file, only with its longest line.
pub struct Lines {
    path: PathBuf,
    input: Box<dyn BufRead>,
    /// Number of the line last read, from 1.
    number: u64,
    /// The first line, read ahead.
    first: Option<Vec<u8>>,
}

/// No row of any format is longer: 16 MiB hold the token ids of a prompt of two million tokens.
const MOST_LINE_BYTES: u64 = 16 << 20;
const BUFFER_BYTES: usize = 64 << 10;
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Lines {
    /// Opens the file at `path`, decompressing it if its content (not its name) says so.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let input = open_input(path).map_err(|error| TraceError::of_io(path, 0, &error))?;
        let mut lines = Self {
            path: path.to_path_buf(),
            input,
            number: 0,
            first: None,
        };
        let mut first = Vec::new();
        if !lines.next(&mut first)? {
            return Err(TraceError::of_file(
                path,
                "is empty; a trace starts with a header or a row",
            ));
        }
        lines.first = Some(first);
        Ok(lines)
    }

    /// The first line that is not blank, without a byte order mark; `next` will yield it again.
    pub fn first(&self) -> &[u8] {
        self.first.as_deref().unwrap_or_default()
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The number of the line last read, from 1.
    pub const fn number(&self) -> u64 {
        self.number
    }

    /// Reads the next line that is not blank, without its line end; false at the end of the file.
    pub fn next(&mut self, line: &mut Vec<u8>) -> Result<bool, TraceError> {
        if let Some(first) = self.first.take() {
            *line = first;
            return Ok(true);
        }
        loop {
            line.clear();
            if !self.append(line)? {
                return Ok(false);
            }
            if !line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// Appends the next line, blank or not, without its line end; false at the end of the file.
    pub fn append(&mut self, text: &mut Vec<u8>) -> Result<bool, TraceError> {
        let start = text.len();
        let mut input = (&mut self.input).take(MOST_LINE_BYTES);
        let read = input.read_until(b'\n', text);
        let read = read.map_err(|error| TraceError::of_io(&self.path, self.number + 1, &error))?;
        if read == 0 {
            return Ok(false);
        }
        self.number += 1;
        if self.number == 1 && text[start..].starts_with(BYTE_ORDER_MARK) {
            text.drain(start..start + BYTE_ORDER_MARK.len());
        }
        if text.ends_with(b"\n") {
            text.pop();
            if text.ends_with(b"\r") {
                text.pop();
            }
        } else if (text.len() - start) as u64 >= MOST_LINE_BYTES {
            let message = "is longer than 16 MiB; write one request a line";
            return Err(TraceError::of_line(&self.path, self.number, message).fatal());
        }
        Ok(true)
    }
}

fn open_input(path: &Path) -> io::Result<Box<dyn BufRead>> {
    // Opening a folder works on Unix, and fails later with a message that names neither.
    if path.is_dir() {
        return Err(io::Error::other(
            "it is a folder; name the trace file in it",
        ));
    }
    let mut input = BufReader::with_capacity(BUFFER_BYTES, File::open(path)?);
    if starts_with_gzip_magic(&mut input)? {
        let plain = MultiGzDecoder::new(input);
        return Ok(Box::new(BufReader::with_capacity(BUFFER_BYTES, plain)));
    }
    Ok(Box::new(input))
}

fn starts_with_gzip_magic(input: &mut impl BufRead) -> io::Result<bool> {
    // No text starts with either byte, so the first is proof enough if a pipe has yielded no more than that.
    let start = input.fill_buf()?;
    let known = start.len().min(GZIP_MAGIC.len());
    Ok(known > 0 && start[..known] == GZIP_MAGIC[..known])
}
