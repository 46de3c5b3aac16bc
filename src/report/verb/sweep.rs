//! The results of a sweep, as a screen or as a page.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::config::on_one_line;
use crate::report::figure::{self, Drawn, evenly};
use crate::report::files::results::{GROWS, SweepPoints};
use crate::report::page::{Block, Page, Section, Tone};
use crate::report::text::numbers;
use crate::report::text::table::{Cell, Column, Table};
use crate::report::text::verdict::UNSTEADY;
use crate::report::verb::study_setting::StudySetting;
use crate::stats::{Interval, rounded};
use crate::study::{Better, RunMeasure, short};

/// Results and where they come from.
pub struct SweepReport {
    /// The name of the file of results.
    pub name: String,
    /// What was simulated, if the study is known.
    pub setting: Option<StudySetting>,
    /// What is in it.
    pub sweep: SweepPoints,
}

/// More rows make a page that browsers sort and scroll with pains.
const MOST_ROWS: usize = 1_000;

impl SweepReport {
    /// The screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", on_one_line(&self.line()));
        for (measure, place, value) in self.bests() {
            let _ = writeln!(text, "Best      {} {value} at {}", measure.name, on_one_line(&place));
        }
        if let Some(note) = self.note_on_steadiness() {
            let _ = writeln!(text, "Beware    {note}");
        }
        if self.sweep.has_intervals() {
            text.push_str("±         half of the 95 % interval over the seeds (Student's t), relative to the mean\n");
        }
        text + "\n" + &self.whole_table().to_text()
    }

    /// A row for each point.
    pub fn whole_table(&self) -> Table {
        self.table(0..self.sweep.points.len())
    }

    fn line(&self) -> String {
        let SweepPoints {
            points,
            plan,
            runs,
            all_runs,
            ..
        } = &self.sweep;
        let missing = if runs < all_runs {
            format!(", {} are missing", all_runs - runs)
        } else {
            String::new()
        };
        let points = points.len();
        format!("{}: {runs} runs at {points} points{missing} · plan {plan}", self.name)
    }

    /// Of each number that has a better and a worse: where it is best, and what it is there.
    fn bests(&self) -> Vec<(&RunMeasure, String, String)> {
        let measures = self.sweep.heading.measures.iter();
        measures
            .filter(|measure| measure.better != Better::Neither && measure.name != GROWS)
            .filter_map(|measure| {
                let (number, value) = self.sweep.best(measure)?;
                let place = self.sweep.label(&self.sweep.points[number]);
                Some((measure, place, numbers::with_unit(measure.quantity, value)))
            })
            .collect()
    }

    /// What is to be known of points without a steady state, if there are any.
    fn note_on_steadiness(&self) -> Option<String> {
        let points = self.sweep.points.iter();
        let unsteady = points.filter(|point| !self.sweep.is_steady(point)).count();
        (unsteady > 0).then(|| {
            format!(
                "{UNSTEADY} at {unsteady} of {} points: latencies and queue depths there depend on the length of the \
                 runs, and none of them is the best",
                self.sweep.points.len()
            )
        })
    }

    /// The points that a page has rows for: all, or those that are the best in a number and others evenly among the
    /// rest.
    fn rows_of_page(&self) -> BTreeSet<usize> {
        let points = self.sweep.points.len();
        let measures = self.sweep.heading.measures.iter();
        let bests = measures.filter_map(|measure| Some(self.sweep.best(measure)?.0));
        evenly(points, MOST_ROWS).chain(bests).collect()
    }

    /// What is to be known of a table that has rows for some of the points.
    fn note_on_rows(&self, rows: usize) -> Option<String> {
        let points = self.sweep.points.len();
        (rows < points).then(|| {
            format!(
                "Showing {rows} of {points} points: those that are the best in a number, and others evenly spread over \
                 the plan. All are in {}, and on the screen of `tailcast report`.",
                self.name
            )
        })
    }

    /// A row a point: the values of its keys, then its numbers, means over the seeds with their intervals.
    fn table(&self, points: impl IntoIterator<Item = usize>) -> Table {
        let heading = &self.sweep.heading;
        let keys = heading.keys.iter().map(|key| Column::numbers(short(key)));
        let measures = heading.measures.iter();
        let columns = keys.chain(measures.map(|measure| {
            if measure.name == GROWS {
                Column::words("queue")
            } else {
                Column::numbers(&measure.name)
            }
        }));
        let rows = points.into_iter().map(|number| {
            let point = &self.sweep.points[number];
            let values = point.values.iter().map(|value| Cell {
                text: value.clone(),
                number: value.parse().ok(),
            });
            let measures = heading.measures.iter().enumerate();
            let numbers = measures.map(|(at, measure)| {
                if measure.name == GROWS {
                    let is_steady = self.sweep.is_steady(point);
                    return Cell::words(if is_steady { "steady" } else { UNSTEADY });
                }
                cell(measure, self.sweep.value(point, at))
            });
            values.chain(numbers).collect()
        });
        Table {
            caption: String::new(),
            rows: rows.collect(),
            columns: columns.collect(),
        }
    }

    /// The figures that the results allow.
    pub fn drawings(&self) -> Vec<Drawn> {
        figure::drawn_of_sweep(&self.sweep, &self.line())
    }

    /// The report for sharing.
    pub fn to_page(&self) -> Page {
        let bests = self.bests().into_iter();
        let bests: Vec<String> = bests
            .map(|(measure, place, value)| format!("best {}: {value} at {place}", measure.name))
            .collect();
        let drawings = self.drawings().into_iter();
        let rows = self.rows_of_page();
        let found = Section {
            heading: "What was found".to_owned(),
            blocks: [Block::Text(self.line())]
                .into_iter()
                .chain(self.note_on_steadiness().map(Block::Text))
                .chain(drawings.map(|(_, drawing)| Block::Drawing(drawing)))
                .chain(self.note_on_rows(rows.len()).map(Block::Text))
                .chain([Block::Table(self.table(rows))])
                .collect(),
        };
        let again = Section {
            heading: "How to do it again".to_owned(),
            blocks: vec![Block::Text(format!(
                "`tailcast sweep` of the same study gives plan {} and, with the same version of tailcast ({}), the \
                 same numbers.",
                self.sweep.plan,
                env!("CARGO_PKG_VERSION")
            ))],
        };
        let name = self.setting.as_ref().map(|setting| setting.name.clone());
        let mut sections = vec![found];
        sections.extend(self.setting.as_ref().map(StudySetting::section));
        sections.push(again);
        Page {
            title: name.unwrap_or_else(|| format!("Sweep over {}", self.sweep.heading.keys.join(", "))),
            verdict: if bests.is_empty() {
                self.line()
            } else {
                format!("{}.", bests.join("; "))
            },
            tone: Tone::Plain,
            sections,
        }
    }
}

/// The mean over the seeds, with its interval if there is one.
fn cell(measure: &RunMeasure, found: Option<(f64, Option<Interval>)>) -> Cell {
    let half = found
        .and_then(|(_, interval)| interval)
        .map(|it| (it.high - it.low) / 2.0);
    Cell::number(found.map(|(mean, _)| mean), |mean| {
        let shown = numbers::with_unit(measure.quantity, mean);
        match half {
            Some(half) if half > 0.0 => {
                format!("{shown} ±{}%", rounded((100.0 * half / mean.abs()).min(999.0)))
            }
            _ => shown,
        }
    })
}
