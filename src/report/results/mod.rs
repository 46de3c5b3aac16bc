//! The results of a sweep: a line a run, as CSV or as JSON Lines; the columns say which plan a run belongs to, so that
//! files can be put together and gone on with.

mod merge;
#[cfg(feature = "parquet")]
mod parquet;
mod points;

use std::collections::HashSet;
use std::fmt::Write;
use std::path::Path;

use serde_json::{Map, Value};

use crate::config::Diagnostic;
use crate::study::{Measure, RUN_COLUMNS};

pub use merge::{Merged, merge};
#[cfg(feature = "parquet")]
pub use parquet::write_parquet;
pub use points::{PointNumbers, SweepPoints};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A heading, then a line a run; unknown numbers are empty.
    Csv,
    /// A JSON object a line; unknown numbers are null.
    JsonLines,
    /// Columns in a binary file, made from CSV when all runs are there.
    Parquet,
}

/// What the lines hold, besides what tells runs apart.
#[derive(Clone, Debug)]
pub struct Heading {
    /// The keys that vary.
    pub keys: Vec<String>,
    /// The numbers that are kept.
    pub measures: Vec<&'static Measure>,
}

/// A run.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultRow {
    /// Names the plan: runs of one plan belong together.
    pub plan: String,
    /// How many runs the plan has.
    pub runs: u64,
    /// Which one this is, from 0.
    pub run: u64,
    /// Its point: runs at the same point differ in their seed only.
    pub point: u64,
    /// Its seed.
    pub seed: u64,
    /// The values of the keys.
    pub values: Vec<String>,
    /// The numbers.
    pub numbers: Vec<Option<f64>>,
}

/// A file of results.
#[derive(Clone, Debug)]
pub struct Results {
    /// What its lines hold.
    pub heading: Heading,
    /// Its runs.
    pub rows: Vec<ResultRow>,
}

impl Form {
    /// The form that the name of a file asks for.
    pub fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().and_then(|it| it.to_str()).unwrap_or("");
        match extension {
            "csv" => Ok(Self::Csv),
            "jsonl" | "ndjson" => Ok(Self::JsonLines),
            "parquet" if cfg!(feature = "parquet") => Ok(Self::Parquet),
            "parquet" => Err(
                "this build writes no Parquet; install with --features parquet, or give a name that ends \
                              in .csv or .jsonl"
                    .to_owned(),
            ),
            _ => Err("results are CSV or JSON Lines; give a name that ends in .csv or .jsonl".to_owned()),
        }
    }

    /// The form of lines on the way to this one.
    #[must_use]
    pub fn of_lines(self) -> Self {
        match self {
            Self::Parquet => Self::Csv,
            lines => lines,
        }
    }
}

impl Heading {
    /// The first line of a file in CSV, its line break included; nothing in JSON Lines.
    pub fn line(&self, form: Form) -> String {
        if form == Form::JsonLines {
            return String::new();
        }
        let names = self.measures.iter().map(|measure| measure.name);
        let keys = self.keys.iter().map(String::as_str);
        csv_line(RUN_COLUMNS.into_iter().chain(keys).chain(names))
    }

    /// The line of a run, its line break included.
    pub fn row_line(&self, form: Form, row: &ResultRow) -> String {
        let [runs, run, point, seed] = [row.runs, row.run, row.point, row.seed].map(|number| number.to_string());
        if form != Form::JsonLines {
            let fixed = [&row.plan, &runs, &run, &point, &seed].map(String::as_str);
            let values = row.values.iter().map(String::as_str);
            let numbers: Vec<String> = row.numbers.iter().copied().map(number_text).collect();
            let cells = fixed.into_iter().chain(values);
            return csv_line(cells.chain(numbers.iter().map(String::as_str)));
        }
        let mut line = format!(
            "{{\"plan\":\"{}\",\"runs\":{runs},\"run\":{run},\"point\":{point},\"seed\":{seed}",
            row.plan
        );
        for (key, value) in self.keys.iter().zip(&row.values) {
            // Numbers as they were written.
            let value = match serde_json::from_str::<serde_json::Number>(value) {
                Ok(_) => value.clone(),
                Err(_) => Value::from(value.as_str()).to_string(),
            };
            let _ = write!(line, ",{}:{value}", Value::from(key.as_str()));
        }
        for (measure, number) in self.measures.iter().zip(&row.numbers) {
            let number = number.map_or_else(|| "null".to_owned(), |number| number.to_string());
            let _ = write!(line, ",\"{}\":{number}", measure.name);
        }
        line + "}\n"
    }

    /// The heading that a first line says.
    fn of_line(form: Form, line: &str) -> Result<Self, String> {
        let names = match form {
            Form::JsonLines => object(line)?.keys().cloned().collect(),
            _ => csv_cells(line)?,
        };
        if let Some(missing) = RUN_COLUMNS
            .iter()
            .find(|fixed| !names.iter().any(|name| name == *fixed))
        {
            return Err(format!(
                "there is no column `{missing}`: these are not the results of `tailcast sweep`"
            ));
        }
        let mut heading = Self {
            keys: Vec::new(),
            measures: Vec::new(),
        };
        for name in &names {
            match Measure::named(name) {
                Some(measure) => heading.measures.push(measure),
                None if RUN_COLUMNS.contains(&name.as_str()) => {}
                None => heading.keys.push(name.clone()),
            }
        }
        // Cells are read by their place.
        if form != Form::JsonLines && csv_cells(&heading.line(form))? != names {
            return Err(format!(
                "its columns are not in the order of `tailcast sweep`: {}, the keys that vary, then numbers",
                RUN_COLUMNS.join(", ")
            ));
        }
        Ok(heading)
    }

