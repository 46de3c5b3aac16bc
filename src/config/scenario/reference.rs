//! The reference of every key of a scenario, in Markdown: made of the declarations of all settings.

use std::fmt::Write;

use super::form::TableForms;
use super::tables::{KeyOf, ScenarioTable, tables};
use crate::settings::{Default, Kind, Setting, Word};

const HEAD: &str = "\
# Keys of a scenario

Every key that a scenario may have, by table. A key is set in the file, by `--set KEY=VALUE` with the names of the
tables before it, such as `--set server.block_size=32`, or by its flag. Dashes may stand in the place of underscores.
`tailcast schema` prints the same as a JSON Schema, and `tailcast run --explain` what each key is in a run and why.
This file is made of the declarations in the sources: `TAILCAST_WRITE_REFERENCE=1 cargo test reference` writes it anew.
";

/// The whole text.
pub fn reference() -> String {
    let mut writer = Writer {
        text: HEAD.to_owned(),
        described: Vec::new(),
        tables: Vec::new(),
    };
    let tables = tables();
    for table in &tables {
        writer.section(table);
    }
    let top = tables.iter().filter(|table| table.declared.is_none());
    for key in top.flat_map(|table| &table.keys) {
        if let Kind::List(Kind::Table(_)) = key.setting.kind {
            writer.heading(2, &format!("`[[{}]]`", key.setting.name));
            writer.line(&format!("\n{}.", key.setting.help));
            writer.parts(key.setting.name, key.setting.kind);
        }
    }
    writer.text
}

