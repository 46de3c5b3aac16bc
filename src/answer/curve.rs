//! `curve`: latency and throughput against concurrency or rate.

use super::MeasuredPoints;
use super::common::{dial, make_runs, missing_in_file, refuse_seeds_of_a_trace, warn_all, workers};
use super::problem::Problem;
use super::setting;
use crate::config::Diagnostic;
use crate::report::curve::CurveReport;
use crate::report::figure::Drawn;
use crate::report::figure::{interactivity, load_curve};
use crate::report::page::Page;
use crate::report::{Markup, typeset};
use crate::study::{Base, Control, CurveStudy, Input, LoadDial, LoadKind, OpenWorkload, check_range};

/// How do latency and throughput depend on the load?
#[derive(Clone, Debug)]
pub struct CurveQuestion {
    /// The scenario whose load is varied.
    pub base: Base,
    /// What the loads are.
    pub kind: LoadKind,
    /// The loads to begin with.
    pub loads: Vec<f64>,
    /// Runs at each load, whose seeds follow one another.
    pub seeds: u32,
    /// How often to add points around the knee.
    pub refinements: u32,
    /// Whether to simulate each load with all steps shorter and longer too, by what they may be off.
    pub finds_ranges: bool,
    /// What was measured, whose loads are among those of the curve.
    pub measured: MeasuredPoints,
}

/// A curve whose scenario is read.
pub struct ReadyCurve<'a> {
    question: &'a CurveQuestion,
    /// The scenario, with what it does not say of its workload taken from what was measured.
    base: Base,
    taken: Option<String>,
    dial: LoadDial,
    /// The scenario with its objectives.
    pub input: Input,
}

/// What came of it.
pub struct CurveAnswer {
    /// The numbers at each load, and the setting they hold in.
    pub report: CurveReport,
    /// What a reader must know.
    pub warnings: Vec<String>,
    kind: LoadKind,
}

impl CurveQuestion {
    /// Reads the scenario.
    pub fn ready(&self) -> Result<ReadyCurve<'_>, Problem> {
        let (base, input, taken) = self.complete()?;
        let dial = dial(self.kind, &input)?;
        refuse_seeds_of_a_trace(&input, self.seeds)?;
        if self.finds_ranges {
            check_range(&input)?;
        }
        Ok(ReadyCurve {
            question: self,
            base,
            taken,
            dial,
            input,
        })
    }

    /// The scenario, complete with what the first measured result says of its workload, and what that is.
    fn complete(&self) -> Result<(Base, Input, Option<String>), Problem> {
        let Some(first) = self.measured.points.first() else {
            return Ok((self.base.clone(), self.base.load()?, None));
        };
        let open = OpenWorkload::of(&self.base)?;
        let taken = open.taken_from(&first.load, &first.origin);
        let base = if taken.flags.is_empty() {
            self.base.clone()
        } else {
            self.base.changed(&taken.flags)
        };
        let input = base.load();
        let input = input.map_err(|problem| missing_in_file(problem.into(), &open, &taken, &first.origin))?;
        Ok((base, input, taken.told(&first.origin)))
    }

    /// Simulates all loads.
    pub fn answer(&self, control: &Control) -> Result<CurveAnswer, Problem> {
        self.ready()?.answer(control)
    }
}

impl ReadyCurve<'_> {
    /// Simulates all loads.
    pub fn answer(self, control: &Control) -> Result<CurveAnswer, Problem> {
        let (input, question) = (self.input, self.question);
        let replaced = self.dial.replaces();
        let mut loads = question.loads.clone();
        loads.extend(question.measured.loads(question.kind)?);
        loads.sort_by(f64::total_cmp);
        loads.dedup();
        let study = CurveStudy {
            base: &self.base,
            dial: self.dial,
            loads,
            seeds: question.seeds,
            refinements: question.refinements,
            finds_ranges: question.finds_ranges,
        };
        let mut warnings = input.scenario.all_warnings();
        warnings.extend(question.measured.notes.iter().cloned());
        let (curve, mut warnings) = make_runs(control, warnings, replaced.as_deref(), |runner| {
            let simulate = |input: &Input, seed| runner.run(input, seed);
            Ok(study.answer(&workers(control)?, &simulate)?)
        })?;
        let beyond = curve.of_never_reached();
        if curve.points.is_empty() {
            return Err(match beyond {
                Some(beyond) => Diagnostic::new(beyond)
                    .help("ask for fewer at once, or for more requests")
                    .into(),
                None => Problem::interrupted(),
            });
        }
        if let Some(beyond) = beyond {
            control.audience.warn(&beyond);
            warnings.push(beyond);
        }
        let unlike = question.measured.unlike(&input.scenario.deployment, &curve);
        warn_all(control, &unlike);
        warnings.extend(unlike);
        let context = curve.mean_context_tokens();
        let report = CurveReport {
            setting: setting::of(control, &input, curve.runs, replaced.into_iter().collect()),
            formula_users: context.map(|context| input.scenario.closed_form_users(context)),
            is_of_fleet: input.scenario.operation.fleet.is_some(),
            gpus: input.scenario.gpus(),
            slos: input.slos,
            classes: input.classes,
            curve,
            measured: question.measured.points.clone(),
            taken: self.taken,
        };
        Ok(CurveAnswer {
            report,
            warnings,
            kind: question.kind,
        })
    }
}

impl CurveAnswer {
    /// The points of the curve as a table of text.
    pub fn to_text(&self) -> String {
        self.report.to_text()
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        self.report.to_json()
    }

    /// A line a load, with every number.
    pub fn to_csv(&self) -> String {
        self.report.to_csv()
    }

    /// Its tables for a document.
    pub fn to_markup(&self, markup: Markup) -> String {
        typeset(&self.report.tables(), markup)
    }

    /// The figure of latency and throughput against the load.
    pub fn drawings(&self) -> Vec<Drawn> {
        vec![
            (load_curve::figure(self.kind), load_curve::drawing(&self.report)),
            (&interactivity::FIGURE, interactivity::drawing(&self.report)),
        ]
    }

    /// The whole report as one page.
    pub fn to_page(&self) -> Page {
        self.report.to_page()
    }

    /// Whether the objectives were shown to be met at any load.
    pub fn is_shown_met_anywhere(&self) -> bool {
        self.report.is_shown_met_anywhere()
    }

    /// Whether whoever asked stopped it before all points were there.
    pub fn is_interrupted(&self) -> bool {
        self.report.curve.is_interrupted
    }
}
