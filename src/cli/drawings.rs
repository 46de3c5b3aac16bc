//! The figures of runs: what is simulated once more for them, and what they show.

use super::failure::Failure;
use crate::report::chart::Drawing;
use crate::report::compare::CompareReport;
use crate::report::figure::{bars, cdf, over_time};
use crate::study::overview;

/// All figures of a contest, the one with its numbers first.
pub fn of_contest(report: &CompareReport) -> Result<Vec<Drawing>, Failure> {
    let contenders = &report.contest.contenders;
    let mut runs = Vec::new();
    for contender in contenders {
        let seed = contender.input.scenario.seed;
        let duration = contender.runs[0].throughput.duration_s;
        let rows = overview(&contender.input, seed, duration)?;
        runs.push((contender.name.as_str(), rows));
    }
    let recordings: Vec<_> = contenders
        .iter()
        .map(|it| (it.name.as_str(), &it.recording))
        .collect();
    let note = report.setting.line();
    Ok(vec![
        bars::drawing(report),
        cdf::drawing(&note, &recordings),
        over_time::queue(&note, &runs),
        over_time::memory(&note, &runs),
    ])
}
