//! A scenario to start from: what has to be written is, and every other key stands behind a `#` with what it is if left
//! out. Made of the declarations of all settings, and of what a reading of the scenario takes for those left out.

use std::fmt::Write;

use super::no_scenario::NoScenario;
use super::resolved::Scenario;
use super::tables::{KeyOf, ScenarioTable, tables};
use crate::config::reader::reading::Resolved;
use crate::policy::POLICY;
use crate::settings::{Default, Kind, Setting, Variant};

/// The longest line [characters].
const WIDEST: usize = 100;

const HEAD: &str = "\
A scenario for tailcast: one inference server and the requests it gets. Keys behind a # show what they are if left \
out; `tailcast run FILE --explain` says why. Every key can also be set from the command line, such as \
--set batching.max_num_seqs=64. Batching policies other than this one have keys of their own: `tailcast schema` \
lists all.";

/// What has to be written, apart from what a declaration has an example of: a table, a key, and its value as in TOML.
const WRITTEN: [(&str, &str, &str); 2] = [("", "name", "\"my server\""), ("workload", "requests", "10000")];

/// Objectives to start from.
const OBJECTIVES: &str = "\"ttft.p99\" = \"2s\"\n\"tpot.p99\" = \"50ms\"\n";

/// Tables that ask for something by being there.
const ASKED_FOR: [&str; 5] = ["retrieval", "reliability", "capacity", "cost", "budget"];

/// GPUs that share a model which is too large for fewer.
const TENSOR_PARALLEL: [&str; 5] = ["1", "2", "4", "8", "16"];

/// The text of a scenario of this model on so many of this GPU as it fits on.
pub fn starter(model: &str, gpu: &str) -> Result<String, NoScenario> {
    let mut refused = None;
    for tensor_parallel in TENSOR_PARALLEL {
        let mut starter = Starter {
            model,
            gpu,
            tensor_parallel,
            defaults: None,
        };
        match Scenario::from_toml(&starter.text()) {
            Ok(scenario) => {
                starter.defaults = Some(scenario.settings);
                return Ok(starter.text());
            }
            // Why it cannot be split further says less than why it does not fit.
            Err(problem) => refused = refused.or(Some(problem)),
        }
    }
    Err(refused.expect("one GPU was tried"))
}

struct Starter<'a> {
    model: &'a str,
    gpu: &'a str,
    tensor_parallel: &'a str,
    /// What the scenario takes for keys that it leaves out; `None` until it was read, and then nothing is explained.
    defaults: Option<Vec<Resolved>>,
}

impl Starter<'_> {
    fn text(&self) -> String {
        let mut text = self.comment(HEAD) + "\n";
        for table in tables() {
            self.table(&table, &mut text);
        }
        text
    }

    fn table(&self, table: &ScenarioTable, text: &mut String) {
        if ASKED_FOR.contains(&table.name()) {
            return self.asked_for(table, text);
        }
        if let Some(declared) = table.declared {
            *text += "\n";
            *text += &self.comment(declared.help);
            let _ = writeln!(text, "[{}]", declared.name);
            if table.keys.is_empty() {
                *text += OBJECTIVES;
            }
        }
        let policy = unquoted(POLICY.declared_default().0);
        for key in table.keys.iter().filter(|key| has_policy(key, policy)) {
            self.key(table.name(), key.setting, text);
        }
    }

    /// A table that asks for something stands behind marks as a whole.
    fn asked_for(&self, table: &ScenarioTable, text: &mut String) {
        if self.defaults.is_none() {
            return;
        }
        let help = table.declared.map_or("", |declared| declared.help);
        *text += "\n";
        *text += &self.comment(help);
        let _ = writeln!(text, "# [{}]", table.name());
        for KeyOf { setting, .. } in &table.keys {
            let left_out = match setting.default {
                Default::Depends(on) => on,
                Default::Is(value, _) => value,
                Default::Required(_) => "an error",
                Default::Nothing => "nothing",
            };
            let help = described(setting);
            let usual = match setting.default {
                Default::Is(value, _) => Some(value.to_owned()),
                _ => required_example(setting).or_else(|| example(setting.kind)),
            };
            *text += &match usual {
                Some(value) => {
                    self.comment(&format!("{help}. If left out: {left_out}"))
                        + &format!("# {} = {value}\n", setting.name)
                }
                None => self.comment(&format!("`{}`: {help}. If left out: {left_out}", setting.name)),
            };
        }
    }

    fn key(&self, table: &str, setting: &Setting, text: &mut String) {
        let help = described(setting);
        if let Some(value) = self.written(table, setting) {
            *text += &self.comment(&help);
            let _ = writeln!(text, "{} = {value}", setting.name);
            return;
        }
        let Some(defaults) = &self.defaults else {
            return;
        };
        let left_out = match setting.default {
            Default::Depends(on) => on,
            _ => "nothing",
        };
        let assigned = |value: &str| format!("# {} = {value}\n", setting.name);
        *text += &match (default(defaults, table, setting), example(setting.kind)) {
            (Some(value), _) => self.comment(&help) + &assigned(&value),
            (None, Some(example)) => self.comment(&format!("{help}. If left out: {left_out}")) + &assigned(&example),
            (None, None) => self.comment(&format!("`{}`: {help}. If left out: {left_out}", setting.name)),
        };
    }

    /// What is written for a key that has to be.
    fn written(&self, table: &str, setting: &Setting) -> Option<String> {
        let is = |name: &str| setting.name == name;
        let quoted = |text: &str| serde_json::Value::from(text).to_string();
        let fixed = WRITTEN.iter().find(|(of, name, _)| *of == table && is(name));
        match table {
            _ if fixed.is_some() => fixed.map(|(_, _, value)| (*value).to_owned()),
            "" => match setting.default {
                Default::Is(value, _) => Some(value.to_owned()),
                _ => None,
            },
            "model" if is("name") => Some(quoted(self.model)),
            "server" if is("gpu") => Some(quoted(self.gpu)),
            "server" if is("tensor_parallel") && self.tensor_parallel != "1" => Some(self.tensor_parallel.to_owned()),
            "batching" if is(POLICY.name) => Some(POLICY.declared_default().0.to_owned()),
            _ => required_example(setting),
        }
    }

    /// Words behind `#`, in lines.
    fn comment(&self, words: &str) -> String {
        if self.defaults.is_none() {
            return String::new();
        }
        let mut text = String::new();
        let mut line = "#".to_owned();
        for word in unbroken(words) {
            if line.chars().count() + word.chars().count() >= WIDEST {
                text += &line;
                text.push('\n');
                "#".clone_into(&mut line);
            }
            line.push(' ');
            line += &word;
        }
        text + &line + "\n"
    }
}

