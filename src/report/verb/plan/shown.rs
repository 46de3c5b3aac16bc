//! A plan on a screen and as a page.

use super::report::PlanReport;
use super::section::PlanSection;
use super::{buying, capacity_rule, concurrency, cost, decisions, latency_budget, observability, reliability, storage};
use crate::config::on_one_line;
use crate::report::page::{Page, Tone};
use crate::report::text::table::{Cell, Column, Table};

impl PlanReport {
    fn sections(&self) -> Vec<PlanSection> {
        let mut sections = vec![
            concurrency::section(self),
            latency_budget::section(self),
            cost::section(self),
            storage::section(self),
            observability::section(self),
            reliability::section(self),
            capacity_rule::section(self),
            decisions::section(self),
        ];
        sections.extend(buying::section(self));
        sections
    }

    /// The plan for a screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!(
            "{:<10}{}\n{}\n",
            "Verdict",
            on_one_line(&self.verdict()),
            self.setting.line()
        );
        for section in self.sections() {
            text.push('\n');
            text.push_str(&section.to_text());
        }
        text
    }

    /// What the checks come to, then the tables of all sections, each under the heading of its section.
    pub fn tables(&self) -> Vec<Table> {
        let of_sections = self.sections().into_iter().flat_map(|section| {
            let heading = section.heading;
            section.tables.into_iter().map(move |table| Table {
                caption: match table.caption.as_str() {
                    "" => heading.to_owned(),
                    caption => format!("{heading}: {caption}"),
                },
                ..table
            })
        });
        [self.check_table()].into_iter().chain(of_sections).collect()
    }

    fn check_table(&self) -> Table {
        let rows = self.checks().into_iter().map(|check| {
            let cells = [check.outcome.name().to_owned(), check.finding];
            cells.map(Cell::words).to_vec()
        });
        Table {
            caption: "Verdict".to_owned(),
            columns: vec![Column::words("outcome"), Column::words("finding")],
            rows: rows.collect(),
        }
    }

    /// The plan for sharing.
    pub fn to_page(&self) -> Page {
        let sections = self.sections().into_iter().map(PlanSection::into_section);
        Page {
            title: format!("{}: a plan for production", self.setting.name),
            verdict: format!("{}.", self.verdict()),
            tone: match self.verdict_name() {
                "ready" => Tone::Good,
                "not_ready" => Tone::Bad,
                _ => Tone::Plain,
            },
            sections: sections.chain([self.setting.section()]).collect(),
        }
    }
}
