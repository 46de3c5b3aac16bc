//! A page as one HTML file that needs nothing else.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::figure_html::figure;
use super::parts::{Block, Page, Section, Tone};
use super::{SCRIPTS, STYLES};
use crate::config::printable;
use crate::report::table::{Cell, Column, Table};

/// Nothing may be fetched, whatever stands in the page.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/// Rows that are seen at once.
const FEW_ROWS: usize = 5;
/// More columns than this stand closer together.
const MANY_COLUMNS: usize = 12;

impl Page {
    /// The page as one HTML file: figures show values under the pointer, tables sort, and nothing is fetched.
    pub fn to_html(&self) -> String {
        let (is_good, is_bad) = (self.tone == Tone::Good, self.tone == Tone::Bad);
        let page = html! {
            (DOCTYPE)
            html lang="en" {
                (self.head())
                body {
                    header {
                        h1 { (self.title) }
                        button #theme type="button" title="Light or dark" { "◐ " span { "Theme" } }
                    }
                    main {
                        p.verdict.good[is_good].bad[is_bad] {
                            @if is_good { b aria-hidden="true" { "✓" } }
                            @if is_bad { b aria-hidden="true" { "✗" } }
                            (self.verdict)
                        }
                        @for it in &self.sections { (section(it)) }
                    }
                    script { (PreEscaped(SCRIPTS)) (PreEscaped(PAGE_SCRIPTS)) }
                }
            }
        };
        // By one rule for all that is said: what must not be shown is nowhere in the file.
        printable(&page.into_string()).into_owned() + "\n"
    }

    fn head(&self) -> Markup {
        html! {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content={ "tailcast " (env!("CARGO_PKG_VERSION")) };
                title { (self.title) }
                style { (PreEscaped(STYLES)) }
            }
        }
    }
}

/// What a page of its own does besides charts.
const PAGE_SCRIPTS: &str = concat!(include_str!("tables.js"), include_str!("page.js"));

fn section(section: &Section) -> Markup {
    html! {
        section {
            @if !section.heading.is_empty() { h2 { (section.heading) } }
            @for it in &section.blocks { (block(it)) }
        }
    }
}

fn block(block: &Block) -> Markup {
    match block {
        Block::Tiles(tiles) => html! {
            dl.key-numbers {
                @for tile in tiles { div { dt { (tile.label) } dd { (tile.value) } } }
            }
        },
        Block::Text(text) => html! { p { (text) } },
        Block::List(points) => html! { ul { @for point in points { li { (point) } } } },
        Block::Verbatim(text) => html! { pre tabindex="0" { (text) } },
        Block::Table(it) => table(it),
        Block::Drawing(drawing) => figure(drawing),
    }
}

fn table(table: &Table) -> Markup {
    // Few rows are seen at once, and need no sign that they can be sorted.
    let is_few = table.rows.len() <= FEW_ROWS;
    let is_wide = table.columns.len() > MANY_COLUMNS;
    html! {
        div.scroll tabindex="0" role="region" aria-label=(table_name(table)) {
            table.sortable.few[is_few].wide[is_wide] {
                @if !table.caption.is_empty() { caption { (table.caption) } }
                thead {
                    tr { @for column in &table.columns { (heading(column)) } }
                }
                tbody {
                    @for row in &table.rows {
                        tr { @for (it, column) in row.iter().zip(&table.columns) { (cell(it, column)) } }
                        "\n"
                    }
                }
            }
        }
    }
}

fn table_name(table: &Table) -> &str {
    let first = table.columns.first().map_or("table", |column| column.title.as_str());
    if table.caption.is_empty() {
        first
    } else {
        &table.caption
    }
}

fn heading(column: &Column) -> Markup {
    html! {
        th class=[number_class(column)] scope="col" aria-sort="none" { button type="button" { (column.title) } }
    }
}

fn number_class(column: &Column) -> Option<&'static str> {
    column.is_number.then_some("number")
}

fn cell(cell: &Cell, column: &Column) -> Markup {
    let number = cell.number.filter(|number| !number.is_nan());
    // Scripts call it so.
    let number = number.map(|number| number.to_string().replace("inf", "Infinity"));
    html! { td class=[number_class(column)] data-number=[number] { (cell.text) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::{Chart, ChartAxis, Drawing, Panel, Point, Series, Shape, Unit};
    use crate::report::page::Tile;
    use crate::report::table::{Cell, Column};

    #[test]
    fn what_must_not_be_shown_is_written_as_its_number() {
        let page = Page {
            title: "a\u{202e}b\u{1b}c".to_owned(),
            verdict: String::new(),
            tone: Tone::Plain,
            sections: Vec::new(),
        };
        assert!(page.to_html().contains("<h1>a\\u202eb\\u001bc</h1>"));
    }

    #[test]
    fn nothing_that_is_said_can_be_code() {
        let evil = "</script><script>alert('1 & \"2\"')</script>";
        let chart = Chart {
            title: evil.to_owned(),
            x: ChartAxis::named(evil, vec![evil.to_owned()]),
            y: ChartAxis::linear(evil, Unit::Plain),
            series: vec![Series {
                name: evil.to_owned(),
                shape: Shape::Bars,
                points: vec![Point::at(0.0, f64::NAN)],
            }],
            marks: Vec::new(),
        };
        let page = Page {
            title: evil.to_owned(),
            verdict: evil.to_owned(),
            tone: Tone::Bad,
            sections: vec![Section {
                heading: evil.to_owned(),
                blocks: vec![
                    Block::Tiles(vec![Tile {
                        label: evil.to_owned(),
                        value: evil.to_owned(),
                    }]),
                    Block::Text(evil.to_owned()),
                    Block::List(vec![evil.to_owned()]),
                    Block::Verbatim(evil.to_owned()),
                    Block::Table(Table {
                        caption: evil.to_owned(),
                        columns: vec![Column::words(evil)],
                        rows: vec![vec![Cell::words(evil)]],
                    }),
                    Block::Drawing(Drawing {
                        question: evil.to_owned(),
                        note: evil.to_owned(),
                        panels: vec![Panel::Chart(chart)],
                    }),
                ],
            }],
        };
        let html = page.to_html();
        assert!(!html.contains("<script>alert"), "{html}");
        // The page's own.
        assert_eq!(html.matches("</script>").count(), 1);
        assert!(html.contains("&lt;/script&gt;&lt;script&gt;alert('1 &amp; &quot;2&quot;')"));
    }
}