/// Words that lines are broken between. A line that began with `key = value` would look like a key that is left out.
fn unbroken(words: &str) -> Vec<String> {
    let mut units: Vec<String> = Vec::new();
    for word in words.split(' ') {
        let key = if word == "=" { units.pop() } else { None };
        match (key, units.last_mut()) {
            (Some(key), Some(before)) => *before = format!("{before} {key} ="),
            (key, _) => units.push(key.map_or_else(|| word.to_owned(), |key| format!("{key} ="))),
        }
    }
    units
}

fn has_policy(key: &KeyOf, policy: &str) -> bool {
    key.policies.is_empty() || key.policies.contains(&policy)
}

/// What a setting is, and what may be written for it.
fn described(setting: &Setting) -> String {
    let mut text = setting.help.to_owned();
    if !matches!(setting.unit, "" | "name" | "format" | "rule") {
        let _ = write!(text, " [{}]", setting.unit);
    }
    let choices = choices(setting.kind);
    if !choices.is_empty() {
        let _ = write!(text, " ({choices})");
    }
    text
}

/// The words, forms or keys that may be written.
fn choices(kind: Kind) -> String {
    let names = |settings: &[&Setting]| {
        let names: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
        names.join(", ")
    };
    match kind {
        Kind::Choice(words) => words.iter().map(|word| word.name).collect::<Vec<_>>().join(", "),
        // Second choices are other spellings of the first.
        Kind::Either([first @ Kind::Choice(_), ..]) => choices(*first),
        Kind::Either(kinds) => kinds.iter().map(|&kind| choices(kind)).collect(),
        Kind::Table(settings) => format!("{{{}}}", names(settings)),
        Kind::Tagged { variants, .. } => {
            let form = |variant: &Variant| match variant.settings {
                [] => variant.name.to_owned(),
                settings => format!("{} {{{}}}", variant.name, names(settings)),
            };
            variants.iter().map(form).collect::<Vec<_>>().join(", ")
        }
        Kind::List(kind) => choices(*kind),
        _ => String::new(),
    }
}

/// What a key is if left out, as in TOML.
fn default(defaults: &[Resolved], table: &str, setting: &Setting) -> Option<String> {
    if let Default::Is(value, _) = setting.default {
        return Some(value.to_owned());
    }
    let key = format!("{table}.{}", setting.name);
    let noted = |key: &str| {
        let noted = defaults.iter().find(|noted| noted.key == key);
        noted.map(|noted| as_toml(&noted.value))
    };
    let Kind::Table(settings) = setting.kind else {
        return noted(&key);
    };
    let pairs = settings.iter().map(|setting| {
        let value = noted(&format!("{key}.{}", setting.name))?;
        Some(format!("{} = {value}", setting.name))
    });
    let pairs: Option<Vec<String>> = pairs.collect();
    Some(format!("{{ {} }}", pairs?.join(", ")))
}

