//! TOML text as a tree in which every key and value knows where it was written; `--set` flags are laid over it.

use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Diagnostic;
use super::flag::Flag;
use super::text::{Place, Text, Texts};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Where in the texts the value was written.
    pub place: Place,
    /// What was written there.
    pub value: Value,
}

/// A TOML value. Numbers keep their text, so that a message can show them as they were written.
#[derive(Clone, Debug)]
pub enum Value {
    /// A string: its content, without quotes.
    Text(String),
    /// A whole number: its value, if 64 bits with a sign hold it.
    Integer(Option<i64>),
    /// A number with a fraction or an exponent, possibly infinite or not a number.
    Float(f64),
    /// `true` or `false`.
    Boolean(bool),
    /// A date or a time of day, which no key takes.
    Datetime,
    /// A list of values, each with its place.
    Array(Vec<Node>),
    /// A table with its keys and their values.
    Table(Entries),
}

impl Node {
    /// What it says of itself as its `name`, if it is a table.
    fn name(&self) -> Option<&str> {
        let Value::Table(entries) = &self.value else {
            return None;
        };
        let name = entries.iter().find(|entry| entry.key == "name")?;
        match &name.node.value {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The first place like this at which it, or anything in it, was written.
    pub fn find_place(&self, is_it: &impl Fn(Place) -> bool) -> Option<Place> {
        if is_it(self.place) {
            return Some(self.place);
        }
        match &self.value {
            Value::Array(items) => items.iter().find_map(|item| item.find_place(is_it)),
            Value::Table(entries) => entries.iter().find_map(|entry| entry.node.find_place(is_it)),
            _ => None,
        }
    }
}

/// Keys, each with its own place, and values; in alphabetical order.
pub type Entries = Vec<Entry>;

/// One key and its value.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The key as it was written, without quotes.
    pub key: String,
    /// Where the key was written.
    pub place: Place,
    /// The value of the key, and where it was written.
    pub node: Node,
}

/// Parses a whole text.
pub fn parse(texts: &mut Texts, text: impl Into<Arc<Text>>) -> Result<Node, Diagnostic> {
    let index = texts.add(text.into());
    let text = texts.get(index);
    let parsed = DeTable::parse(&text.content).map_err(|error| syntax_error(texts, index, &error))?;
    let place = place_in(index, &parsed);
    Ok(Node {
        place,
        value: Value::Table(table(index, parsed.into_inner())),
    })
}

/// Lays `key=value` over the tree. The value is read as TOML; what is not TOML is a string, unless it opens
/// like a list, a table or a quoted string.
pub fn overlay(texts: &mut Texts, root: &mut Node, flag: &Flag) -> Result<(), Diagnostic> {
    let (path, node) = parse_assignment(texts, flag)?;
    put(texts, root, path, node)
}

/// Lays the keys of a table over the tree: `"server.kv_blocks" = 7` sets one key, and so does `server = { kv_blocks = 7
/// }`; what stands deeper replaces a whole value.
pub fn overlay_table(texts: &Texts, root: &mut Node, table: Entries) -> Result<(), Diagnostic> {
    for entry in table {
        let path: Vec<Step> = entry
            .key
            .split('.')
            .map(|key| Step {
                key: key.trim().to_owned(),
                place: entry.place,
            })
            .collect();
        match (path.len(), entry.node.value) {
            (1, Value::Table(inner)) => {
                let section = child(texts, root, path.into_iter().next().expect("one step"))?;
                for below in inner {
                    let step = Step {
                        key: below.key,
                        place: below.place,
                    };
                    put(texts, section, vec![step], below.node)?;
                }
            }
            (_, value) => {
                let place = entry.node.place;
                put(texts, root, path, Node { place, value })?;
            }
        }
    }
    Ok(())
}

fn put(texts: &Texts, root: &mut Node, path: Vec<Step>, node: Node) -> Result<(), Diagnostic> {
    let mut at = root;
    for step in path {
        at = child(texts, at, step)?;
    }
    *at = node;
    Ok(())
}

/// One key of a dotted path.
struct Step {
    key: String,
    place: Place,
}

fn parse_assignment(texts: &mut Texts, flag: &Flag) -> Result<(Vec<Step>, Node), Diagnostic> {
    let Flag { name, assignment, base } = flag;
    let Some((left, right)) = split_assignment(assignment) else {
        return Err(Diagnostic::new(format!("{name} {assignment:?} has no `=`"))
            .help("write --set key=value, for example --set batching.max_num_seqs=64"));
    };
    let text = |content: String| Text::of_flag(name, content, base);
    let single_line = !right.contains('\n');
    let is_toml = single_line && DeValue::parse(right.trim()).is_ok();
    // What opens so was meant as TOML: its fault is in there, not in being a string.
    let is_meant_as_toml = single_line && right.trim().starts_with(['[', '{', '"', '\'']);
    let value = if is_toml || is_meant_as_toml {
        right.trim().to_owned()
    } else {
        toml::Value::String(right.trim().to_owned()).to_string()
    };
    let key_only = parse(texts, text(format!("{} = 0", left.trim())))?;
    let depth = depth_of(&key_only);
    let mut node = parse(texts, text(format!("{} = {value}", left.trim())))?;
    let mut path = Vec::new();
    for _ in 0..depth {
        let Value::Table(mut table) = node.value else {
            unreachable!("a dotted key of {depth} parts makes {depth} nested tables");
        };
        let entry = table.pop().expect("an assignment has a key");
        path.push(Step {
            key: entry.key,
            place: entry.place,
        });
        node = entry.node;
    }
    Ok((path, node))
}

/// Splits at the first `=` outside quotes.
fn split_assignment(assignment: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    for (at, character) in assignment.char_indices() {
        match (quote, character) {
            (None, '=') => return Some((&assignment[..at], &assignment[at + 1..])),
            (None, '"' | '\'') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            _ => {}
        }
    }
    None
}

fn depth_of(node: &Node) -> usize {
    match &node.value {
        Value::Table(table) => table.first().map_or(0, |entry| 1 + depth_of(&entry.node)),
        _ => 0,
    }
}

/// The value at `step.key`, made if it does not exist; a value that is neither table nor list gives way to a table.
fn child<'n>(texts: &Texts, node: &'n mut Node, step: Step) -> Result<&'n mut Node, Diagnostic> {
    let empty = Node {
        place: step.place,
        value: Value::Table(Entries::new()),
    };
    if !matches!(node.value, Value::Table(_) | Value::Array(_)) {
        *node = empty.clone();
    }
    match &mut node.value {
        Value::Array(items) => {
            let count = items.len();
            let is_it = |item: &Node| item.name() == Some(step.key.as_str());
            let index = step.key.parse().ok().or_else(|| items.iter().position(is_it));
            let item = index.and_then(|index: usize| items.get_mut(index));
            item.ok_or_else(|| {
                Diagnostic::new(format!(
                    "the list has {count} entries; there is no entry `{}`",
                    step.key
                ))
                .at(texts.snippet(step.place))
                .help("entries count from 0, and those with a name go by it too")
            })
        }
        Value::Table(table) => {
            let found = table.iter().position(|entry| same_key(&entry.key, &step.key));
            let at = found.unwrap_or(table.len());
            if found.is_none() {
                table.push(Entry {
                    key: step.key,
                    place: step.place,
                    node: empty,
                });
            }
            Ok(&mut table[at].node)
        }
        _ => unreachable!("made a table above"),
    }
}

