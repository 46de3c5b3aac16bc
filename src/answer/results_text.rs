//! The text of a file of results, and the form it is in; `-` is stdin.

use std::io::{self, Read};
use std::path::Path;

use crate::config::{Diagnostic, is_standard_input};
use crate::files;
use crate::report::results::Form;

/// A longer file is something else, or a device without an end.
const LARGEST_FILE_BYTES: u64 = 1 << 30;

/// The whole text.
pub fn read(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    if is_standard_input(path) {
        io::stdin().take(LARGEST_FILE_BYTES + 1).read_to_string(&mut text)?;
    } else {
        files::open(path)?
            .take(LARGEST_FILE_BYTES + 1)
            .read_to_string(&mut text)?;
    }
    if text.len() as u64 > LARGEST_FILE_BYTES {
        let most_mib = LARGEST_FILE_BYTES >> 20;
        return Err(io::Error::other(format!("it is longer than {most_mib} MiB")));
    }
    Ok(text)
}

/// The form that a name says; `None` of stdin, which has none.
pub fn form_of_name(path: &Path, name: &str) -> Result<Option<Form>, Diagnostic> {
    if is_standard_input(path) {
        return Ok(None);
    }
    let form = Form::of(path).map_err(|problem| Diagnostic::new(format!("{name}: {problem}")));
    form.map(Some)
}

/// The form that a text seems to be in.
pub fn form_of_text(text: &str) -> Form {
    if text.starts_with('{') {
        Form::JsonLines
    } else {
        Form::Csv
    }
}
