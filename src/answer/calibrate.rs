//! `calibrate`: fits step times and the front end to what was measured on one deployment.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::common::{missing_in_file, refuse_pools, warn_all};
use super::problem::Problem;
use crate::config::{
    BenchmarkLoad, Diagnostic, FittedOn, Flag, Measured, Scenario, is_standard_input, is_step_table, parse_step_table,
    read_step_table, read_text,
};
use crate::files::is_named_pipe;
use crate::report::CalibrationReport;
use crate::study::calibrate::{Calibrated, Data, Fittable, MeasuredLoad, calibrate};
use crate::study::{Base, Control, Input, OpenWorkload, other_deployment, other_load};

/// More is not measured of one deployment.
const LARGEST_DATA_BYTES: u64 = 1 << 30;

/// What do steps and the front end cost on a deployment that was measured?
#[derive(Clone, Debug)]
pub struct CalibrateQuestion {
    /// What was measured.
    pub base: Base,
    /// The files with what was measured on the deployment; at least one. A file may hold several results.
    pub data: Vec<PathBuf>,
    /// Fit exactly these coefficients; `None` for those that the data tell.
    pub coefficients: Option<Vec<Fittable>>,
}

/// A calibration whose scenario is read.
pub struct ReadyCalibrate<'a> {
    question: &'a CalibrateQuestion,
    /// The scenario with its objectives.
    pub input: Input,
    /// What was measured, each with the name of its file, where the scenario needed it to be complete.
    data: Option<Vec<(String, Data)>>,
    /// What of the scenario comes from there.
    taken: Option<String>,
}

/// What came of it.
pub struct CalibrateAnswer {
    /// The fitted coefficients, and how close simulations come with them.
    pub report: CalibrationReport,
    /// What a reader must know.
    pub warnings: Vec<String>,
}

impl CalibrateQuestion {
    /// Reads the scenario. What it leaves open of its workload is what the data say of theirs.
    pub fn ready(&self) -> Result<ReadyCalibrate<'_>, Problem> {
        let open = OpenWorkload::of(&self.base)?;
        if !open.lacks_anything() {
            return self.ready_with(None, self.base.load()?, None);
        }
        let data = self.read()?;
        let sent = data.iter().find_map(|(file, data)| Some((file, sent_in(data)?)));
        let Some((file, sent)) = sent else {
            return self.ready_with(Some(data), self.base.load()?, None);
        };
        let taken = open.taken_from(&sent, file);
        let input = self.base.with(&taken.flags);
        let input = input.map_err(|problem| missing_in_file(problem.into(), &open, &taken, file))?;
        // Of several results each is simulated under its own load.
        let told = if data.len() > 1 {
            taken.of_lengths().told(file)
        } else {
            taken.told(file)
        };
        self.ready_with(Some(data), input, told)
    }

    fn ready_with(
        &self,
        data: Option<Vec<(String, Data)>>,
        input: Input,
        taken: Option<String>,
    ) -> Result<ReadyCalibrate<'_>, Problem> {
        let input = input.as_measured();
        refuse_pools(&input, "calibrate fits one deployment")?;
        Ok(ReadyCalibrate {
            question: self,
            input,
            data,
            taken,
        })
    }

    /// Reads all files. Of a server's counters two looks are one result.
    fn read(&self) -> Result<Vec<(String, Data)>, Problem> {
        let mut all = Vec::new();
        for path in &self.data {
            all.extend(read(path)?.into_iter().map(|data| (file_name(path), data)));
        }
        Measured::join_counters(&mut all, |(_, data)| match data {
            Data::Served(measured) => Some(measured),
            Data::Steps(_) => None,
        })?;
        Ok(all)
    }

    /// What was measured, each with the scenario that sends what was sent. A single result is taken as one of the
    /// scenario's own load; of several each says its own.
    fn loads(&self, scenario: &Scenario, data: Vec<(String, Data)>) -> Result<Vec<MeasuredLoad>, Problem> {
        let loads = data.into_iter().map(|(label, data)| MeasuredLoad {
            label,
            scenario: scenario.clone(),
            data,
        });
        let mut loads: Vec<MeasuredLoad> = loads.collect();
        if loads.len() == 1 {
            return Ok(loads);
        }
        for load in &mut loads {
            let Data::Served(measured) = &load.data else {
                continue;
            };
            // Recorded arrivals take the place of any.
            let has_arrivals = measured.requests.is_some();
            if let Some(sent) = measured
                .load
                .as_ref()
                .filter(|sent| sent.keys().is_ok() || !has_arrivals)
            {
                load.scenario = self.scenario_of(sent, &load.label)?;
                load.label = sent.label().unwrap_or_else(|| load.label.clone());
            }
        }
        tell_apart(&mut loads);
        Ok(loads)
    }

    /// The scenario with the load that a result says was sent.
    fn scenario_of(&self, sent: &BenchmarkLoad, file: &str) -> Result<Scenario, Problem> {
        let keys = sent.keys().map_err(|missing| {
            Diagnostic::new(format!(
                "{file} does not say `{missing}`, so nothing tells which of several loads it is"
            ))
            .help("give results that say it, as `vllm bench serve --save-result` does, or calibrate on one of them")
        })?;
        let mut flags: Vec<Flag> = keys
            .into_iter()
            .map(|(key, value)| Flag::new(file, format!("{key}={value}")))
            .collect();
        let open = OpenWorkload::of(&self.base.changed(&flags))?;
        flags.extend(open.taken_from(sent, file).flags);
        Ok(self.base.with(&flags)?.as_measured().scenario)
    }

    /// Reads the scenario and fits the coefficients to the measurements.
    pub fn answer(&self, control: &Control) -> Result<CalibrateAnswer, Problem> {
        self.ready()?.answer(control)
    }
}

