//! A dashboard for Grafana, in the JSON that it imports
//! (<https://grafana.com/docs/grafana/latest/dashboards/build-dashboards/view-dashboard-json-model/>).

use serde::Serialize;

use super::panels::{PanelForm, panels};
use crate::config::on_one_line;
use crate::report::files::WallClock;
use crate::report::text::document::pretty;
use crate::units::{Span, Time};

/// What a dashboard is of.
#[derive(Clone, Debug, Default)]
pub struct DashboardSettings {
    /// What it is called.
    pub title: String,
    /// Whether there is a router before the servers, whose metrics are there.
    pub has_router: bool,
    /// When a run started and how long it lasted, to show that; `None` to show the last hour.
    pub time: Option<(WallClock, Span)>,
    /// What an active user costs a day, if that is known [$].
    pub dollars_per_user_day: Option<f64>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct DashboardDocument {
    title: String,
    tags: [&'static str; 2],
    timezone: &'static str,
    schema_version: u32,
    refresh: &'static str,
    time: TimeDocument,
    templating: TemplatingDocument,
    panels: Vec<PanelDocument>,
}

#[derive(Serialize)]
struct TimeDocument {
    from: String,
    to: String,
}

#[derive(Serialize)]
struct TemplatingDocument {
    list: [VariableDocument; 1],
}

/// Which Prometheus is asked.
#[derive(Serialize)]
struct VariableDocument {
    name: &'static str,
    label: &'static str,
    r#type: &'static str,
    query: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PanelDocument {
    id: usize,
    r#type: &'static str,
    title: &'static str,
    datasource: SourceDocument,
    grid_pos: GridDocument,
    field_config: FieldsDocument,
    targets: Vec<TargetDocument>,
}

#[derive(Clone, Copy, Serialize)]
struct SourceDocument {
    r#type: &'static str,
    uid: &'static str,
}

#[derive(Serialize)]
struct GridDocument {
    h: usize,
    w: usize,
    x: usize,
    y: usize,
}

#[derive(Serialize)]
struct FieldsDocument {
    defaults: DefaultsDocument,
    overrides: [(); 0],
}

#[derive(Serialize)]
struct DefaultsDocument {
    unit: &'static str,
    min: u32,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TargetDocument {
    ref_id: String,
    datasource: SourceDocument,
    expr: String,
    legend_format: &'static str,
}

const SOURCE: SourceDocument = SourceDocument {
    r#type: "prometheus",
    uid: "${datasource}",
};

/// Grafana's grid has 24 columns.
const COLUMNS: usize = 24;
const PANEL_WIDTH: usize = 8;
const PANEL_HEIGHT: usize = 8;

/// The dashboard as JSON, with a line break at its end.
pub fn grafana_dashboard(settings: &DashboardSettings) -> String {
    let (from, to) = match settings.time {
        Some((clock, lasts)) => (clock.date(Time::ZERO), clock.date(Time::ZERO + lasts)),
        None => ("now-1h".to_owned(), "now".to_owned()),
    };
    let panels = panels(settings.has_router, settings.dollars_per_user_day);
    pretty(&DashboardDocument {
        title: on_one_line(&settings.title).into_owned(),
        tags: ["vllm", "tailcast"],
        timezone: "utc",
        schema_version: 39,
        refresh: "",
        time: TimeDocument { from, to },
        templating: TemplatingDocument {
            list: [VariableDocument {
                name: "datasource",
                label: "Prometheus",
                r#type: "datasource",
                query: "prometheus",
            }],
        },
        panels: panels.into_iter().enumerate().map(document).collect(),
    })
}

fn document((place, form): (usize, PanelForm)) -> PanelDocument {
    let in_row = COLUMNS / PANEL_WIDTH;
    let targets = form.queries.into_iter().zip('A'..);
    PanelDocument {
        id: place + 1,
        r#type: "timeseries",
        title: form.title,
        datasource: SOURCE,
        grid_pos: GridDocument {
            h: PANEL_HEIGHT,
            w: PANEL_WIDTH,
            x: place % in_row * PANEL_WIDTH,
            y: place / in_row * PANEL_HEIGHT,
        },
        field_config: FieldsDocument {
            defaults: DefaultsDocument {
                unit: form.unit,
                min: 0,
            },
            overrides: [],
        },
        targets: targets
            .map(|((legend_format, expr), id)| TargetDocument {
                ref_id: id.to_string(),
                datasource: SOURCE,
                expr,
                legend_format,
            })
            .collect(),
    }
}