struct Writer {
    text: String,
    /// Tables with several forms that stand above, each with its key.
    described: Vec<(String, TableForms)>,
    /// Tables at the top that stand above, each with its keys.
    tables: Vec<(&'static str, &'static [&'static Setting])>,
}

impl Writer {
    fn section(&mut self, table: &ScenarioTable) {
        let Some(declared) = table.declared else {
            self.heading(2, "Top level");
            return self.keys(&table.keys);
        };
        self.heading(2, &format!("`[{}]`", declared.name));
        self.line(&format!("\n{}.", declared.help));
        if table.keys.is_empty() {
            let values = values(declared.kind);
            return self.line(&format!("\nIts keys are data; the value of each is {values}."));
        }
        self.keys(&table.keys);
        for key in &table.keys {
            self.below(table.name(), key.setting);
        }
        if let Kind::Table(settings) = declared.kind {
            self.tables.push((declared.name, settings));
        }
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn heading(&mut self, level: usize, title: &str) {
        self.line(&format!("\n{} {title}", "#".repeat(level)));
    }

    /// A table of keys.
    fn keys(&mut self, keys: &[KeyOf]) {
        let has_policies = keys.iter().any(|key| !key.policies.is_empty());
        let policies = |of: &str| {
            if has_policies { format!("{of}|") } else { String::new() }
        };
        self.line(&format!(
            "\n| Key | What it is | What may be written | If left out |{}",
            policies(" Policies ")
        ));
        self.line(&format!("|---|---|---|---|{}", policies("---")));
        for key in keys {
            let of = policies(&format!(" {} ", key.policies.join(", ")));
            self.line(&format!("{}{of}", row(key.setting)));
        }
    }

    fn settings(&mut self, settings: &[&'static Setting]) {
        let keys: Vec<KeyOf> = settings.iter().map(|&setting| KeyOf::any(setting)).collect();
        self.keys(&keys);
    }

    /// What stands below a key: the meanings of its words, and the keys of its tables.
    fn below(&mut self, owner: &str, setting: &'static Setting) {
        self.parts(&format!("{owner}.{}", setting.name), setting.kind);
    }

    fn parts(&mut self, path: &str, kind: Kind) {
        match kind {
            Kind::Choice(words) => self.words(path, words),
            Kind::Either([Kind::Choice(words), Kind::Choice(others)]) => self.words(path, &[*words, *others].concat()),
            Kind::Table(settings) => {
                self.heading(3, &format!("Keys of `{path}`"));
                if let Some(owner) = self.owner(settings) {
                    let names: Vec<String> = settings.iter().map(|setting| format!("`{}`", setting.name)).collect();
                    return self.line(&format!("\nOf those of `[{owner}]`: {}.", names.join(", ")));
                }
                self.settings(settings);
                for setting in settings {
                    self.below(path, setting);
                }
            }
            Kind::Tagged { tag, variants, common } => self.forms(path, TableForms { tag, variants, common }),
            Kind::List(kind) => self.parts(&format!("{path}[]"), *kind),
            Kind::Either(kinds) => kinds.iter().for_each(|&kind| self.parts(path, kind)),
            _ => {}
        }
    }

    /// The table above that has all of these keys.
    fn owner(&self, settings: &[&'static Setting]) -> Option<&'static str> {
        let has_all = |(_, keys): &&(&str, &[&Setting])| {
            let is_it = |one: &Setting, other: &Setting| one.name == other.name && one.help == other.help;
            settings
                .iter()
                .all(|setting| keys.iter().any(|key| is_it(key, setting)))
        };
        self.tables.iter().find(has_all).map(|(name, _)| *name)
    }

    fn words(&mut self, path: &str, words: &[Word]) {
        self.heading(3, &format!("Words of `{path}`"));
        self.line("");
        for word in words {
            self.line(&format!("- `{}`: {}", word.name, word.help));
        }
    }

    /// A table with several forms; one that stands above is only named.
    fn forms(&mut self, path: &str, form: TableForms) {
        self.heading(3, &format!("Keys of `{path}`"));
        let above = self.described.iter().find(|(_, other)| other.has_forms_of(form));
        let above = above.map(|(key, _)| format!("\nWith the forms of `{key}`."));
        if let Some(above) = above {
            self.line(&above);
            if !form.common.is_empty() {
                self.settings(form.common);
            }
            return;
        }
        self.described.push((path.to_owned(), form));
        self.settings(&[&[form.tag], form.common].concat());
        let names: Vec<String> = form
            .variants
            .iter()
            .map(|variant| format!("`{}`", variant.name))
            .collect();
        self.line(&format!("\n`{}` is one of {}.", form.tag.name, names.join(", ")));
        for variant in form.variants {
            self.line(&format!(
                "\n`{} = \"{}\"`: {}.",
                form.tag.name, variant.name, variant.help
            ));
            if !variant.settings.is_empty() {
                self.settings(variant.settings);
            }
        }
        let mut below: Vec<&'static Setting> = Vec::new();
        for setting in form.variants.iter().flat_map(|variant| variant.settings) {
            if !below.iter().any(|other| other.name == setting.name) {
                below.push(setting);
                self.below(path, setting);
            }
        }
    }
}

fn row(setting: &Setting) -> String {
    let mut names = format!("`{}`", setting.name);
    for alias in setting.aliases {
        let _ = write!(names, ", `{alias}`");
    }
    if let Some(flag) = setting.flag {
        let _ = write!(names, ", `{flag}`");
        if let (Kind::Boolean, Some(name)) = (setting.kind, flag.strip_prefix("--")) {
            let _ = write!(names, ", `--no-{name}`");
        }
    }
    let unit = match setting.unit {
        "" | "name" | "format" | "rule" => String::new(),
        unit => format!(" [{unit}]"),
    };
    format!(
        "| {names} | {} | {}{unit} | {} |",
        escaped(setting.help),
        escaped(&values(setting.kind)),
        escaped(&default(setting)),
    )
}

fn default(setting: &Setting) -> String {
    match setting.default {
        Default::Required(help) => format!("it is missing: {help}"),
        Default::Nothing => "nothing".to_owned(),
        Default::Is(value, why) => format!("`{value}`: {why}"),
        Default::Depends(on) => on.to_owned(),
    }
}

/// What may be written for a kind.
fn values(kind: Kind) -> String {
    match kind {
        Kind::Count { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Integer { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Signed { min, max } => format!("a whole number from {min} to {max}"),
        Kind::Number { min, max } => format!("a number from {min} to {max}"),
        Kind::Positive { max } => format!("a number above 0, at most {max}"),
        Kind::Boolean => "`true` or `false`".to_owned(),
        Kind::Text => "text".to_owned(),
        Kind::Path => "a file, from the directory of the text that names it".to_owned(),
        Kind::Duration => "a length of time, such as `\"2s\"`".to_owned(),
        Kind::Bandwidth => "a bandwidth, such as `\"2 GB/s\"`".to_owned(),
        Kind::Bytes => "an amount of memory, such as `\"80GB\"`".to_owned(),
        Kind::Choice(words) => {
            let words: Vec<String> = words.iter().map(|word| format!("`{}`", word.name)).collect();
            words.join(", ")
        }
        Kind::Table(_) | Kind::Tagged { .. } => "a table, see below".to_owned(),
        Kind::LaidOver(name) => format!("a table with any keys of `[{name}]`, laid over it key by key"),
        Kind::List(kind) => format!("a list, each entry {}", values(*kind)),
        Kind::Either(kinds) => {
            let kinds: Vec<String> = kinds.iter().map(|&kind| values(kind)).collect();
            kinds.join(", or ")
        }
        Kind::Percentage => "a percentage, such as `\"99.9%\"`".to_owned(),
        Kind::Map { dotted, plain } => format!(
            "{} if the key has a dot, which may be a table too, else {}, in quotes or not",
            values(*dotted),
            values(*plain)
        ),
    }
}

fn escaped(words: &str) -> String {
    words.replace('|', "\\|")
}