impl ReadyCalibrate<'_> {
    /// Fits the coefficients of the scenario to the measurements.
    pub fn answer(self, control: &Control) -> Result<CalibrateAnswer, Problem> {
        let mut scenario = self.input.scenario;
        let mut warnings = scenario.all_warnings();
        warn_all(control, &warnings);
        let question = self.question;
        let data = match self.data {
            Some(data) => data,
            None => question.read()?,
        };
        let mut loads = question.loads(&scenario, data)?;
        let notes: Vec<String> = loads.iter_mut().flat_map(notes_of).collect();
        warn_all(control, &notes);
        warnings.extend(notes.iter().cloned());
        let unlike = unlike(&loads);
        warn_all(control, &unlike);
        warnings.extend(unlike.iter().cloned());
        let fitted = calibrate(&mut scenario, loads, question.coefficients.as_deref());
        let mut calibrated = fitted.map_err(|refusal| refusal.0)?;
        warn_all(control, &calibrated.warnings);
        warnings.extend(calibrated.warnings.iter().cloned());
        // The report has them all.
        calibrated.warnings.extend(notes);
        calibrated.warnings.extend(unlike);
        let report = CalibrationReport {
            fitted_on: fitted_on(&scenario, &question.data[0], &calibrated),
            calibrated,
            taken: self.taken,
            scenario_hash: scenario.hash(),
            seed: scenario.seed,
        };
        Ok(CalibrateAnswer { report, warnings })
    }
}

impl CalibrateAnswer {
    /// The coefficients and their errors as text that fits one screen.
    pub fn to_text(&self) -> String {
        self.report.to_screen()
    }

    /// One JSON object.
    pub fn to_json(&self) -> String {
        self.report.to_json()
    }

    /// The coefficients as a file for `server.step_time`.
    pub fn to_file(&self) -> String {
        self.report.to_file()
    }
}

/// What the results say that they are of, where that is not the scenario; each difference once. Of several results each
/// is simulated under the load that it says, a single one under the scenario's.
fn unlike(loads: &[MeasuredLoad]) -> Vec<String> {
    const DEPLOYMENT: &str = "coefficients hold for the deployment that was measured, so describe that one";
    const LOAD: &str = "a single result is compared with the scenario's own load, so describe the measured one";
    let mut found: Vec<String> = Vec::new();
    for load in loads {
        let Some(sent) = load_of(&load.data) else {
            continue;
        };
        let mut warn = |differences: Vec<String>, why: &str| {
            let warnings = differences.into_iter().map(|it| format!("{it}: {why}"));
            let new: Vec<String> = warnings.filter(|it| !found.contains(it)).collect();
            found.extend(new);
        };
        warn(other_deployment(&load.scenario.deployment, sent), DEPLOYMENT);
        let has_arrivals = matches!(&load.data, Data::Served(measured) if measured.requests.is_some());
        if loads.len() == 1 && !has_arrivals {
            warn(other_load(&load.scenario, sent), LOAD);
        }
    }
    found
}