fn syntax_error(texts: &Texts, index: usize, error: &toml::de::Error) -> Diagnostic {
    let span = error.span().unwrap_or_default();
    let place = Place {
        text: index,
        start: span.start,
        end: span.end,
    };
    let message = error.message().replace('\n', ", ");
    let diagnostic = Diagnostic::new(format!("this is not TOML: {message}")).at(texts.snippet(place));
    if message.contains("duplicate key") {
        diagnostic.help("keep one of the two")
    } else {
        diagnostic.help("write one `key = value` a line, text in \"quotes\", tables as [name]")
    }
}

fn place_in<T>(index: usize, spanned: &Spanned<T>) -> Place {
    let span = spanned.span();
    Place {
        text: index,
        start: span.start,
        end: span.end,
    }
}

fn table(index: usize, table: DeTable<'_>) -> Entries {
    table
        .into_iter()
        .map(|(key, value)| Entry {
            place: place_in(index, &key),
            key: key.into_inner().into_owned(),
            node: node(index, value),
        })
        .collect()
}

fn node(index: usize, spanned: Spanned<DeValue<'_>>) -> Node {
    let place = place_in(index, &spanned);
    let value = match spanned.into_inner() {
        DeValue::String(text) => Value::Text(text.into_owned()),
        DeValue::Integer(integer) => Value::Integer(i64::from_str_radix(integer.as_str(), integer.radix()).ok()),
        DeValue::Float(float) => Value::Float(float.as_str().parse().unwrap_or(f64::NAN)),
        DeValue::Boolean(boolean) => Value::Boolean(boolean),
        DeValue::Datetime(_) => Value::Datetime,
        DeValue::Array(items) => Value::Array(items.into_iter().map(|item| node(index, item)).collect()),
        DeValue::Table(inner) => Value::Table(table(index, inner)),
    };
    Node { place, value }
}

/// Whether two spellings name the same key: vLLM writes its flags with dashes.
pub fn same_key(one: &str, other: &str) -> bool {
    one.len() == other.len()
        && one
            .bytes()
            .zip(other.bytes())
            .all(|(a, b)| a == b || (matches!(a, b'-' | b'_') && matches!(b, b'-' | b'_')))
}
