//! What a study found, as a screen, JSON, figures, pages or files.

pub mod draw;
pub mod figure;
mod files;
mod observability;
pub mod page;
mod text;
mod verb;

pub use draw::chart;
pub use files::{
    AtomicFile, FigureFormat, LogLines, MOST_LOG_LINES, MOST_SPANS, MOST_TRACE_EVENTS, PackedFile, PerfettoTrace,
    RecordedColumns, RecordedFormat, RecordedWriter, RowForm, Spans, SpansSettings, TimelineColumns, TimelineRows,
    USUALLY_TRACED_REQUESTS, WallClock, is_standard_output, remove_unfinished, results, write_atomically, write_figure,
    write_metrics_text, write_openmetrics, write_requests,
};
pub use observability::{DashboardSettings, alert_rules_yaml, grafana_dashboard};
pub use text::{Markup, Style, numbers, table, typeset};
pub use verb::{
    CalibrationReport, ErrorLimit, Headline, MemoryReport, ModelError, PoolFacts, RunReport, StudySetting,
    ValidatedExperiment, ValidationReport, capacity, compare, cost, curve, formula, plan, scheduler_log, serve_command,
    servers, sglang_log, sweep,
};