/// What was sent, if a result of requests says it.
fn sent_in(data: &Data) -> Option<BenchmarkLoad> {
    match data {
        Data::Served(measured) => measured.sent(),
        Data::Steps(_) => None,
    }
}

/// What a result says of its load, if it is one of requests.
fn load_of(data: &Data) -> Option<&BenchmarkLoad> {
    match data {
        Data::Served(measured) => measured.load.as_ref(),
        Data::Steps(_) => None,
    }
}

/// What a reader must know of how a result was read. Numbers that are only known between bounds are too coarse to fit,
/// and left out.
fn notes_of(load: &mut MeasuredLoad) -> Vec<String> {
    let Data::Served(measured) = &mut load.data else {
        return Vec::new();
    };
    let mut notes = measured.notes.clone();
    if !measured.bounds.is_empty() {
        notes.push("of its histograms only means are fitted, as quantiles are known to a bucket only".to_owned());
        let bounds = &measured.bounds;
        measured.values.retain(|name, _| !bounds.contains_key(name));
    }
    notes.iter().map(|note| format!("{}: {note}", load.label)).collect()
}

/// Loads of one name are numbered.
fn tell_apart(loads: &mut [MeasuredLoad]) {
    for place in 0..loads.len() {
        let label = loads[place].label.clone();
        let alike: Vec<usize> = (place..loads.len())
            .filter(|&other| loads[other].label == label)
            .collect();
        if alike.len() > 1 {
            for (number, &other) in alike.iter().enumerate() {
                loads[other].label = format!("{label} ({})", number + 1);
            }
        }
    }
}

fn read(path: &Path) -> Result<Vec<Data>, Problem> {
    if is_standard_input(path) {
        return read_stream(path, "stdin");
    }
    if is_named_pipe(path) {
        return read_stream(path, &path.display().to_string());
    }
    let is_table = first_line(path).is_some_and(|line| is_step_table(&line));
    if is_table {
        let steps = read_step_table(path)?;
        return Ok(vec![Data::Steps(steps)]);
    }
    let served = Measured::read_all(path)?;
    Ok(served.into_iter().map(Box::new).map(Data::Served).collect())
}

/// Stdin and pipes can be read but once, so that they are read as a whole before it is told what they hold.
fn read_stream(path: &Path, name: &str) -> Result<Vec<Data>, Problem> {
    let text =
        read_text(path, LARGEST_DATA_BYTES).map_err(|error| Diagnostic::new(format!("cannot read {name}: {error}")))?;
    if text.lines().next().is_some_and(is_step_table) {
        return Ok(vec![Data::Steps(parse_step_table(name, &text)?)]);
    }
    let served = Measured::parse_all(name, &text)?;
    Ok(served.into_iter().map(Box::new).map(Data::Served).collect())
}

/// `None` of a file that cannot be read: whoever reads it in full says why.
fn first_line(path: &Path) -> Option<String> {
    const LONGEST: u64 = 1 << 16;
    let mut line = Vec::new();
    let start = BufReader::new(File::open(path).ok()?.take(LONGEST));
    { start }.read_until(b'\n', &mut line).ok()?;
    let text = String::from_utf8_lossy(&line);
    Some(text.trim_start_matches('\u{feff}').trim_end().to_owned())
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or(path.as_os_str())
        .to_string_lossy()
        .into_owned()
}

fn fitted_on(scenario: &Scenario, first: &Path, calibrated: &Calibrated) -> FittedOn {
    let amount = &calibrated.amount;
    FittedOn {
        model: scenario.deployment.model.name().to_owned(),
        gpu: scenario.deployment.gpu.name().to_owned(),
        tensor_parallel: scenario.deployment.tensor_parallel,
        weights: scenario.deployment.weights.name().to_owned(),
        data: if calibrated.loads.is_empty() {
            format!("{}: {amount}", file_name(first))
        } else {
            amount.clone()
        },
    }
}
