//! The JSON Schema of a scenario, for editors and other programs: made of the declarations of all settings.

use serde_json::{Map, Value, json};

use super::form::TableForms;
use super::tables::{ScenarioTable, tables};
use crate::config::reader::bandwidth::BANDWIDTHS;
use crate::config::reader::byte_size::BYTE_SIZES;
use crate::config::reader::quantity::DURATIONS;
use crate::settings::{Default, Kind, Setting, Variant};

/// The schema, in the dialect of 2020-12. It knows kinds, ranges and spellings; what only fits together, or depends on
/// a model or a GPU, is for the reader of scenarios to refuse. Of the keys that have to be written those in the tables
/// at the top may be missing, as flags of the command line give them too.
pub fn schema() -> Value {
    let mut definitions = Definitions::default();
    let mut properties = Map::new();
    for table in tables() {
        let Some(declared) = table.declared else {
            for key in &table.keys {
                properties.insert(key.setting.name.to_owned(), definitions.of_setting(key.setting));
            }
            continue;
        };
        let described = match declared.kind {
            Kind::Table(_) => definitions.of_section(&table),
            kind => definitions.of(kind),
        };
        properties.insert(declared.name.to_owned(), with_words(described, declared));
    }
    let mut schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A scenario of tailcast",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    schema["$defs"] = definitions.into();
    schema
}

/// Tables that take several forms, each of them once: a distribution of lengths has distributions in it.
#[derive(Default)]
struct Definitions(Vec<(TableForms, Value)>);

