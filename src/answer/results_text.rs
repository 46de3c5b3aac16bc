//! The text of a file of results, and the form it is in; `-` is stdin.

use std::io::{self, Read};
use std::path::Path;

use crate::config::{Diagnostic, is_standard_input};
use crate::report::results::Form;

/// The whole text.
pub fn read(path: &Path) -> io::Result<String> {
    if !is_standard_input(path) {
        return std::fs::read_to_string(path);
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
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
