//! The layers of a scenario: a file or the embedded demo, then the flags of the command line.

use std::io;
use std::path::{Path, PathBuf};

use super::diagnostic::{Diagnostic, Snippet};
use super::document::{self, Node, Table, Value};
use super::flag::Flag;
use super::read_once::Files;
use super::reading::Reading;
use super::tables;
use super::text::{Text, Texts};

/// The scenario that runs when none is given.
const DEMO: &str = include_str!("../../configs/scenarios/demo.toml");
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
    /// At `key`.
    Root {
        /// A key of the file.
        key: &'static str,
    },
    /// At `list[index].key`.
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
    fn take(self, root: Node) -> Table {
        let found = match self {
            Self::Root { key } => take_key(root, key),
            Self::Entry { list, index, key } => match take_key(root, list) {
                Some(Value::Array(mut items)) if index < items.len() => take_key(items.swap_remove(index), key),
                _ => None,
            },
        };
        match found {
            Some(Value::Table(table)) => table,
            _ => Table::new(),
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

/// A scenario's text, read and parsed once; variations are laid over copies of its tree.
#[derive(Clone, Debug)]
pub struct ScenarioText {
    root: Node,
    texts: Texts,
    files: Files,
    skip_bad_rows: bool,
}

impl ScenarioText {
    /// Reads and parses the layers, with keys that another file lays over the scenario's own.
    pub fn read(layers: &Layers, overrides: Option<&Overrides>) -> Result<Self, Diagnostic> {
        let mut read = Self::of(scenario_text(layers)?)?;
        let (root, texts) = (&mut read.root, &mut read.texts);
        if let Some(overrides) = overrides {
            let other = document::parse(texts, overrides.text.clone())?;
            document::overlay_table(texts, root, overrides.find.take(other))?;
        }
        for flag in &layers.flags {
            document::overlay(texts, root, flag)?;
        }
        Ok(Self {
            files: layers.files.clone(),
            skip_bad_rows: layers.skip_bad_rows,
            ..read
        })
    }

    /// Parses the text of a scenario that stands in no file.
    pub fn from_toml(text: &str) -> Result<Self, Diagnostic> {
        Self::of(Text {
            name: "the scenario".to_owned(),
            content: text.to_owned(),
            base: PathBuf::new(),
            is_flag: false,
        })
    }

    fn of(text: Text) -> Result<Self, Diagnostic> {
        let mut texts = Texts::default();
        Ok(Self {
            root: document::parse(&mut texts, text)?,
            texts,
            files: Files::default(),
            skip_bad_rows: false,
        })
    }

    /// The tree with `changes` over everything else, and a reading of it in which nothing is noted yet.
    pub fn with(&self, changes: &[Flag]) -> Result<(Node, Reading), Diagnostic> {
        let (mut root, mut texts) = (self.root.clone(), self.texts.clone());
        for flag in changes {
            document::overlay(&mut texts, &mut root, flag)?;
        }
        if self.skip_bad_rows && has_trace(&root) {
            let flag = Flag::new("--skip-bad-rows", "workload.trace.skip_bad_rows=true");
            document::overlay(&mut texts, &mut root, &flag)?;
        }
        Ok((root, Reading::of(texts, self.files.clone(), tables::home)))
    }
}

fn scenario_text(layers: &Layers) -> Result<Text, Diagnostic> {
    Ok(match &layers.file {
        None => Text {
            name: "the embedded demo scenario".to_owned(),
            content: DEMO.to_owned(),
            base: PathBuf::new(),
            is_flag: false,
        },
        Some(path) => Text {
            name: path.display().to_string(),
            content: read_file(path, &layers.files)?,
            base: path.parent().unwrap_or(Path::new("")).to_owned(),
            is_flag: false,
        },
    })
}

fn has_trace(root: &Node) -> bool {
    let trace = find_key(root, "workload").and_then(|workload| find_key(workload, "trace"));
    trace.is_some_and(|trace| matches!(trace.value, Value::Table(_)))
}

fn find_key<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let Value::Table(table) = &node.value else {
        return None;
    };
    let found = table.iter().find(|entry| entry.key == key);
    found.map(|entry| &entry.node)
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
fn read_file(path: &Path, files: &Files) -> Result<String, Diagnostic> {
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
