//! What a scenario is put together from: a file, what another file sets of it, and the flags of the command line.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::diagnostic::{Diagnostic, Snippet};
use super::document::{Entries, Entry, Node, Value};
use super::flag::Flag;
use super::read_once::Files;
use super::text::{Text, Texts};

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

/// Keys that tables of other files lay over the scenario file, before any flags.
#[derive(Clone, Debug)]
pub struct Overrides {
    /// Tables with the texts that they stand in; later ones rule.
    tables: Vec<(Arc<Text>, Entries)>,
}

impl Overrides {
    /// The keys of `table`, which stands in `text`.
    pub fn new(text: &Arc<Text>, table: &[Entry]) -> Self {
        Self {
            tables: vec![(Arc::clone(text), table.to_vec())],
        }
    }

    /// These keys, and others over them.
    #[must_use]
    pub fn below(mut self, over: Self) -> Self {
        self.tables.extend(over.tables);
        self
    }

    /// The keys of each table, once their texts are among `texts`.
    pub fn tables_in(&self, texts: &mut Texts) -> Vec<Entries> {
        let tables = self.tables.iter().map(|(text, table)| {
            let text = texts.add(Arc::clone(text));
            let mut table = table.clone();
            move_to(text, &mut table);
            table
        });
        tables.collect()
    }
}

/// Says that the entries stand in the text with this index.
fn move_to(text: usize, table: &mut [Entry]) {
    for entry in table {
        entry.place.text = text;
        move_node_to(text, &mut entry.node);
    }
}

fn move_node_to(text: usize, node: &mut Node) {
    node.place.text = text;
    match &mut node.value {
        Value::Table(inner) => move_to(text, inner),
        Value::Array(items) => items.iter_mut().for_each(|item| move_node_to(text, item)),
        _ => {}
    }
}

/// A file that is written like a scenario but is none; `example` says how, if it cannot be read.
pub fn text_like_a_scenario(path: &Path, example: &str) -> Result<Arc<Text>, Diagnostic> {
    let content = read_file(path, &Files::default()).map_err(|error| Diagnostic {
        help: vec![example.to_owned()],
        ..error
    })?;
    let base = path.parent().unwrap_or(Path::new(""));
    Ok(Arc::new(Text::of_file(path.display().to_string(), content, base)))
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
