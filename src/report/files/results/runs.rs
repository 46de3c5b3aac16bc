//! All lines of one file of results.

use std::collections::HashSet;

use super::form::Form;
use super::heading::{Heading, ResultRow};
use crate::config::Diagnostic;

/// A file of results.
#[derive(Clone, Debug)]
pub struct Results {
    /// What its lines hold.
    pub heading: Heading,
    /// The runs, in the order of its lines.
    pub rows: Vec<ResultRow>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::study::RunMeasure;

    #[test]
    fn what_is_written_is_read_back() {
        let heading = Heading {
            keys: vec!["workload.prompt.median".to_owned(), "batching.policy".to_owned()],
            measures: vec![
                RunMeasure::named("ttft.p99").unwrap(),
                RunMeasure::named("classes.chat.ttft.p99").unwrap(),
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
