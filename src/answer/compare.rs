//! `compare`: scenarios, or variations of one, side by side.

use super::common::{make_runs, refuse_seeds_of_a_trace, warning_of_old_prices, workers};
use super::drawings;
use super::problem::Problem;
use super::{setting, variations};
use crate::config::warnings_of_idle_keys;
use crate::report::compare::CompareReport;
use crate::report::figure::Drawn;
use crate::report::page::Page;
use crate::report::{Markup, typeset};
use crate::study::{
    Base, Contest, Control, Input, Simulate, Stopped, Variation, Workers, check_range, contest, differing,
};

/// How do scenarios, or variations of one, differ?
#[derive(Clone, Debug)]
pub struct CompareQuestion {
    /// The scenarios to be compared, in the order given.
    pub scenarios: Vec<Base>,
    /// What to call each of them; none for the names of their files.
    pub names: Vec<String>,
    /// What to vary of each, such as `batching.policy=none,static`.
    pub vary: Vec<String>,
    /// Runs of each, whose seeds follow one another; `None` for as many as are usual.
    pub seeds: Option<u32>,
    /// Whether to search for the highest load of each under its objectives.
    pub finds_capacities: bool,
    /// Whether to simulate each with all steps shorter and longer too, by what they may be off.
    pub finds_ranges: bool,
}

impl Default for CompareQuestion {
    fn default() -> Self {
        Self {
            scenarios: vec![Base::default()],
            names: Vec::new(),
            vary: Vec::new(),
            seeds: None,
            finds_capacities: true,
            finds_ranges: false,
        }
    }
}

/// A comparison whose scenarios are read.
pub struct ReadyCompare<'a> {
    question: &'a CompareQuestion,
    variations: Vec<Variation>,
    /// The scenario of each variation.
    pub inputs: Vec<Input>,
}

/// What came of it.
pub struct CompareAnswer {
    /// The numbers of each variation, and how they differ.
    pub report: CompareReport,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

const USUAL_SEEDS: u32 = 8;

impl CompareQuestion {
    /// Reads the scenarios.
    pub fn ready(&self) -> Result<ReadyCompare<'_>, Problem> {
        let variations = variations::of(&self.scenarios, &self.names, &self.vary)?;
        let inputs = variations.iter().map(Variation::load);
        let inputs: Vec<Input> = inputs.collect::<Result<_, _>>()?;
        if inputs.iter().all(Input::is_always_the_same) {
            refuse_seeds_of_a_trace(&inputs[0], self.seeds.unwrap_or(1))?;
        }
        if self.finds_ranges {
            inputs.iter().try_for_each(check_range)?;
        }
        Ok(ReadyCompare {
            question: self,
            variations,
            inputs,
        })
    }

    /// Simulates them all.
    pub fn answer(&self, control: &Control) -> Result<CompareAnswer, Problem> {
        self.ready()?.answer(control)
    }
}

impl ReadyCompare<'_> {
    /// Simulates them all.
    pub fn answer(self, control: &Control) -> Result<CompareAnswer, Problem> {
        let also_differs = differing(&self.variations, &self.inputs);
        let (variations, seeds) = (&self.variations, self.question.seeds.unwrap_or(USUAL_SEEDS));
        let ((contest, no_capacity), warnings) = make_runs(control, self.warnings(), None, |runner| {
            let simulate = |input: &Input, seed| runner.run(input, seed);
            let workers = workers(control)?;
            let mut contest = contest(variations, self.inputs, seeds, &workers, &simulate)?;
            if self.question.finds_ranges {
                contest.find_ranges(variations, &workers, &simulate)?;
            }
            let no_capacity = if self.question.finds_capacities {
                find_capacities(&mut contest, variations, &workers, &simulate)?
            } else {
                None
            };
            Ok((contest, no_capacity))
        })?;
        let all: Vec<&Input> = contest.contenders.iter().map(|it| &it.input).collect();
        let runs = contest.contenders[0].runs.len() as u32;
        let mut changed = vec![format!("side by side: {}", names(&self.variations))];
        for replaced in &contest.replaced {
            changed.push(format!("for the capacity, {replaced}"));
        }
        if let Some(said) = changed.get(1) {
            control.audience.note(&format!("note: {said}"));
        }
        let report = CompareReport {
            setting: setting::of_all(control, &all, runs, changed),
            drawings: Vec::new(),
            contest,
            also_differs,
            no_capacity,
            is_complete: !control.is_stopped(),
        };
        Ok(CompareAnswer { report, warnings })
    }

    fn warnings(&self) -> Vec<String> {
        let each = self.variations.iter().zip(&self.inputs);
        let warnings = each.flat_map(|(variation, input)| {
            let warnings = input.scenario.warnings.iter();
            warnings.map(|warning| format!("{}: {warning}", variation.name))
        });
        let idle = self.inputs.iter().flat_map(|input| &input.scenario.idle_keys);
        let mut warnings: Vec<String> = warnings.chain(warnings_of_idle_keys(idle)).collect();
        let old = self
            .inputs
            .iter()
            .filter_map(|input| warning_of_old_prices(&input.scenario, None));
        for warning in old {
            // Most of them have one price list.
            if !warnings.contains(&warning) {
                warnings.push(warning);
            }
        }
        warnings
    }
}

impl CompareAnswer {
    /// Whether whoever asked stopped it while capacities were searched for.
    pub fn is_interrupted(&self) -> bool {
        !self.report.is_complete
    }

    /// Whether some variation was shown to be good enough.
    pub fn is_any_shown_met(&self) -> bool {
        self.report.is_any_shown_met()
    }

    /// Its tables for a document.
    pub fn to_markup(&self, markup: Markup) -> String {
        typeset(&self.report.tables(), markup)
    }

    /// The variations side by side, as tables of text.
    pub fn to_text(&self) -> String {
        self.report.to_text()
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        self.report.to_json()
    }

    /// The figures, for which one run of each is simulated once more.
    pub fn drawings(&self) -> Result<Vec<Drawn>, Problem> {
        drawings::of_contest(&self.report)
    }

    /// The whole report as one page, with these drawings.
    pub fn to_page(&mut self, drawings: &[Drawn]) -> Page {
        self.report.drawings = drawings.iter().map(|(_, drawing)| drawing.clone()).collect();
        self.report.to_page()
    }
}

fn names(variations: &[Variation]) -> String {
    let names: Vec<&str> = variations.iter().map(|it| it.name.as_str()).collect();
    names.join("; ")
}

/// Why capacities are not known, if they should be.
fn find_capacities(
    contest: &mut Contest,
    variations: &[Variation],
    workers: &Workers,
    simulate: &Simulate,
) -> Result<Option<String>, Problem> {
    if contest.contenders.iter().any(|it| !it.input.has_objectives()) {
        let why = "no SLO is set; write --slo 'ttft.p99<2s'";
        return Ok(Some(why.to_owned()));
    }
    match contest.find_capacities(variations, workers, simulate) {
        Ok(()) => Ok(None),
        Err(Stopped::Failed(why)) => {
            let help = why.help.iter().map(String::as_str);
            let said: Vec<&str> = why.message.lines().chain(help).collect();
            Ok(Some(said.join("; ")))
        }
        // The comparison is there all the same.
        Err(Stopped::Interrupted) => Ok(Some("interrupted".to_owned())),
        Err(other) => Err(other.into()),
    }
}
