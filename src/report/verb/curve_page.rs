//! A curve as a page for sharing.

use crate::report::figure::{interactivity, load_curve};
use crate::report::page::{Block, Page, Section, Tone};
use crate::report::text::numbers::{duration, or_unknown};
use crate::report::verb::curve::CurveReport;

impl CurveReport {
    /// The report for sharing.
    pub fn to_page(&self) -> Page {
        let places = self.places().into_iter();
        let mut findings: Vec<String> = places
            .map(|place| format!("{}: {}", place.name, place.meaning))
            .collect();
        let slo = self.slo_line().split_whitespace().collect::<Vec<_>>().join(" ");
        if !slo.is_empty() {
            findings.push(slo);
        }
        let mut blocks = vec![
            Block::List(findings),
            Block::Drawing(load_curve::drawing(self)),
            Block::Drawing(interactivity::drawing(self)),
            Block::Table(self.table()),
        ];
        if let Some(measured) = self.measured_table() {
            blocks.extend(self.taken.iter().cloned().map(|taken| Block::List(vec![taken])));
            blocks.push(Block::Table(measured));
        }
        blocks.extend(self.class_table().map(Block::Table));
        Page {
            title: format!("{}: latency and throughput against load", self.setting.name),
            verdict: self.verdict(),
            tone: Tone::Plain,
            sections: vec![
                Section {
                    heading: "What was found".to_owned(),
                    blocks,
                },
                self.setting.section(),
            ],
        }
    }

    fn verdict(&self) -> String {
        let unit = |load| self.curve.kind.with_unit(load);
        let knee = self.curve.knee().map_or_else(
            || "The curve has no knee between its ends".to_owned(),
            |knee| {
                let (what, latency) = knee.summary.latency.first_of_answer();
                format!(
                    "The knee is at {}, with {} at the 99th percentile to the {what}",
                    unit(knee.load),
                    or_unknown(latency.p99, duration)
                )
            },
        );
        let slo = self
            .slo_met_up_to()
            .map_or_else(String::new, |load| format!("; the SLOs are met up to {}", unit(load)));
        format!("{knee}{slo}.")
    }
}
