//! What a scenario says of settings, for those who read themselves from it.

use std::fmt::Debug;
use std::str::FromStr;

use super::Setting;
use crate::units::Span;

/// Looks settings up in a table, each checked against its declaration. What is read is noted with its origin or, where
/// the default stands, with the reason for it.
pub trait Written {
    /// What is wrong with a table.
    type Error: From<Refused>;

    /// Whether it was written.
    fn has(&self, setting: &'static Setting) -> bool;

    /// A [`super::Kind::Count`], or `default` because of `why`.
    fn count(&self, setting: &'static Setting, default: u32, why: &str) -> Result<u32, Self::Error>;

    /// A [`super::Kind::Count`], if it was written.
    fn optional_count(&self, setting: &'static Setting) -> Result<Option<u32>, Self::Error>;

    /// A [`super::Kind::Number`], or `default` because of `why`.
    fn number(&self, setting: &'static Setting, default: f64, why: &str) -> Result<f64, Self::Error>;

    /// A [`super::Kind::Boolean`], or `default` because of `why`.
    fn boolean(&self, setting: &'static Setting, default: bool, why: &str) -> Result<bool, Self::Error>;

    /// A [`super::Kind::Duration`], or `default` because of `why`.
    fn duration(&self, setting: &'static Setting, default: Span, why: &str) -> Result<Span, Self::Error>;

    /// The place of the word of a [`super::Kind::Choice`] among its words, or of `default` because of `why`.
    fn choice(&self, setting: &'static Setting, default: &'static str, why: &str) -> Result<usize, Self::Error>;

    /// A [`super::Kind::Count`], if it was written, without a note that it was read: for what others depend on before
    /// its own default is known.
    fn peek_count(&self, setting: &'static Setting) -> Result<Option<u32>, Self::Error>;

    /// Refuses what was written for these settings, and is not what they take, without reading it: for settings that
    /// belong to what is not used.
    fn check(&self, settings: &[&'static Setting]) -> Result<(), Self::Error>;

    /// A [`super::Kind::Count`], or the default that is declared.
    fn declared_count(&self, setting: &'static Setting) -> Result<u32, Self::Error> {
        let (default, why) = declared(setting);
        self.count(setting, default, why)
    }

    /// A [`super::Kind::Number`], or the default that is declared.
    fn declared_number(&self, setting: &'static Setting) -> Result<f64, Self::Error> {
        let (default, why) = declared(setting);
        self.number(setting, default, why)
    }

    /// A [`super::Kind::Boolean`], or the default that is declared.
    fn declared_boolean(&self, setting: &'static Setting) -> Result<bool, Self::Error> {
        let (default, why) = declared(setting);
        self.boolean(setting, default, why)
    }

    /// What the word of a [`super::Kind::Choice`] stands for, or the one that is declared as default: `meanings` has
    /// one for each word, in their order.
    fn declared_choice<T: Copy>(&self, setting: &'static Setting, meanings: &[T]) -> Result<T, Self::Error> {
        let (default, why) = setting.declared_default();
        let place = self.choice(setting, default.trim_matches('"'), why)?;
        Ok(meanings[place])
    }
}

/// The default of a declaration, and why it is that.
fn declared<T: FromStr<Err: Debug>>(setting: &'static Setting) -> (T, &'static str) {
    let (value, why) = setting.declared_default();
    let value = value.parse();
    (value.expect("a declared default is of its setting's kind"), why)
}

/// Values that are fine one by one and not together, or not for this server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The settings that it is about: the first one that was written is the one to show.
    pub settings: Vec<&'static str>,
    /// What is wrong, in one sentence without a full stop.
    pub message: String,
    /// What to write instead, one entry a line.
    pub help: Vec<String>,
}

impl Refused {
    /// Something wrong about these settings; about the whole table if there are none.
    pub fn new(settings: &[&Setting], message: impl Into<String>) -> Self {
        Self {
            settings: settings.iter().map(|setting| setting.name).collect(),
            message: message.into(),
            help: Vec::new(),
        }
    }

    /// Says what to write instead.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}
