//! A page as JSON, for a script that shows it: texts are as they are meant to be read, and figures as HTML.

use serde_json::{Value, json};

use super::figure_html::figure;
use super::parts::{Block, Page, Section, Tile, Tone};
use crate::config::printable;
use crate::report::chart::{Drawing, Panel};
use crate::report::table::Table;

impl Page {
    /// The page as one JSON object: `title`, `verdict`, `tone`, and `sections` of blocks, each with its `kind`.
    pub fn to_json(&self) -> Value {
        let tone = match self.tone {
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Plain => "plain",
        };
        json!({
            "title": printable(&self.title),
            "verdict": printable(&self.verdict),
            "tone": tone,
            "sections": self.sections.iter().map(section).collect::<Vec<_>>(),
        })
    }
}

fn section(section: &Section) -> Value {
    let blocks = section.blocks.iter().map(|block| match block {
        Block::Tiles(tiles) => {
            let tile = |tile: &Tile| json!({ "label": printable(&tile.label), "value": printable(&tile.value) });
            json!({ "kind": "tiles", "tiles": tiles.iter().map(tile).collect::<Vec<_>>() })
        }
        Block::Text(text) => json!({ "kind": "text", "text": printable(text) }),
        Block::List(points) => {
            let points = points.iter().map(|point| printable(point));
            json!({ "kind": "list", "points": points.collect::<Vec<_>>() })
        }
        Block::Verbatim(text) => json!({ "kind": "verbatim", "text": printable(text) }),
        Block::Table(it) => table(it),
        Block::Drawing(it) => drawing(it),
    });
    json!({ "heading": printable(&section.heading), "blocks": blocks.collect::<Vec<_>>() })
}

fn table(table: &Table) -> Value {
    let columns = table
        .columns
        .iter()
        .map(|column| json!({ "title": printable(&column.title), "is_number": column.is_number }));
    let rows = table.rows.iter().map(|row| {
        let cells = row.iter().map(|cell| printable(&cell.text));
        cells.collect::<Vec<_>>()
    });
    json!({
        "kind": "table",
        "caption": printable(&table.caption),
        "columns": columns.collect::<Vec<_>>(),
        "rows": rows.collect::<Vec<_>>(),
    })
}

/// A figure, and whether it shows something over time.
fn drawing(drawing: &Drawing) -> Value {
    let is_over_time = |panel: &Panel| matches!(panel, Panel::Chart(chart) if chart.x.title == "time");
    json!({
        "kind": "drawing",
        "question": printable(&drawing.question),
        "note": printable(&drawing.note),
        "is_over_time": drawing.panels.iter().any(is_over_time),
        "html": printable(&figure(drawing).into_string()),
    })
}
