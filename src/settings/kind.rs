//! What may be written for a setting.

use super::Setting;

/// What values a setting takes. Both ends of a range are allowed.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number of at most 32 bits.
    Count {
        /// The least.
        min: u32,
        /// The most.
        max: u32,
    },
    /// A whole number.
    Integer {
        /// The least.
        min: u64,
        /// The most.
        max: u64,
    },
    /// A whole number that may be negative.
    Signed {
        /// The least.
        min: i32,
        /// The most.
        max: i32,
    },
    /// A number.
    Number {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// A number above 0.
    Positive {
        /// The most.
        max: f64,
    },
    /// `true` or `false`.
    Boolean,
    /// Any text but an empty one.
    Text,
    /// A file; a relative path starts from the directory of the text that it was written in.
    Path,
    /// A length of time with its unit, such as `"2s"`.
    Duration,
    /// One of a few words.
    Choice(&'static [Word]),
    /// A table with keys of its own.
    Table(&'static [&'static Setting]),
    /// A table in which one key says which others it has.
    Tagged {
        /// The key that says so, which is a choice among the variants' names.
        tag: &'static Setting,
        /// What it may say.
        variants: &'static [Variant],
        /// Keys that all variants have.
        common: &'static [&'static Setting],
    },
    /// A list of values of one kind.
    List(&'static Kind),
    /// A value of one of several kinds, told apart by their form.
    Either(&'static [Kind]),
    /// A table whose keys are data, such as objectives; each has a value of this kind.
    Map(&'static Kind),
}

/// A word that may be written, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word.
    pub name: &'static str,
    /// What it stands for, in a sentence without a full stop.
    pub help: &'static str,
}

/// A form of a table, by the word that asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The word.
    pub name: &'static str,
    /// What it stands for, in a sentence without a full stop.
    pub help: &'static str,
    /// The keys that it has.
    pub settings: &'static [&'static Setting],
}
