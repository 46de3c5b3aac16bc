//! What the lines of results hold, and how they are written and read.

use std::fmt::Write;

use serde_json::Value;

use super::cells::{csv_cells, csv_line, number_text, object};
use super::form::Form;
use crate::study::{RUN_COLUMNS, RunMeasure};

/// What the lines hold, besides what tells runs apart.
#[derive(Clone, Debug)]
pub struct Heading {
    /// The keys that vary.
    pub keys: Vec<String>,
    /// The numbers that are kept.
    pub measures: Vec<RunMeasure>,
}

/// The line of a run.
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
    /// The seed of the run.
    pub seed: u64,
    /// The values of the keys.
    pub values: Vec<String>,
    /// The numbers, in the order of the heading.
    pub numbers: Vec<Option<f64>>,
}

impl Heading {
    /// The first line of a file in CSV, its line break included; nothing in JSON Lines.
    pub fn line(&self, form: Form) -> String {
        if form == Form::JsonLines {
            return String::new();
        }
        let names = self.measures.iter().map(|measure| measure.name.as_str());
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
    pub(super) fn of_line(form: Form, line: &str) -> Result<Self, String> {
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
            match RunMeasure::named(name) {
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
    pub(super) fn row_of_line(&self, form: Form, line: &str) -> Result<ResultRow, String> {
        let cells: Vec<String> = match form {
            Form::JsonLines => {
                let object = object(line)?;
                let names = RUN_COLUMNS.into_iter().chain(self.keys.iter().map(String::as_str));
                let names = names.chain(self.measures.iter().map(|measure| measure.name.as_str()));
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
