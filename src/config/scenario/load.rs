//! A scenario's text: a file or the embedded demo, with the flags of the command line over it.

use std::path::Path;

use super::custom::Custom;
use super::tables;
use crate::config::reader::diagnostic::Diagnostic;
use crate::config::reader::document::{self, Node, Value};
use crate::config::reader::flag::Flag;
use crate::config::reader::layers::{Layers, Overrides, read_file};
use crate::config::reader::read_once::Files;
use crate::config::reader::reading::Reading;
use crate::config::reader::text::{Text, Texts};
use crate::config::reader::toml_text;

/// The scenario that runs when none is given.
const DEMO: &str = include_str!("../../../configs/scenarios/demo.toml");

/// A scenario's text, read and parsed once; variations are laid over copies of its tree.
#[derive(Clone, Debug)]
pub struct ScenarioText {
    root: Node,
    texts: Texts,
    files: Files,
    skip_bad_rows: bool,
    /// Code in the place of what is written.
    custom: Custom,
}

impl ScenarioText {
    /// Reads and parses the layers, with keys that another file lays over the scenario's own.
    pub fn read(layers: &Layers, overrides: Option<&Overrides>) -> Result<Self, Diagnostic> {
        let mut read = Self::of(scenario_text(layers)?)?;
        let (root, texts) = (&mut read.root, &mut read.texts);
        if let Some(overrides) = overrides {
            for table in overrides.tables_in(texts) {
                document::overlay_table(texts, root, table)?;
            }
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
        Self::of(Text::of_file("the scenario", text.to_owned(), Path::new("")))
    }

    fn of(text: Text) -> Result<Self, Diagnostic> {
        let mut texts = Texts::default();
        Ok(Self {
            root: document::parse(&mut texts, text)?,
            texts,
            files: Files::default(),
            skip_bad_rows: false,
            custom: Custom::default(),
        })
    }

    /// The text with `changes` over everything else.
    pub fn changed(&self, changes: &[Flag]) -> Result<Self, Diagnostic> {
        let mut result = self.clone();
        for flag in changes {
            document::overlay(&mut result.texts, &mut result.root, flag)?;
        }
        Ok(result)
    }

    /// The text with other code in the place of what is written.
    #[must_use]
    pub fn customized(&self, change: impl FnOnce(Custom) -> Custom) -> Self {
        Self {
            custom: change(self.custom.clone()),
            ..self.clone()
        }
    }

    /// Code in the place of what is written.
    pub(super) const fn custom(&self) -> &Custom {
        &self.custom
    }

    /// The text, of which no files are read any more but those that were.
    #[must_use]
    pub fn closed(&self) -> Self {
        Self {
            files: self.files.closed(),
            ..self.clone()
        }
    }

    /// All that is written, as values.
    pub fn values(&self) -> toml::Value {
        toml_text::values(&self.root)
    }

    /// All that is written, as one text: its tables in the order of the reference, without comments.
    pub fn to_toml(&self) -> String {
        let tables = tables::tables();
        let names = tables.iter().filter_map(|table| Some(table.declared?.name));
        let order: Vec<&str> = ["name", "seed"].into_iter().chain(names).collect();
        toml_text::text(&self.values(), &order)
    }

    /// The tree with `changes` over everything else, and a reading of it in which nothing is noted yet.
    pub fn with(&self, changes: &[Flag]) -> Result<(Node, Reading), Diagnostic> {
        let Self {
            mut root, mut texts, ..
        } = self.changed(changes)?;
        if self.skip_bad_rows && has_trace(&root) {
            let flag = Flag::new("--skip-bad-rows", "workload.trace.skip_bad_rows=true");
            document::overlay(&mut texts, &mut root, &flag)?;
        }
        Ok((root, Reading::of(texts, self.files.clone(), tables::home)))
    }
}

fn scenario_text(layers: &Layers) -> Result<Text, Diagnostic> {
    Ok(match &layers.file {
        None => Text::of_file("the embedded demo scenario", DEMO.to_owned(), Path::new("")),
        Some(path) => {
            let content = read_file(path, &layers.files)?;
            Text::of_file(
                path.display().to_string(),
                content,
                path.parent().unwrap_or(Path::new("")),
            )
        }
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
