//! The result of one scenario as a page for sharing.

use crate::metrics::{Metric, Statistic};
use crate::report::draw::chart::Drawing;
use crate::report::page::{Block, Page, Section, Tile, Tone};
use crate::report::text::numbers::{duration, milliseconds, or_unknown, percent};
use crate::report::text::style::Style;
use crate::report::text::table::{Cell, Column, Table};
use crate::report::verb::cost::cost_tables;
use crate::report::verb::path_budget;
use crate::report::verb::run::report::RunReport;
use crate::report::verb::run::screen::slo_line;
use crate::report::verb::study_setting::StudySetting;
use crate::stats::rounded;
use crate::study::Verdict;

/// What a table of latencies shows.
const SHOWN: [Statistic; 6] = [
    Statistic::Mean,
    Statistic::P50,
    Statistic::P90,
    Statistic::P95,
    Statistic::P99,
    Statistic::Max,
];

impl RunReport {
    /// The page, with drawings of the run.
    pub fn to_page(&self, setting: &StudySetting, drawings: Vec<Drawing>) -> Page {
        let mut blocks = vec![Block::Tiles(self.tiles())];
        let slos = self.all_slo_results();
        if !slos.is_empty() {
            let lines = slos
                .iter()
                .map(|(class, result)| slo_line(result, *class, Style::default()));
            blocks.push(Block::List(lines.collect()));
        }
        let warnings = self.all_warnings();
        if !warnings.is_empty() {
            blocks.push(Block::List(warnings));
        }
        blocks.push(Block::Table(self.latencies()));
        let path = self.path.iter().map(|path| path_budget::table(path, &self.summary));
        blocks.extend(path.map(Block::Table));
        blocks.extend(self.group_tables().into_iter().map(Block::Table));
        let facts = self.facts().into_iter();
        let facts = facts.map(|(label, text)| format!("{label}: {text}"));
        blocks.push(Block::List(facts.collect()));
        let figures = drawings.into_iter().map(Block::Drawing).collect();
        let mut sections = vec![Section {
            heading: "What its users see, and why".to_owned(),
            blocks,
        }];
        sections.push(Section {
            heading: "Over time, and over all requests".to_owned(),
            blocks: figures,
        });
        if let Some(cost) = &self.cost {
            sections.push(Section {
                heading: "What it costs".to_owned(),
                blocks: cost_tables(cost).into_iter().map(Block::Table).collect(),
            });
        }
        sections.push(setting.section());
        Page {
            title: setting.name.clone(),
            verdict: self.verdict_in_words().1.to_owned(),
            tone: match self.verdict() {
                Some(Verdict::Ok) => Tone::Good,
                Some(Verdict::SloMissed | Verdict::Saturated) => Tone::Bad,
                Some(Verdict::SloUnknown) | None => Tone::Plain,
            },
            sections,
        }
    }

    /// What whoever runs such servers looks at first.
    fn tiles(&self) -> Vec<Tile> {
        let (latency, queue) = (&self.summary.latency, &self.summary.queue);
        let p99 = |metric: Metric| {
            let name = metric.name().to_uppercase();
            (
                format!("{name} p99"),
                or_unknown(latency.of(metric).statistic(Statistic::P99), duration),
            )
        };
        let tiles = [
            p99(Metric::Ttft),
            p99(Metric::Tpot),
            p99(Metric::E2e),
            (
                "waiting p99 · max".to_owned(),
                format!(
                    "{} · {}",
                    or_unknown(queue.depth.p99, |most| most.to_string()),
                    or_unknown(queue.depth.max, |most| most.to_string())
                ),
            ),
            (
                "KV cache peak".to_owned(),
                or_unknown(self.summary.kv.usage.max, percent),
            ),
            (
                "output tokens/s".to_owned(),
                or_unknown(self.summary.throughput.output_tokens_per_s, rounded),
            ),
        ];
        tiles.map(|(label, value)| Tile { label, value }).into()
    }

    fn latencies(&self) -> Table {
        let mut columns = vec![Column::words("latency (ms)")];
        columns.extend(SHOWN.map(|statistic| Column::numbers(statistic.name())));
        columns.push(Column::numbers("samples"));
        let rows = Metric::ALL.into_iter().map(|metric| {
            let latency = self.summary.latency.of(metric);
            let mut row = vec![Cell::words(metric.name())];
            row.extend(SHOWN.map(|statistic| Cell::number(latency.statistic(statistic), |it| milliseconds(Some(it)))));
            row.push(Cell::number(Some(latency.count as f64), |it| it.to_string()));
            row
        });
        Table {
            caption: String::new(),
            columns,
            rows: rows.collect(),
        }
    }
}
