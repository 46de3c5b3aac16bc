//! A heat map as a table whose cells have colours.

use maud::{Markup, html};

use crate::report::draw::chart::{Good, HeatMap};
use crate::report::draw::{Shades, WHITE};

/// Stops of the gradient that shows what the colours mean.
const STOPS: u32 = 10;

/// The map with its title and what its colours mean.
pub fn table(map: &HeatMap) -> Markup {
    html! {
        @if !map.title.is_empty() { h3 { (map.title) } }
        div.axis { (map.y.title) }
        @if let Some(shades) = Shades::of(map) {
            (cells(map, &shades))
            div.axis { (map.x.title) }
            (scale(map, &shades))
        } @else {
            div.empty { "no data" }
        }
    }
}

fn cells(map: &HeatMap, shades: &Shades) -> Markup {
    let columns = map.rows.iter().map(Vec::len).max().unwrap_or(0);
    let columns = columns.max(map.x.names.len());
    let rows = map.rows.len().max(map.y.names.len());
    html! {
        div.scroll tabindex="0" role="region" aria-label=(map.title) {
            table.heat data-x=(map.x.title) data-y=(map.y.title) data-what=(map.title) {
                tbody {
                    @for row in (0..rows).rev() {
                        tr {
                            th scope="row" { (name(&map.y.names, row)) }
                            @for column in 0..columns { (cell(map, shades, (row, column))) }
                        }
                    }
                }
                tfoot {
                    tr {
                        td.none {}
                        @for column in 0..columns { th scope="col" { (name(&map.x.names, column)) } }
                    }
                }
            }
        }
    }
}

fn name(names: &[String], index: usize) -> &str {
    names.get(index).map_or("", String::as_str)
}

fn cell(map: &HeatMap, shades: &Shades, (row, column): (usize, usize)) -> Markup {
    let value = map.rows.get(row).and_then(|row| *row.get(column)?);
    let Some(value) = value.filter(|value| value.is_finite()) else {
        return html! { td.none {} };
    };
    let text = map.unit.write(value);
    let (below, ink) = shades.colours(value);
    let style = format!("background:{}", below.to_css());
    html! { td class=[(ink == WHITE).then_some("white")] style=(style) { (text) } }
}

/// What the colours mean: the name of the values, and which are good.
fn scale(map: &HeatMap, shades: &Shades) -> Markup {
    let stops = (0..=STOPS).map(|stop| shades.colour(f64::from(stop) / f64::from(STOPS)).to_css());
    let stops: Vec<String> = stops.collect();
    let gradient = format!("background:linear-gradient(to right,{})", stops.join(","));
    let good = match map.good {
        Some(Good::Low) => " (low is good)",
        Some(Good::High) => " (high is good)",
        None => "",
    };
    html! {
        div.axis { (map.title) (good) }
        div.scale {
            span { (map.unit.write(shades.least)) }
            span.colours style=(gradient) {}
            span { (map.unit.write(shades.most)) }
        }
    }
}
