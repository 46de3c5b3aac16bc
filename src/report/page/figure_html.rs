//! A figure as HTML: its charts as SVG, with the numbers of each, and a legend; heat maps are tables.

use maud::{Markup, PreEscaped, html};

use super::{chart_json, heat_table};
use crate::report::chart::{Chart, Drawing, Panel};
use crate::report::draw::{EmbeddedChart, Styles, embedded, legend};

pub fn figure(drawing: &Drawing) -> Markup {
    let styles = Styles::of(drawing);
    let charts = embedded(drawing);
    let entries = legend(drawing);
    // A line alone is what the title says.
    let is_line = |chart: &Option<EmbeddedChart>| chart.as_ref().is_some_and(|it| it.can_stretch);
    let has_legend = entries.len() > 1 || (!entries.is_empty() && !charts.iter().all(is_line));
    html! {
        figure {
            figcaption {
                (drawing.question)
                @if !drawing.note.is_empty() { small { (drawing.note) } }
            }
            @if has_legend {
                div.legend {
                    @for entry in &entries {
                        button type="button" aria-pressed="true" data-series=(entry.number) {
                            (PreEscaped(&entry.sample)) (entry.name)
                        }
                    }
                }
            }
            div.panels.pair[drawing.panels.len() > 1] {
                @for (panel, embedded) in drawing.panels.iter().zip(&charts) {
                    div.panel {
                        @match (panel, embedded) {
                            (Panel::Chart(it), Some(embedded)) => (chart(it, embedded, &styles, drawing)),
                            (Panel::HeatMap(map), _) => (heat_table::table(map)),
                            (Panel::Chart(_), None) => {},
                        }
                    }
                }
                @if drawing.panels.is_empty() { div.empty { "no data" } }
            }
        }
    }
}

fn chart(chart: &Chart, embedded: &EmbeddedChart, styles: &Styles, drawing: &Drawing) -> Markup {
    let title = if chart.title.is_empty() {
        &drawing.question
    } else {
        &chart.title
    };
    let label = if chart.y.title.is_empty() {
        title.clone()
    } else {
        format!("{title}: {}", chart.y.title)
    };
    html! {
        div.chart role="group" aria-label=(label) {
            @for picture in &embedded.pictures { (PreEscaped(&picture.svg)) }
            @if !embedded.is_empty {
                script type="application/json" { (PreEscaped(chart_json::text(chart, embedded, styles))) }
            }
        }
    }
}
