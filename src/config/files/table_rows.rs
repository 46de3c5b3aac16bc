//! A list of tables as a file: CSV with a column for each key and a row for each table. Rows are read as the tables of
//! a scenario are, so that a value means the same in both and is refused with the same words.

use super::csv_table::{CsvRow, HeadedCsv};
use crate::config::reader::diagnostic::{Diagnostic, did_you_mean};
use crate::config::reader::document::{Entry, Node, Value};
use crate::config::reader::fields::Fields;
use crate::config::reader::key::Key;
use crate::config::reader::read_once::Files;
use crate::config::reader::reading::{Reading, Resolved, nowhere};
use crate::config::reader::text::{Place, Text, Texts};
use crate::settings::{Kind, Setting};

/// A scenario lists fewer.
const LARGEST_FILE_BYTES: u64 = 16 << 20;
/// What makes a row a table, for messages about one.
const COLUMNS_HELP: &str = "each key is a column that the first line names; an empty cell leaves the key out";

/// What `read` makes of the rows of the file that `key` names, whose columns are these settings; `needed` has to be
/// among them.
pub(in crate::config) fn read_rows<T>(
    key: Key<'_>,
    settings: &[&'static Setting],
    needed: &'static Setting,
    read: impl Fn(&Fields<'_>) -> Result<T, Diagnostic>,
) -> Result<Vec<T>, Diagnostic> {
    let reading = key.reading;
    let (list, owner) = (key.path.clone(), key.owner);
    let found = key.path()?;
    let place = found.place().unwrap_or(owner);
    let path = found.unnoted().expect("it names a file");
    reading.note_file(&path);
    let text = reading.files.text(&path, LARGEST_FILE_BYTES).map_err(|error| {
        let message = format!("cannot read {}: {error}", path.display());
        let help = format!("name a CSV file with the columns {}", names(settings).join(", "));
        reading.error(place, message).help(help)
    })?;
    let rows = Rows::of(&path.display().to_string(), &text, settings, needed)?;
    let mut all = Vec::new();
    for (number, node) in rows.tables.iter().enumerate() {
        let table = Fields::of(&rows.reading, format!("{list}[{number}]"), node)?;
        all.push(read(&table).map_err(|error| error.help(COLUMNS_HELP))?);
    }
    let (notes, _) = rows.reading.take_notes();
    let content = notes.iter().map(|note| format!("{}={}", note.key, note.value));
    reading.note(Resolved {
        key: list,
        value: path.display().to_string(),
        content: Some(content.collect::<Vec<_>>().join(",")),
        origin: reading.texts.line_of(place),
        is_default: false,
    });
    Ok(all)
}

/// The rows of a file as tables, and the reading of that file.
struct Rows {
    reading: Reading,
    tables: Vec<Node>,
}

/// A column with its name and its setting; `None` of one without a name.
type Column = Option<(String, &'static Setting)>;

impl Rows {
    fn of(name: &str, text: &str, settings: &[&'static Setting], needed: &Setting) -> Result<Self, Diagnostic> {
        let content = text.trim_start_matches('\u{feff}');
        let table = HeadedCsv::of(name, content)?;
        let columns = columns(&table, settings, needed)?;
        let tables: Result<Vec<Node>, Diagnostic> = table.map(|row| as_table(&row?, &columns)).collect();
        let mut texts = Texts::default();
        texts.add(Text::of_file(name, content.to_owned(), "".as_ref()).into());
        Ok(Self {
            reading: Reading::of(texts, Files::default(), nowhere),
            tables: tables?,
        })
    }
}

fn names(settings: &[&'static Setting]) -> Vec<&'static str> {
    let mut names: Vec<&str> = settings.iter().map(|setting| setting.name).collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn columns(table: &HeadedCsv<'_>, settings: &[&'static Setting], needed: &Setting) -> Result<Vec<Column>, Diagnostic> {
    let known = || format!("columns are {}", names(settings).join(", "));
    let column = |name: &str| {
        if name.is_empty() {
            return Ok(None);
        }
        let Some(setting) = settings.iter().find(|setting| setting.name == name) else {
            let error = table.error_in_header(format!("there can be no column `{name}`"));
            let hint = did_you_mean(name, names(settings));
            return Err(hint.into_iter().chain([known()]).fold(error, Diagnostic::help));
        };
        Ok(Some((name.to_owned(), *setting)))
    };
    let columns: Result<Vec<Column>, Diagnostic> = table.columns().map(column).collect();
    if table.column(needed.name).is_none() {
        let error = table.error_in_header(format!("there is no column `{}`", needed.name));
        return Err(error.help(known()));
    }
    columns
}

/// A row as the table that a scenario would have.
fn as_table(row: &CsvRow<'_>, columns: &[Column]) -> Result<Node, Diagnostic> {
    let place_of = |at: usize| {
        let place = row.place(at);
        Place {
            text: 0,
            start: place.start,
            end: place.end,
        }
    };
    let mut entries = Vec::new();
    for (at, column) in columns.iter().enumerate() {
        let cell = row.cell(at);
        if cell.is_empty() {
            continue;
        }
        let Some((name, setting)) = column else {
            return Err(row
                .error(at, format!("{cell:?} stands in a column without a name"))
                .help(COLUMNS_HELP));
        };
        let place = place_of(at);
        let value = value_of(setting.kind, cell);
        entries.push(Entry {
            key: name.clone(),
            place,
            node: Node { place, value },
        });
    }
    Ok(Node {
        place: place_of(0),
        value: Value::Table(entries),
    })
}

/// What a cell says: as in a scenario, but that text needs no quotes and seconds no unit.
fn value_of(kind: Kind, cell: &str) -> Value {
    let number = cell.parse::<f64>().ok().filter(|number| number.is_finite());
    match (kind, number) {
        (Kind::Duration | Kind::Either([Kind::Duration, ..]), Some(_)) => Value::Text(format!("{cell}s")),
        (Kind::Count { .. } | Kind::Integer { .. }, Some(_)) => match cell.parse() {
            Ok(integer) => Value::Integer(Some(integer)),
            Err(_) => Value::Text(cell.to_owned()),
        },
        (Kind::Number { .. } | Kind::Positive { .. }, Some(number)) => Value::Float(number),
        _ => Value::Text(cell.to_owned()),
    }
}