impl Definitions {
    fn of_section(&mut self, table: &ScenarioTable) -> Value {
        // Policies may declare the same key differently.
        let mut kinds: Vec<(&'static Setting, Vec<Value>)> = Vec::new();
        for key in &table.keys {
            let described = self.of_setting(key.setting);
            match kinds.iter_mut().find(|(setting, _)| setting.name == key.setting.name) {
                Some((_, others)) if !others.contains(&described) => others.push(described),
                Some(_) => {}
                None => kinds.push((key.setting, vec![described])),
            }
        }
        let properties = kinds.into_iter().map(|(setting, mut kinds)| {
            let described = if kinds.len() == 1 {
                kinds.remove(0)
            } else {
                json!({ "anyOf": kinds })
            };
            (setting, described)
        });
        object(properties.collect(), &[])
    }

    fn of_laid_over(&mut self, name: &str) -> Value {
        let tables = tables();
        let table = tables.iter().find(|table| table.name() == name);
        self.of_section(table.expect("it is a table of scenarios"))
    }

    fn of_setting(&mut self, setting: &Setting) -> Value {
        with_words(self.of(setting.kind), setting)
    }

    fn of_settings(&mut self, settings: &[&'static Setting]) -> Vec<(&'static Setting, Value)> {
        let described = settings.iter().map(|&setting| (setting, self.of_setting(setting)));
        described.collect()
    }

    fn of(&mut self, kind: Kind) -> Value {
        match kind {
            Kind::Count { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Integer { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Signed { min, max } => json!({ "type": "integer", "minimum": min, "maximum": max }),
            Kind::Number { min, max } => json!({ "type": "number", "minimum": min, "maximum": max }),
            Kind::Positive { max } => json!({ "type": "number", "exclusiveMinimum": 0, "maximum": max }),
            Kind::Boolean => json!({ "type": "boolean" }),
            Kind::Text | Kind::Path => json!({ "type": "string", "pattern": "\\S" }),
            Kind::Duration => json!({ "type": "string", "pattern": DURATIONS.pattern() }),
            Kind::Bandwidth => json!({ "type": "string", "pattern": BANDWIDTHS.pattern() }),
            Kind::Bytes => json!({ "type": "string", "pattern": BYTE_SIZES.pattern() }),
            Kind::Choice(words) => json!({ "enum": words.iter().map(|word| word.name).collect::<Vec<_>>() }),
            Kind::Table(settings) => object(self.of_settings(settings), settings),
            Kind::Tagged { tag, variants, common } => self.of_forms(TableForms { tag, variants, common }),
            Kind::LaidOver(name) => self.of_laid_over(name),
            Kind::List(kind) => json!({ "type": "array", "items": self.of(*kind) }),
            Kind::Either(kinds) => json!({ "anyOf": kinds.iter().map(|&kind| self.of(kind)).collect::<Vec<_>>() }),
            Kind::Percentage => json!({ "type": "string", "pattern": PERCENTAGE }),
            Kind::Map { dotted, plain } => {
                let (dotted, plain) = (self.of(*dotted), self.of(*plain));
                let quoted = json!({ "type": "string", "pattern": NUMBER });
                let below = json!({ "type": "object", "additionalProperties": dotted });
                json!({
                    "type": "object",
                    "patternProperties": { "\\.": dotted },
                    "additionalProperties": { "anyOf": [plain, quoted, below] },
                })
            }
        }
    }

    fn of_forms(&mut self, form: TableForms) -> Value {
        if let Some(place) = self.0.iter().position(|(other, _)| other.is(form)) {
            return reference(place, form);
        }
        let place = self.0.len();
        // Known before it is described, as it may hold itself.
        self.0.push((form, Value::Null));
        let variants = form.variants.iter();
        let forms = variants.map(|variant| self.of_variant(form.tag, variant, form.common));
        let forms: Vec<Value> = forms.collect();
        self.0[place].1 = json!({ "oneOf": forms });
        reference(place, form)
    }

    fn of_variant(&mut self, tag: &'static Setting, variant: &Variant, common: &[&'static Setting]) -> Value {
        let settings: Vec<&'static Setting> = common.iter().chain(variant.settings).copied().collect();
        let mut properties = vec![(tag, with_words(json!({ "const": variant.name }), tag))];
        properties.extend(self.of_settings(&settings));
        let mut form = object(properties, &[&[tag], &settings[..]].concat());
        form["description"] = variant.help.into();
        form
    }
}

/// Regular expressions that match a percentage, and a number.
const PERCENTAGE: &str = "^\\s*[0-9]+\\.?[0-9]*\\s*%\\s*$";
const NUMBER: &str = "^\\s*[0-9]+\\.?[0-9]*([eE][-+]?[0-9]+)?\\s*$";

fn reference(place: usize, form: TableForms) -> Value {
    json!({ "$ref": format!("#/$defs/{}", name_of(place, form)) })
}

fn name_of(place: usize, form: TableForms) -> String {
    format!("{}_{place}", form.tag.name)
}

impl From<Definitions> for Value {
    fn from(definitions: Definitions) -> Self {
        let forms = definitions.0.into_iter().enumerate();
        forms
            .map(|(place, (form, value))| (name_of(place, form), value))
            .collect()
    }
}

/// A table with these keys and no others, under any of their spellings, dashes for underscores included.
fn object(properties: Vec<(&'static Setting, Value)>, needed: &[&'static Setting]) -> Value {
    let (mut plain, mut dashed) = (Map::new(), Map::new());
    for (setting, value) in properties {
        for name in spellings(setting) {
            if name.contains('_') {
                dashed.insert(format!("^{}$", name.replace('_', "-")), value.clone());
            }
            plain.insert(name.to_owned(), value.clone());
        }
    }
    let mut object = json!({ "type": "object", "properties": plain, "additionalProperties": false });
    if !dashed.is_empty() {
        object["patternProperties"] = dashed.into();
    }
    let needed = needed
        .iter()
        .filter(|setting| matches!(setting.default, Default::Required(_)));
    let needed: Vec<Value> = needed.map(|setting| one_of_the_spellings(setting)).collect();
    if !needed.is_empty() {
        object["allOf"] = needed.into();
    }
    object
}

fn spellings(setting: &Setting) -> impl Iterator<Item = &'static str> {
    [setting.name].into_iter().chain(setting.aliases.iter().copied())
}

fn one_of_the_spellings(setting: &Setting) -> Value {
    if setting.aliases.is_empty() {
        return json!({ "required": [setting.name] });
    }
    let either: Vec<Value> = spellings(setting).map(|name| json!({ "required": [name] })).collect();
    json!({ "anyOf": either })
}

/// What people are told of the setting.
fn with_words(mut described: Value, setting: &Setting) -> Value {
    described["description"] = match setting.unit {
        "" => setting.help.into(),
        unit => format!("{} [{unit}]", setting.help).into(),
    };
    if let Default::Is(written, _) = setting.default
        && let Ok(default) = serde_json::from_str::<Value>(written)
    {
        described["default"] = default;
    }
    described
}
