//! The texts a scenario is put together from (a file, `--set` flags), and places in them.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use super::diagnostic::Snippet;

/// A text the user wrote.
#[derive(Clone, Debug)]
pub struct Text {
    /// What messages call it: a path, or a flag such as `--set`.
    pub name: String,
    /// All that the user wrote in it.
    pub content: String,
    /// The directory that relative paths in it start from.
    pub base: PathBuf,
    /// Whether it is one assignment, which needs no line number.
    pub is_flag: bool,
    /// Where its lines start, once somebody has asked: a long text holds many values, and each is noted with its line.
    line_starts: OnceLock<Vec<usize>>,
}

impl Text {
    /// The text of a file that messages call `name`; relative paths in it start from `base`.
    pub fn of_file(name: impl Into<String>, content: String, base: &Path) -> Self {
        Self {
            name: name.into(),
            content,
            base: base.to_owned(),
            is_flag: false,
            line_starts: OnceLock::new(),
        }
    }

    /// One assignment, which messages call `name`; relative paths in it start from `base`.
    pub fn of_flag(name: impl Into<String>, content: String, base: &Path) -> Self {
        Self {
            is_flag: true,
            ..Self::of_file(name, content, base)
        }
    }

    /// The number of the line, from 0, that holds a byte, and where it starts.
    fn line_at(&self, byte: usize) -> (usize, usize) {
        let starts = self.line_starts.get_or_init(|| {
            let ends = self.content.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
            std::iter::once(0).chain(ends.map(|(at, _)| at + 1)).collect()
        });
        let number = starts.partition_point(|start| *start <= byte) - 1;
        (number, starts[number])
    }
}

/// A stretch of bytes in one of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which of the texts: its index in [`Texts`].
    pub text: usize,
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

/// All texts of a scenario; later ones override earlier ones.
#[derive(Clone, Debug, Default)]
pub struct Texts(Vec<Arc<Text>>);

impl Texts {
    /// Adds a text; its index is what a [`Place`] refers to.
    pub fn add(&mut self, text: Arc<Text>) -> usize {
        self.0.push(text);
        self.0.len() - 1
    }

    /// The text with this index.
    pub fn get(&self, text: usize) -> &Text {
        &self.0[text]
    }

    /// The directory that paths written at `place` are relative to.
    pub fn base(&self, place: Place) -> &Path {
        &self.0[place.text].base
    }

    /// The source line around `place`, for a message.
    pub fn snippet(&self, place: Place) -> Snippet {
        let text = self.get(place.text);
        let (number, start) = text.line_at(place.start);
        Snippet::of_line(
            &text.name,
            number + 1,
            &text.content[start..],
            place.start - start..place.end - start,
        )
    }

    /// `name:line`, short enough for a table.
    pub fn line_of(&self, place: Place) -> String {
        let text = self.get(place.text);
        if text.is_flag {
            return text.name.clone();
        }
        format!("{}:{}", text.name, text.line_at(place.start).0 + 1)
    }
}
