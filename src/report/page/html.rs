//! A page as one HTML file that needs nothing else.

use std::fmt::Write;

use super::escape::escaped;
use super::parts::{Block, Page, Section, Tone};
use super::{chart_json, heat_table};
use crate::report::chart::{Drawing, Panel};
use crate::report::draw::Styles;
use crate::report::table::Table;

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
        let mut html = String::new();
        self.write_head(&mut html);
        let title = escaped(&self.title);
        let _ = write!(
            html,
            "<body>\n<header><h1>{title}</h1><button id=\"theme\" type=\"button\" title=\"Light or dark\">◐ \
             <span>Theme</span></button></header>\n<main>\n"
        );
        let (class, sign) = match self.tone {
            Tone::Good => (" good", "<b aria-hidden=\"true\">✓</b>"),
            Tone::Bad => (" bad", "<b aria-hidden=\"true\">✗</b>"),
            Tone::Plain => ("", ""),
        };
        let verdict = escaped(&self.verdict);
        let _ = writeln!(html, "<p class=\"verdict{class}\">{sign}{verdict}</p>");
        html.push_str(
            "<noscript><p>Charts are drawn by a script in this file; your browser runs none.</p></noscript>\n",
        );
        for section in &self.sections {
            write_section(&mut html, section);
        }
        let _ = write!(
            html,
            "</main>\n<script>\n{}\n</script>\n<script>\n{}</script>\n<script>\n{}</script>\n<script>\n{}</script>\n\
             <script>\n{}</script>\n</body>\n</html>\n",
            include_str!("uplot/uPlot.iife.min.js"),
            include_str!("numbers.js"),
            include_str!("tables.js"),
            include_str!("charts.js"),
            include_str!("page.js")
        );
        html
    }

    fn write_head(&self, html: &mut String) {
        let _ = write!(
            html,
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"{POLICY}\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"generator\" content=\"tailcast {}\">\n\
             <title>{}</title>\n<!--\nCharts are drawn by uPlot 1.6.32:\n\n{}-->\n<style>\n{}\n{}</style>\n</head>\n",
            env!("CARGO_PKG_VERSION"),
            escaped(&self.title),
            include_str!("uplot/LICENSE"),
            include_str!("uplot/uPlot.min.css"),
            include_str!("page.css"),
        );
    }
}

fn write_section(html: &mut String, section: &Section) {
    html.push_str("<section>\n");
    if !section.heading.is_empty() {
        let _ = writeln!(html, "<h2>{}</h2>", escaped(&section.heading));
    }
    for block in &section.blocks {
        match block {
            Block::Tiles(tiles) => {
                html.push_str("<dl class=\"key-numbers\">\n");
                for tile in tiles {
                    let (label, value) = (escaped(&tile.label), escaped(&tile.value));
                    let _ = writeln!(html, "<div><dt>{label}</dt><dd>{value}</dd></div>");
                }
                html.push_str("</dl>\n");
            }
            Block::Text(text) => {
                let _ = writeln!(html, "<p>{}</p>", escaped(text));
            }
            Block::List(points) => {
                html.push_str("<ul>\n");
                for point in points {
                    let _ = writeln!(html, "<li>{}</li>", escaped(point));
                }
                html.push_str("</ul>\n");
            }
            Block::Verbatim(text) => {
                let _ = writeln!(html, "<pre>{}</pre>", escaped(text));
            }
            Block::Table(table) => write_table(html, table),
            Block::Drawing(drawing) => write_drawing(html, drawing),
        }
    }
    html.push_str("</section>\n");
}

fn write_table(html: &mut String, table: &Table) {
    // Few rows are seen at once, and need no sign that they can be sorted.
    let few = if table.rows.len() > FEW_ROWS { "" } else { " few" };
    let wide = if table.columns.len() > MANY_COLUMNS {
        " wide"
    } else {
        ""
    };
    let _ = write!(
        html,
        "<div class=\"scroll\" tabindex=\"0\"><table class=\"sortable{few}{wide}\">"
    );
    if !table.caption.is_empty() {
        let _ = write!(html, "<caption>{}</caption>", escaped(&table.caption));
    }
    let class = |is_number: bool| if is_number { " class=\"number\"" } else { "" };
    html.push_str("<thead><tr>");
    for column in &table.columns {
        let _ = write!(
            html,
            "<th scope=\"col\" aria-sort=\"none\"{}><button type=\"button\">{}</button></th>",
            class(column.is_number),
            escaped(&column.title)
        );
    }
    html.push_str("</tr></thead>\n<tbody>\n");
    for row in &table.rows {
        html.push_str("<tr>");
        for (cell, column) in row.iter().zip(&table.columns) {
            let _ = write!(html, "<td{}", class(column.is_number));
            if let Some(number) = cell.number.filter(|number| !number.is_nan()) {
                // Scripts call it so.
                let number = number.to_string().replace("inf", "Infinity");
                let _ = write!(html, " data-number=\"{number}\"");
            }
            let _ = write!(html, ">{}</td>", escaped(&cell.text));
        }
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n");
}

fn write_drawing(html: &mut String, drawing: &Drawing) {
    html.push_str("<figure><figcaption>");
    html.push_str(&escaped(&drawing.question));
    if !drawing.note.is_empty() {
        let _ = write!(html, "<small>{}</small>", escaped(&drawing.note));
    }
    let pair = if drawing.panels.len() > 1 { " pair" } else { "" };
    let _ = writeln!(html, "</figcaption><div class=\"panels{pair}\">");
    let styles = Styles::of(drawing);
    for panel in &drawing.panels {
        let (title, y) = match panel {
            Panel::Chart(chart) => (&chart.title, &chart.y.title),
            Panel::HeatMap(map) => (&map.title, &map.y.title),
        };
        html.push_str("<div class=\"panel\">");
        if !title.is_empty() {
            let _ = write!(html, "<h4>{}</h4>", escaped(title));
        }
        let _ = write!(html, "<div class=\"axis\">{}</div>", escaped(y));
        match panel {
            Panel::Chart(chart) => {
                let json = chart_json::text(chart, &styles);
                let _ = write!(
                    html,
                    "<div class=\"chart\" role=\"img\" aria-label=\"{}\"><script \
                     type=\"application/json\">{json}</script></div>",
                    escaped(&drawing.question)
                );
            }
            Panel::HeatMap(map) => heat_table::write(html, map),
        }
        html.push_str("</div>\n");
    }
    if drawing.panels.is_empty() {
        html.push_str("<div class=\"chart empty\">no data</div>");
    }
    html.push_str("</div></figure>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::chart::{Chart, ChartAxis, Point, Series, Shape, Unit};
    use crate::report::page::Tile;
    use crate::report::table::{Cell, Column};

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
        // The chart, uPlot and the page's own.
        assert_eq!(html.matches("</script>").count(), 6);
        assert!(html.contains("&lt;/script&gt;&lt;script&gt;alert(&#39;1 &amp; &quot;2&quot;&#39;)"));
    }
}
