//! `calibrate`: fits step times and the front end to what was measured on one deployment.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use super::color::ColorFlags;
use super::failure::Failure;
use super::list::Format;
use super::outputs::Taken;
use super::scenario::ScenarioFlags;
use super::screen;
use crate::config::{Diagnostic, FittedOn, Measured, Scenario, is_step_table, read_step_table};
use crate::report::{CalibrationReport, write_atomically};
use crate::study::calibrate::{Data, Fittable, calibrate};

/// What the help says at its end.
const AFTER_HELP: &str = "\
DATA is one of these, told apart by its content:
  the JSON of `vllm bench serve --save-result`, better with --save-detailed
  a CSV of requests with arrival_s, first_token_s, finished_s, input_tokens, output_tokens, as --requests-out writes it
  a CSV of decode steps with batch, context (mean, tokens) and step_time_ms or step_us
SCENARIO describes the deployment and the workload that were measured. Recorded arrivals and lengths take the place \
of its own, unless its
workload is a trace. Fitted are step_us and kernel_scale of steps, latency_us and per_stream_us of the front end, as \
far as the data tell them.
The result is for server.step_time = \"FILE\".";

/// Fit step times to what was measured on your own deployment
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The scenario file (TOML): what was measured
    scenario: PathBuf,
    /// What was measured there
    data: PathBuf,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Write the coefficients to this file, for `server.step_time`; without it they are printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Fit exactly these instead of those that the data tell: `step_us`, `kernel_scale`, `latency_us`, `per_stream_us`
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    coefficients: Option<Vec<String>>,
    /// How to print the results
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
    /// Print no warnings
    #[arg(short, long)]
    quiet: bool,
}

/// Runs the verb.
pub fn run(args: &Args, color: ColorFlags) -> Result<(), Failure> {
    let asked_for = args.coefficients.as_deref().map(named).transpose()?;
    let input = args.changes.load(Some(&args.scenario))?;
    if let Some(out) = &args.out {
        let mut taken = Taken::by(Some(&args.scenario), &input);
        taken.read("the data", &args.data);
        // A new calibration may take the place of the one before.
        if let Some(before) = &input.scenario.calibration {
            taken.release(&before.file);
        }
        taken.claim("--out", out)?;
    }
    let mut scenario = input.scenario;
    let warn = |warning: &str| {
        if !args.quiet {
            screen::warn(warning, color.on_stderr());
        }
    };
    scenario.warnings.iter().for_each(|warning| warn(warning));
    let data = read(&args.data)?;
    let calibrated =
        calibrate(&mut scenario, &data, asked_for.as_deref()).map_err(|refusal| Failure::Input(refusal.to_string()))?;
    calibrated.warnings.iter().for_each(|warning| warn(warning));
    let report = CalibrationReport {
        fitted_on: fitted_on(&scenario, &args.data, &calibrated.amount),
        calibrated,
        scenario_hash: scenario.hash(),
        seed: scenario.seed,
    };
    if let Some(out) = &args.out {
        write_atomically(out, |file| file.write_all(report.to_file().as_bytes()))
            .map_err(|error| Failure::cannot_write(out, &error))?;
    }
    match (args.format, &args.out) {
        (Format::Json, _) => screen::print(&report.to_json())?,
        (Format::Text, Some(_)) => screen::print(&report.to_screen())?,
        (Format::Text, None) => {
            screen::print(&format!("{}\n{}", report.to_screen(), report.to_file()))?;
        }
    }
    if let Some(out) = args.out.as_ref().filter(|_| !args.quiet) {
        let name = out.display();
        screen::note(&format!(
            "wrote {name}; next: tailcast run {} --set server.step_time={name}",
            args.scenario.display()
        ));
    }
    Ok(())
}

fn named(names: &[String]) -> Result<Vec<Fittable>, Failure> {
    let mut found: Vec<Fittable> = Vec::new();
    for name in names {
        let Some(one) = Fittable::named(name.trim()) else {
            let known = Fittable::ALL.map(Fittable::name).join(", ");
            let message = format!("--coefficients: there is no coefficient {name:?}");
            return Err(Diagnostic::new(message).help(format!("allowed: {known}")).into());
        };
        if !found.contains(&one) {
            found.push(one);
        }
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Data, Failure> {
    let is_table = first_line(path).is_some_and(|line| is_step_table(&line));
    if is_table {
        let steps = read_step_table(path).map_err(|error| Failure::Input(error.to_string()))?;
        return Ok(Data::Steps(steps));
    }
    Ok(Data::Served(Measured::read(path)?))
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

fn fitted_on(scenario: &Scenario, data: &Path, amount: &str) -> FittedOn {
    let file = data.file_name().unwrap_or(data.as_os_str());
    FittedOn {
        model: scenario.model.name().to_owned(),
        gpu: scenario.gpu.name().to_owned(),
        tensor_parallel: scenario.tensor_parallel,
        weights: scenario.weights.name().to_owned(),
        data: format!("{}: {amount}", file.to_string_lossy()),
    }
}
