//! One setting, and what may be written for it: a table is a value of settings, so neither stands without the other.

/// A key of a table, with everything that readers, errors, flags and documentation say of it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The key as scenarios spell it, without its table.
    pub name: &'static str,
    /// Other spellings that are accepted: vLLM's and Hugging Face's own.
    pub aliases: &'static [&'static str],
    /// The flag of the command line that sets it, such as `--max-num-seqs`; `None` if only `--set` does. A switch has
    /// one to turn it off too, with `--no-` before the name.
    pub flag: Option<&'static str>,
    /// What may be written.
    pub kind: Kind,
    /// What a number counts, such as `tokens`; empty for what needs no unit.
    pub unit: &'static str,
    /// What it is if nobody writes it.
    pub default: Default,
    /// What it is, in one sentence without a full stop.
    pub help: &'static str,
}

/// What a setting is if nobody writes it.
#[derive(Clone, Copy, Debug)]
pub enum Default {
    /// It has to be written; the text says what to write, such as `write rate = 8.0, in requests per second`.
    Required(&'static str),
    /// Nothing: what it would ask for is not done.
    Nothing,
    /// This value, written as in TOML, and why.
    Is(&'static str, &'static str),
    /// A value that depends on others: which, in words.
    Depends(&'static str),
}

impl Setting {
    /// A setting that may be left out, without other spellings, flag or unit: the start of every declaration.
    pub const fn new(name: &'static str, kind: Kind, help: &'static str) -> Self {
        Self {
            name,
            aliases: &[],
            flag: None,
            kind,
            unit: "",
            default: Default::Nothing,
            help,
        }
    }

    /// Adds other spellings.
    #[must_use]
    pub const fn or(mut self, aliases: &'static [&'static str]) -> Self {
        self.aliases = aliases;
        self
    }

    /// Adds a flag of the command line.
    #[must_use]
    pub const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }

    /// Says what its number counts.
    #[must_use]
    pub const fn unit(mut self, unit: &'static str) -> Self {
        self.unit = unit;
        self
    }

    /// Says that it is this value, written as in TOML, if nobody writes it, and why.
    #[must_use]
    pub const fn default(mut self, value: &'static str, why: &'static str) -> Self {
        self.default = Default::Is(value, why);
        self
    }

    /// Says on what it depends if nobody writes it.
    #[must_use]
    pub const fn depends(mut self, on: &'static str) -> Self {
        self.default = Default::Depends(on);
        self
    }

    /// Says that it has to be written, and what.
    #[must_use]
    pub const fn required(mut self, help: &'static str) -> Self {
        self.default = Default::Required(help);
        self
    }

    /// The default that is declared, written as in TOML, and why it is that.
    ///
    /// # Panics
    ///
    /// Panics if none is declared, or if it depends on others.
    pub fn declared_default(&self) -> (&'static str, &'static str) {
        match self.default {
            Default::Is(value, why) => (value, why),
            _ => panic!("`{}` is declared without a fixed default", self.name),
        }
    }

    /// What to write where it is missing.
    ///
    /// # Panics
    ///
    /// Panics if it may be left out.
    pub fn required_help(&self) -> &'static str {
        match self.default {
            Default::Required(help) => help,
            _ => panic!("`{}` is declared as one that may be left out", self.name),
        }
    }
}

/// What values a setting takes. Both ends of a range are allowed.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A whole number of at most 32 bits.
    Count {
        /// The least whole number that is allowed.
        min: u32,
        /// The greatest whole number that is allowed.
        max: u32,
    },
    /// A whole number.
    Integer {
        /// The least whole number that is allowed.
        min: u64,
        /// The greatest whole number that is allowed.
        max: u64,
    },
    /// A whole number that may be negative.
    Signed {
        /// The least whole number that is allowed, perhaps negative.
        min: i32,
        /// The greatest whole number that is allowed.
        max: i32,
    },
    /// A number, whole or not, between two bounds.
    Number {
        /// The least number that is allowed.
        min: f64,
        /// The greatest number that is allowed.
        max: f64,
    },
    /// A number above 0.
    Positive {
        /// The greatest number that is allowed.
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
    /// How much comes in a second, with its unit, such as `"2 GB/s"`.
    Bandwidth,
    /// An amount of memory or storage with its unit, such as `"80GB"`.
    Bytes,
    /// A part of one with its sign, such as `"99.9%"`.
    Percentage,
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
    /// Any keys of the scenario's table of this name, laid over what stands there.
    LaidOver(&'static str),
    /// A list of values of one kind.
    List(&'static Kind),
    /// A value of one of several kinds, told apart by their form.
    Either(&'static [Kind]),
    /// A table whose keys are data, such as objectives.
    Map {
        /// Values of keys with a dot in them, each of which may also be the key of a table with such values.
        dotted: &'static Kind,
        /// Values of other keys, numbers in quotes or not.
        plain: &'static Kind,
    },
}

/// A word that may be written, and what it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Word {
    /// The word as scenarios spell it.
    pub name: &'static str,
    /// What it stands for, in a sentence without a full stop.
    pub help: &'static str,
}

/// The words of a [`Kind::Choice`] as they are listed elsewhere: of each entry of a list its name and what explains it,
/// by the names or numbers of these fields.
macro_rules! words {
    ($list:expr, $name:tt, $help:tt) => {{
        let mut words = [$crate::settings::Word { name: "", help: "" }; $list.len()];
        let mut place = 0;
        while place < $list.len() {
            words[place] = $crate::settings::Word {
                name: $list[place].$name,
                help: $list[place].$help,
            };
            place += 1;
        }
        words
    }};
}
pub(crate) use words;

/// A form of a table, by the word that asks for it.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// The word that asks for this form of the table.
    pub name: &'static str,
    /// What it stands for, in a sentence without a full stop.
    pub help: &'static str,
    /// The keys that it has.
    pub settings: &'static [&'static Setting],
}