    /// The run that a line says.
    fn row_of_line(&self, form: Form, line: &str) -> Result<ResultRow, String> {
        let cells: Vec<String> = match form {
            Form::JsonLines => {
                let object = object(line)?;
                let names = RUN_COLUMNS.into_iter().chain(self.keys.iter().map(String::as_str));
                let names = names.chain(self.measures.iter().map(|measure| measure.name));
                names
                    .map(|name| match object.get(name) {
                        None => Err(format!("there is no `{name}`")),
                        Some(Value::Null) => Ok(String::new()),
                        Some(Value::String(text)) => Ok(text.clone()),
                        Some(other) => Ok(other.to_string()),
                    })
                    .collect::<Result<_, _>>()?
            }
            _ => csv_cells(line)?,
        };
        let width = RUN_COLUMNS.len() + self.keys.len() + self.measures.len();
        if cells.len() != width {
            return Err(format!("{} cells where the heading has {width}", cells.len()));
        }
        let whole = |at: usize| {
            let parsed = cells[at].parse::<u64>();
            parsed.map_err(|_| format!("`{}` is {:?}, not a whole number", RUN_COLUMNS[at], cells[at]))
        };
        let (values, numbers) = cells[RUN_COLUMNS.len()..].split_at(self.keys.len());
        let numbers = numbers.iter().map(|cell| match cell.as_str() {
            "" => Ok(None),
            text => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Some(number)),
                _ => Err(format!("{text:?} is not a number")),
            },
        });
        Ok(ResultRow {
            plan: cells[0].clone(),
            runs: whole(1)?,
            run: whole(2)?,
            point: whole(3)?,
            seed: whole(4)?,
            values: values.to_vec(),
            numbers: numbers.collect::<Result<_, _>>()?,
        })
    }
}

impl Results {
    /// Reads a text of whole lines; a line that cannot be read is named with its number.
    pub fn of_text(form: Form, text: &str) -> Result<Self, Diagnostic> {
        let mut lines = text.lines().zip(1_usize..);
        let Some((first, _)) = lines.clone().next() else {
            return Err(Diagnostic::new("it is empty"));
        };
        let heading = Heading::of_line(form, first).map_err(|problem| Diagnostic::new(format!("line 1: {problem}")))?;
        if form != Form::JsonLines {
            lines.next();
        }
        let rows = lines.map(|(line, number)| {
            let row = heading.row_of_line(form, line);
            row.map_err(|problem| Diagnostic::new(format!("line {number}: {problem}")))
        });
        let results = Self {
            rows: rows.collect::<Result<_, _>>()?,
            heading,
        };
        results.check_one_plan()?;
        Ok(results)
    }

    /// Refuses runs of several plans, and runs that are there twice: means over them would mean nothing.
    fn check_one_plan(&self) -> Result<(), Diagnostic> {
        let mut seen = HashSet::new();
        for row in &self.rows {
            let first = &self.rows[0];
            if (&row.plan, row.runs) != (&first.plan, first.runs) {
                let message = format!("it has runs of plan {} and of plan {}", first.plan, row.plan);
                return Err(Diagnostic::new(message).help("report on each sweep by itself"));
            }
            if !seen.insert(row.run) {
                let message = format!("run {} is there twice", row.run);
                return Err(Diagnostic::new(message).help("put shards together with `tailcast merge`"));
            }
        }
        Ok(())
    }
}

fn number_text(number: Option<f64>) -> String {
    number.map_or_else(String::new, |number| number.to_string())
}

fn csv_line<'a>(cells: impl Iterator<Item = &'a str>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(cells).expect("memory takes everything");
    let bytes = writer.into_inner().expect("memory takes everything");
    String::from_utf8(bytes).expect("cells are text")
}

fn csv_cells(line: &str) -> Result<Vec<String>, String> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .buffer_capacity(line.len().max(1))
        .from_reader(line.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(str::to_owned).collect()),
        Some(Err(error)) => Err(error.to_string()),
        None => Err("it is empty".to_owned()),
    }
}

fn object(line: &str) -> Result<Map<String, Value>, String> {
    match serde_json::from_str(line) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is not a JSON object".to_owned()),
        Err(error) => Err(format!("it is not JSON: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let heading = Heading {
            keys: vec!["workload.prompt.median".to_owned(), "batching.policy".to_owned()],
            measures: vec![
                Measure::named("ttft.p99").unwrap(),
                Measure::named("kv.usage.max").unwrap(),
            ],
        };
        let row = ResultRow {
            plan: "0123456789abcdef".to_owned(),
            runs: 8,
            run: 3,
            point: 1,
            seed: 43,
            values: vec!["512".to_owned(), "a, \"b\"".to_owned()],
            numbers: vec![Some(0.1), None],
        };
        for form in [Form::Csv, Form::JsonLines] {
            let text = heading.line(form) + &heading.row_line(form, &row);
            let read = Results::of_text(form, &text).unwrap();
            // Whether the keys of JSON objects keep their order is not said.
            let pairs = |keys: &[String], values: &[String]| {
                let pairs = keys.iter().cloned().zip(values.iter().cloned());
                pairs.collect::<std::collections::BTreeMap<_, _>>()
            };
            assert_eq!(
                pairs(&read.heading.keys, &read.rows[0].values),
                pairs(&heading.keys, &row.values),
                "{text}"
            );
            assert_eq!(
                (read.rows[0].run, read.rows[0].seed, &read.rows[0].plan),
                (3, 43, &row.plan)
            );
            let ttft = read.heading.measures.iter().position(|it| it.name == "ttft.p99");
            assert_eq!(read.rows[0].numbers[ttft.unwrap()], Some(0.1));
            assert_eq!(read.rows[0].numbers.iter().flatten().count(), 1);
        }
    }
}
