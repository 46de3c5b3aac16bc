//! `sweep`: every point of a study, and a line of results for each run.

mod description;
mod measures;
mod partial;
mod results_file;
mod shard;
mod source;

use std::io;
use std::path::PathBuf;

use super::common::{start_threads, warn_all, workers};
use super::problem::{Blame, Problem};
use crate::config::{Diagnostic, Layers, StudyFile};
use crate::report::results::{Form, Heading, ResultRow};
use crate::study::{Control, Input, MOST_POINTS, Next, Plan, RunNumbers, Runner, Sweep, Workers};
use partial::Partial;
pub use shard::Shard;
pub use source::StudySource;

/// What are the numbers at every point of a study?
#[derive(Clone, Debug, Default)]
pub struct SweepQuestion {
    /// The study: a scenario, axes of keys and values, seeds, and numbers to keep.
    pub study: StudySource,
    /// What is laid over the study's scenario; whatever file it names, the scenario is the study's.
    pub changes: Layers,
    /// Runs at each point, whose seeds follow one another; `None` for as many as the study says.
    pub seeds: Option<u32>,
    /// Which part of all runs to make.
    pub shard: Shard,
    /// Where the results go: CSV, JSON Lines or Parquet by the name's ending. An interrupted sweep goes on from there.
    pub out: PathBuf,
    /// Whether to replace results of another plan.
    pub overwrites: bool,
    /// Whether to keep the ranges of latencies too, for which each run is simulated with all steps shorter and longer.
    pub finds_ranges: bool,
}

/// A sweep whose study is read.
pub struct ReadySweep {
    question: SweepQuestion,
    file: StudyFile,
    /// All runs of the study, and the numbers to keep of each.
    pub sweep: Sweep,
    /// Threads for the runs, if they are there already.
    workers: Option<Workers>,
}

/// What came of it: the results are in their file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SweepAnswer {
    /// How many runs the file has.
    pub runs: usize,
    /// Whether they were all there before.
    pub was_complete: bool,
}

impl SweepQuestion {
    /// Reads the study, and the scenario of every point, on a thread a processor.
    pub fn ready(&self) -> Result<ReadySweep, Problem> {
        let ready = self.ready_on(None)?;
        Ok(ReadySweep { workers: None, ..ready })
    }

    /// The same on so many threads, which stay for the runs; `None` for one a processor.
    pub fn ready_on(&self, threads: Option<u32>) -> Result<ReadySweep, Problem> {
        let (file, base) = self.study.read(&self.changes)?;
        let plan = plan_of(&file)?;
        let seeds = self.seeds.unwrap_or(file.seeds);
        let workers = start_threads(threads)?;
        let sweep = Sweep::new(base, plan, seeds, measures::of(&file, self.finds_ranges)?, &workers)?;
        if seeds > 1 && sweep.is_always_the_same {
            let message = "a trace replays the same requests whatever the seed";
            return Err(Diagnostic::new(message)
                .help("write seeds = 1 in the study, or leave --seeds out")
                .into());
        }
        Ok(ReadySweep {
            question: self.clone(),
            file,
            sweep,
            workers: Some(workers),
        })
    }

    /// How many runs a point has if all points together have so many; `None` if no number of seeds gives as many.
    pub(super) fn seeds_of(&self, runs: u64) -> Result<Option<u32>, Problem> {
        let (file, _) = self.study.read(&self.changes)?;
        let points = plan_of(&file)?.points() as u64;
        let seeds = u32::try_from(runs / points).ok();
        Ok(seeds.filter(|&seeds| seeds > 0 && runs.is_multiple_of(points)))
    }

    /// Makes all runs.
    pub fn answer(&self, control: &Control) -> Result<SweepAnswer, Problem> {
        self.ready_on(control.threads)?.answer(control)
    }
}

fn plan_of(file: &StudyFile) -> Result<Plan, Diagnostic> {
    Plan::new(file.axes.clone()).ok_or_else(|| {
        let message = format!("the axes have more than {MOST_POINTS} points together");
        Diagnostic::new(message).help("write fewer values, or several studies")
    })
}

impl ReadySweep {
    /// What the study calls itself; `None` for the scenario's name.
    pub fn name(&self) -> Option<&str> {
        self.file.name.as_deref()
    }

    /// The plan in words, then a line a point.
    pub fn describe(&self) -> String {
        description::describe(&self.file, &self.sweep, self.question.shard)
    }

