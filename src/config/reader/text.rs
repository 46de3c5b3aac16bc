//! The texts a scenario is put together from (a file, `--set` flags), and places in them.

use std::path::{Path, PathBuf};

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
pub struct Texts(Vec<Text>);

impl Texts {
    /// Adds a text; its index is what a [`Place`] refers to.
    pub fn add(&mut self, text: Text) -> usize {
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
        Snippet::cut(&text.name, &text.content, place.start..place.end)
    }

    /// `name:line`, short enough for a table.
    pub fn line_of(&self, place: Place) -> String {
        let text = self.get(place.text);
        let line = text.content[..place.start.min(text.content.len())]
            .matches('\n')
            .count()
            + 1;
        if text.is_flag {
            text.name.clone()
        } else {
            format!("{}:{line}", text.name)
        }
    }
}
