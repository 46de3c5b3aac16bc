//! A part of a plan as a screen and a page show it.

use std::fmt::Write;

use crate::config::on_one_line;
use crate::report::draw::chart::Drawing;
use crate::report::page::{Block, Section};
use crate::report::text::table::Table;

/// A heading, what is said first, and the numbers behind it.
pub(super) struct PlanSection {
    pub heading: &'static str,
    pub lines: Vec<String>,
    pub tables: Vec<Table>,
    /// For a page only.
    pub drawings: Vec<Drawing>,
    /// For a page only: what stands behind the numbers.
    pub details: Vec<Table>,
}

impl PlanSection {
    /// A section that says only this.
    pub fn saying(heading: &'static str, lines: Vec<String>) -> Self {
        Self {
            heading,
            lines,
            tables: Vec::new(),
            drawings: Vec::new(),
            details: Vec::new(),
        }
    }

    /// For a screen, a line break at its end.
    pub fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.heading);
        for line in &self.lines {
            let _ = writeln!(text, "  {}", on_one_line(line));
        }
        for table in &self.tables {
            if !table.caption.is_empty() {
                let _ = writeln!(text, "  {}", on_one_line(&table.caption));
            }
            for line in table.to_text().lines() {
                let _ = writeln!(text, "  {line}");
            }
        }
        text
    }

    /// For a page.
    pub fn into_section(self) -> Section {
        let mut blocks = vec![Block::List(self.lines)];
        blocks.extend(self.drawings.into_iter().map(Block::Drawing));
        blocks.extend(self.tables.into_iter().chain(self.details).map(Block::Table));
        Section {
            heading: self.heading.to_owned(),
            blocks,
        }
    }
}