    /// The files that it reads, each with what it is.
    pub fn reads(&self) -> Vec<(&'static str, PathBuf)> {
        let scenario = self.file.scenario.iter().map(|path| ("the scenario", path.clone()));
        let study = self.question.study.file().map(|path| ("the study", path));
        let others = self.sweep.files.iter().cloned();
        scenario.chain(study).chain(others).collect()
    }

    /// The files that it writes, each with the flag that asks for it.
    pub fn writes(&self) -> [(&'static str, PathBuf); 2] {
        let out = self.question.out.clone();
        let unfinished = Partial::path_of(&out);
        [("--out", out), ("--out, unfinished,", unfinished)]
    }

    /// The form of the results.
    pub fn form(&self) -> Result<Form, Diagnostic> {
        Form::of(&self.question.out).map_err(|problem| Diagnostic::new(format!("--out: {problem}")))
    }

    /// Makes all runs that the file of results does not have yet.
    pub fn answer(self, control: &Control) -> Result<SweepAnswer, Problem> {
        let (sweep, out, form) = (&self.sweep, self.question.out.as_path(), self.form()?);
        warn_all(control, &sweep.warnings);
        let heading = self.heading();
        let runs = self.question.shard.runs(sweep.runs());
        let done = SweepAnswer {
            runs: runs.len(),
            was_complete: false,
        };
        if !self.question.overwrites && results_file::is_complete(out, form, (sweep, &runs))? {
            return Ok(SweepAnswer {
                was_complete: true,
                ..done
            });
        }
        let plan = (sweep.fingerprint.as_str(), runs.as_slice());
        let mut partial = Partial::open(out, form.of_lines(), &heading, plan)?;
        if partial.done > 0 {
            let (done, all) = (partial.done, runs.len());
            control.audience.tell(&format!("going on after {done} of {all} runs"));
        }
        let done_before = partial.done;
        let add = |row: &ResultRow| partial.add(&heading, row);
        self.simulate(&runs[done_before..], add, control)?;
        results_file::finish(partial, out, form)?;
        Ok(done)
    }

    /// The results of a part as the text of a CSV file, which is kept nowhere: whoever shares a sweep out writes it.
    pub fn lines(&self, part: Shard, control: &Control) -> Result<String, Problem> {
        let heading = self.heading();
        let mut text = heading.line(Form::Csv);
        let add = |row: &ResultRow| {
            text.push_str(&heading.row_line(Form::Csv, row));
            Ok(())
        };
        self.simulate(&part.runs(self.sweep.runs()), add, control)?;
        Ok(text)
    }

    fn heading(&self) -> Heading {
        Heading {
            keys: self.sweep.plan.keys().map(str::to_owned).collect(),
            measures: self.sweep.measures.clone(),
        }
    }

    /// Makes the runs that are left, and adds each in its turn.
    fn simulate(
        &self,
        left: &[usize],
        mut add: impl FnMut(&ResultRow) -> io::Result<()>,
        control: &Control,
    ) -> Result<(), Problem> {
        let sweep = &self.sweep;
        control.audience.begin("runs", Some(left.len() as u64));
        let runner = Runner::new(control);
        let started = match &self.workers {
            Some(_) => None,
            None => Some(workers(control)?),
        };
        let workers = self
            .workers
            .iter()
            .chain(&started)
            .next()
            .expect("one of both is there");
        let mut written = Ok(());
        let done = workers.in_order(
            left.len(),
            |number| sweep.run(left[number], &|input: &Input, seed| runner.run(input, seed)),
            |_, numbers| {
                // Runs under way still come in after an error.
                if written.is_ok() {
                    written = add(&row(sweep, numbers));
                }
                if written.is_err() { Next::Stop } else { Next::GoOn }
            },
        );
        control.audience.end();
        warn_all(control, &runner.warnings());
        written.map_err(|error| Problem::cannot_write(&Partial::path_of(&self.question.out), &error))?;
        done.map_err(|(number, stopped)| {
            let problem = Problem::from(stopped);
            if problem.blame == Blame::Stop {
                let said = "what is done is kept; the same command goes on from there";
                control.audience.tell(said);
            }
            problem.about(&sweep.plan.label(left[number] / sweep.seeds as usize))
        })
    }
}

fn row(sweep: &Sweep, numbers: RunNumbers) -> ResultRow {
    let values = sweep.plan.values(numbers.point).into_iter();
    ResultRow {
        plan: sweep.fingerprint.clone(),
        runs: sweep.runs() as u64,
        run: numbers.run as u64,
        point: numbers.point as u64,
        seed: numbers.seed,
        values: values.map(str::to_owned).collect(),
        numbers: numbers.numbers,
    }
}
