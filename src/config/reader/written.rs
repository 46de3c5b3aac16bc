//! Settings read themselves from the keys of a table: each is looked up, checked against its declaration and noted.

use super::diagnostic::Diagnostic;
use super::fields::Fields;
use super::key::{self, Choice};
use crate::settings::{Kind, Refused, Setting, Written};
use crate::units::Span;

/// What is wrong with a table.
#[derive(Debug)]
pub enum Wrong {
    /// A value, at its place.
    Value(Box<Diagnostic>),
    /// Values beside each other, whose place is not looked up yet.
    Together(Refused),
}

impl From<Diagnostic> for Wrong {
    fn from(diagnostic: Diagnostic) -> Self {
        Self::Value(Box::new(diagnostic))
    }
}

impl From<Refused> for Wrong {
    fn from(refused: Refused) -> Self {
        Self::Together(refused)
    }
}

impl<'a> Fields<'a> {
    /// Reads what reads itself, and shows the place of what it refuses.
    pub fn read<T>(&self, read: impl FnOnce(&Self) -> Result<T, Wrong>) -> Result<T, Diagnostic> {
        read(self).map_err(|wrong| match wrong {
            Wrong::Value(diagnostic) => *diagnostic,
            Wrong::Together(refused) => self.refuse(refused),
        })
    }

    /// Shows the first of the refused settings that was written; the table if none was.
    pub fn refuse(&self, refused: Refused) -> Diagnostic {
        let mut settings = refused.settings.iter();
        let written = settings.find(|name| self.has(name)).copied().unwrap_or_default();
        let error = self.error(written, refused.message);
        refused.help.into_iter().fold(error, Diagnostic::help)
    }

    /// The word that is written for a choice, with its place among those that are allowed.
    pub fn word_of(&self, setting: &'static Setting) -> Result<key::Found<'a, Choice<usize>>, Diagnostic> {
        let Kind::Choice(words) = setting.kind else {
            unreachable!("`{}` is declared as another kind than it is read as", setting.name);
        };
        let words: Vec<_> = words.iter().map(|word| word.name).zip(0..).collect();
        self.find(setting)?.choice(&words)
    }

    /// Refuses what was written for a setting and is not what it takes. What is inside a table, may be of several
    /// kinds, or is a percentage is left to who reads it.
    fn check_one(&self, setting: &'static Setting) -> Result<(), Diagnostic> {
        let key = self.find(setting)?;
        match setting.kind {
            Kind::Count { .. } => key.declared_count().map(drop),
            Kind::Integer { .. } => key.declared_integer().map(drop),
            Kind::Signed { .. } => key.declared_signed().map(drop),
            Kind::Number { .. } | Kind::Positive { .. } => key.declared_number().map(drop),
            Kind::Boolean => key.boolean().map(drop),
            Kind::Text | Kind::Path => key.text().map(drop),
            Kind::Duration => key.duration().map(drop),
            Kind::Bandwidth => key.bandwidth().map(drop),
            Kind::Bytes => key.bytes().map(drop),
            Kind::Choice(_) => self.word_of(setting).map(drop),
            Kind::Table(_) | Kind::Tagged { .. } | Kind::Map { .. } | Kind::LaidOver(_) => key.table().map(drop),
            Kind::List(_) => key.list().map(drop),
            Kind::Percentage | Kind::Either(_) => Ok(()),
        }
    }
}

impl Written for Fields<'_> {
    type Error = Wrong;

    fn has(&self, setting: &'static Setting) -> bool {
        let mut spellings = setting.aliases.iter().chain([&setting.name]);
        spellings.any(|name| Fields::has(self, name))
    }

    fn count(&self, setting: &'static Setting, default: u32, why: &str) -> Result<u32, Wrong> {
        Ok(self.find(setting)?.declared_count()?.or(default, why))
    }

    fn optional_count(&self, setting: &'static Setting) -> Result<Option<u32>, Wrong> {
        Ok(self.find(setting)?.declared_count()?.optional())
    }

    fn peek_count(&self, setting: &'static Setting) -> Result<Option<u32>, Wrong> {
        Ok(self.find(setting)?.declared_count()?.value())
    }

    fn number(&self, setting: &'static Setting, default: f64, why: &str) -> Result<f64, Wrong> {
        Ok(self.find(setting)?.declared_number()?.or(default, why))
    }

    fn boolean(&self, setting: &'static Setting, default: bool, why: &str) -> Result<bool, Wrong> {
        Ok(self.find(setting)?.boolean()?.or(default, why))
    }

    fn duration(&self, setting: &'static Setting, default: Span, why: &str) -> Result<Span, Wrong> {
        Ok(self.find(setting)?.duration()?.or(default, why))
    }

    fn choice(&self, setting: &'static Setting, default: &'static str, why: &str) -> Result<usize, Wrong> {
        let Kind::Choice(words) = setting.kind else {
            unreachable!("`{}` is declared as another kind than it is read as", setting.name);
        };
        let place = words.iter().position(|word| word.name == default);
        let default = Choice {
            name: default,
            value: place.expect("the default is one of the words"),
        };
        Ok(self.word_of(setting)?.or(default, why).value)
    }

    fn check(&self, settings: &[&'static Setting]) -> Result<(), Wrong> {
        for setting in settings {
            self.check_one(setting)?;
        }
        Ok(())
    }
}
