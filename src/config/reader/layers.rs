//! What a scenario is put together from: a file, what another file sets of it, and the flags of the command line.

use std::io;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Snippet};
use super::document::{Entries, Node, Value};
use super::flag::Flag;
use super::read_once::Files;
use super::text::Text;

/// A larger file is not a scenario, and might be a device without an end.
const LARGEST_FILE_BYTES: u64 = 16 << 20;

/// What a scenario is put together from.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The scenario file; `None` for the embedded demo.
    pub file: Option<PathBuf>,
    /// What the command line lays over it, in this order.
    pub flags: Vec<Flag>,
    /// Whether to leave out the rows of a trace that cannot be read, if there is a trace.
    pub skip_bad_rows: bool,
    /// What was read of files before.
    pub files: Files,
}

/// Keys that a table of another file lays over the scenario file, before any flags.
#[derive(Clone, Debug)]
pub struct Overrides {
    /// The other file.
    pub text: Text,
    /// Finds the table in its tree.
    pub find: TableFinder,
}

/// Where a table stands in a tree.
#[derive(Clone, Copy, Debug)]
pub enum TableFinder {
    /// At `key`, on the top level of the file.
    Root {
        /// A key of the file.
        key: &'static str,
    },
    /// At `list[index].key`, within an entry of a list.
    Entry {
        /// A key of the file, with a list.
        list: &'static str,
        /// Which entry of the list.
        index: usize,
        /// A key of that entry.
        key: &'static str,
    },
}

impl TableFinder {
    /// The table; an empty one if there is none.
    pub fn take(self, root: Node) -> Entries {
        let found = match self {
            Self::Root { key } => take_key(root, key),
            Self::Entry { list, index, key } => match take_key(root, list) {
                Some(Value::Array(mut items)) if index < items.len() => take_key(items.swap_remove(index), key),
                _ => None,
            },
        };
        match found {
            Some(Value::Table(table)) => table,
            _ => Entries::new(),
        }
    }
}

fn take_key(node: Node, key: &str) -> Option<Value> {
    let Value::Table(table) = node.value else {
        return None;
    };
    let found = table.into_iter().find(|entry| entry.key == key);
    found.map(|entry| entry.node.value)
}

/// A file that is written like a scenario but is none; `example` says how, if it cannot be read.
pub fn text_like_a_scenario(path: &Path, example: &str) -> Result<Text, Diagnostic> {
    let content = read_file(path, &Files::default()).map_err(|error| Diagnostic {
        help: vec![example.to_owned()],
        ..error
    })?;
    Ok(Text {
        name: path.display().to_string(),
        content,
        base: path.parent().unwrap_or(Path::new("")).to_owned(),
        is_flag: false,
    })
}

/// The text of a scenario or of what is written like one.
pub fn read_file(path: &Path, files: &Files) -> Result<String, Diagnostic> {
    let name = path.display();
    if path.is_dir() {
        return Err(Diagnostic::new(format!("{name} is a directory")).help("name the scenario file inside it"));
    }
    let bytes = files.bytes(path, LARGEST_FILE_BYTES).map_err(|error| {
        let help = match error.kind() {
            io::ErrorKind::Other => "give a trace by the key workload.trace.path inside a scenario",
            _ => "`tailcast init FILE` writes a scenario to start from; `tailcast run` alone runs a demo",
        };
        Diagnostic::new(format!("cannot read {name}: {error}")).help(help)
    })?;
    let content = String::from_utf8(bytes.to_vec()).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let text = String::from_utf8_lossy(error.as_bytes());
        Diagnostic::new(format!("{name} is not UTF-8 text: byte {} cannot be read", valid + 1))
            .at(Snippet::cut(&name.to_string(), &text, valid..valid + 1))
            .help("save the file as UTF-8")
    })?;
    if content.trim().is_empty() {
        return Err(
            Diagnostic::new(format!("{name} is empty")).help("`tailcast init FILE` writes a scenario to start from")
        );
    }
    Ok(content)
}
