//! Measured results as points of a curve.

use std::path::PathBuf;

use super::problem::Problem;
use crate::config::{Deployment, Diagnostic, Measured};
use crate::study::{Curve, LoadKind, MeasuredPoint, other_deployment, other_lengths};

/// Points of a curve, with what a reader must know of how they were read.
#[derive(Clone, Debug, Default)]
pub struct MeasuredPoints {
    /// The points, in the order of the files.
    pub points: Vec<MeasuredPoint>,
    /// What to tell of the files.
    pub notes: Vec<String>,
}

const TELL: &str = "give results that say the rate or the number of requests at once, as those of `vllm bench serve \
                    --request-rate` or --max-concurrency do";

impl MeasuredPoints {
    /// Reads all results of some files.
    pub fn read(files: &[PathBuf]) -> Result<Self, Problem> {
        let mut all = Vec::new();
        for file in files {
            let results = Measured::read_all(file)?;
            let are_several = results.len() > 1;
            for (place, measured) in results.into_iter().enumerate() {
                let name = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
                let origin = if are_several {
                    format!("{name}: result {}", place + 1)
                } else {
                    name.to_string()
                };
                all.push((origin, measured));
            }
        }
        let mut found = Self::default();
        for (origin, measured) in all {
            let point = MeasuredPoint {
                tool: measured.tool,
                load: measured.load.unwrap_or_default(),
                values: measured.values,
                origin: origin.clone(),
            };
            if point.kind().is_none() {
                let message = if point.load.rate_per_s.is_some_and(f64::is_infinite) {
                    format!("--measured: {origin} was sent all at once, which is no point of a curve")
                } else {
                    format!("--measured: {origin} does not say at which load it was measured")
                };
                return Err(Diagnostic::new(message).help(TELL).into());
            }
            found
                .notes
                .extend(measured.notes.iter().map(|note| format!("{origin}: {note}")));
            if measured.unfinished > 0 {
                let failed = measured.unfinished;
                found.notes.push(format!(
                    "{origin}: {failed} requests did not finish; latencies are those of the others"
                ));
            }
            found.points.push(point);
        }
        Ok(found)
    }

    /// What of a deployment and of the runs of its curve is not as it was measured, of each point.
    pub fn unlike(&self, deployment: &Deployment, curve: &Curve) -> Vec<String> {
        let of = |point: &MeasuredPoint| {
            let mut unlike = other_deployment(deployment, &point.load);
            let load = point.place(curve.kind)?;
            let there = curve.points.iter().find(|it| it.load.total_cmp(&load).is_eq());
            unlike.extend(there.iter().flat_map(|it| other_lengths(&it.summary, &point.values)));
            let about = || format!("what is simulated is not what was measured in {}: ", point.origin);
            (!unlike.is_empty()).then(|| about() + &unlike.join("; "))
        };
        self.points.iter().filter_map(of).collect()
    }

    /// What a curve counts that has all of them on it.
    pub fn kind(&self) -> Result<LoadKind, Problem> {
        let mut kinds = self.points.iter().filter_map(MeasuredPoint::kind);
        let first = kinds.next().unwrap_or(LoadKind::Rate);
        if kinds.any(|kind| kind != first) {
            let message = "--measured: some results were sent at a rate, and others by so many clients";
            return Err(Diagnostic::new(message)
                .help("give them one kind at a time: two curves")
                .into());
        }
        Ok(first)
    }

    /// Their loads on a curve of this kind.
    pub fn loads(&self, kind: LoadKind) -> Result<Vec<f64>, Problem> {
        let place = |point: &MeasuredPoint| {
            point.place(kind).ok_or_else(|| {
                let sent = point.load.label().unwrap_or_default();
                let message = format!("--measured: {} was measured with {sent}", point.origin);
                let help = format!("leave {} out, or give results over what it varies", kind.flag());
                Problem::from(Diagnostic::new(message).help(help))
            })
        };
        self.points.iter().map(place).collect()
    }
}