/// A value as the ledger has it: words without quotes.
fn as_toml(value: &str) -> String {
    if assigns("key", &format!("key = {value}")) {
        value.to_owned()
    } else {
        serde_json::Value::from(value).to_string()
    }
}

/// Something that may be written for a kind which nothing is the default of, if what has to be in it has examples.
fn example(kind: Kind) -> Option<String> {
    let pairs = |settings: &[&Setting]| {
        let needed = settings.iter().filter(|it| matches!(it.default, Default::Required(_)));
        let pairs = needed.map(|setting| Some(format!("{} = {}", setting.name, required_example(setting)?)));
        pairs.collect::<Option<Vec<String>>>()
    };
    let pairs = match kind {
        Kind::Table(settings) => pairs(settings)?,
        Kind::Tagged { tag, variants, common } => {
            let variant = variants.first()?;
            let tag = format!("{} = \"{}\"", tag.name, variant.name);
            [vec![tag], pairs(variant.settings)?, pairs(common)?].concat()
        }
        _ => return None,
    };
    (!pairs.is_empty()).then(|| format!("{{ {} }}", pairs.join(", ")))
}

/// The value in what is said where a key is missing, such as `write rate = 8.0, in requests per second`.
fn required_example(setting: &Setting) -> Option<String> {
    let Default::Required(help) = setting.default else {
        return None;
    };
    let assignment = help.strip_prefix("write ")?;
    // What is said after it begins with one of these, which may also stand within it.
    let ends = assignment.match_indices([',', ';', ' ']).map(|(at, _)| at);
    let mut ends: Vec<usize> = ends.chain([assignment.len()]).collect();
    ends.reverse();
    let whole = ends.into_iter().map(|end| &assignment[..end]);
    let assignment = whole.into_iter().find(|text| assigns(setting.name, text))?;
    Some(assignment.split_once('=')?.1.trim().to_owned())
}

/// Whether a text is TOML that sets this key, and nothing else.
fn assigns(name: &str, text: &str) -> bool {
    let table: Result<toml::Table, _> = toml::from_str(text);
    table.is_ok_and(|table| table.len() == 1 && table.contains_key(name))
}

fn unquoted(word: &str) -> &str {
    word.trim_matches('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const STARTER: &str = include_str!("../../../configs/scenarios/starter.toml");

    fn of(text: &str) -> Vec<(String, String)> {
        let scenario = Scenario::from_toml(text).unwrap_or_else(|problem| panic!("{problem}"));
        let settings = scenario.settings.into_iter();
        let mut settings: Vec<_> = settings.map(|setting| (setting.key, setting.value)).collect();
        settings.sort();
        settings
    }

    #[test]
    fn what_stands_behind_a_mark_is_what_happens_without_it() {
        let whole = of(STARTER);
        let lines: Vec<&str> = STARTER.lines().collect();
        let (mut tried, mut sentence) = (0, String::new());
        for (at, line) in lines.iter().enumerate() {
            let Some(line) = line.strip_prefix("# ") else {
                sentence.clear();
                continue;
            };
            let key = line.split(" = ").next().unwrap_or_default();
            if !assigns(key, line) {
                sentence = format!("{sentence} {line}");
                continue;
            }
            if !std::mem::take(&mut sentence).contains("If left out: ") {
                let mut changed = lines.clone();
                changed[at] = line;
                assert_eq!(of(&changed.join("\n")), whole, "{line}");
                tried += 1;
            }
        }
        assert!(tried > 15, "{tried} defaults");
    }

    #[test]
    fn a_large_model_gets_as_many_gpus_as_it_needs() {
        let text = starter("llama-3.1-70b", "h100-sxm").unwrap();
        assert!(text.contains("\ntensor_parallel = 4\n"), "{text}");
        assert!(!STARTER.contains("\ntensor_parallel = "));
        assert!(matches!(starter("deepseek-v3", "l4"), Err(NoScenario::DoesNotFit(_))));
    }

    #[test]
    fn weights_are_those_that_a_model_was_published_with() {
        let text = starter("gpt-oss-20b", "h100-sxm").unwrap();
        assert!(text.contains("\n# weights = \"mxfp4\"\n"), "{text}");
        assert!(STARTER.contains("\n# weights = \"bf16\"\n"));
    }

    #[test]
    fn values_are_found_in_what_is_said_of_missing_keys() {
        let value = |help| required_example(&Setting::new("rate", Kind::Text, "").required(help));
        assert_eq!(value("write rate = 8.0, in requests per second").unwrap(), "8.0");
        assert_eq!(
            value("write rate = { a = \"x\", b = 1 }").unwrap(),
            "{ a = \"x\", b = 1 }"
        );
        assert_eq!(
            value("write rate = \"h100\"; `tailcast gpus` lists them").unwrap(),
            "\"h100\""
        );
        assert_eq!(value("write something else"), None);
    }
}
