//! `calibrate`: fits step times and the front end to what was measured on one deployment.

use std::path::PathBuf;

use crate::answer::{CalibrateAnswer, CalibrateQuestion, Problem, ReadyCalibrate, coefficients};
use crate::cli::failure::Failure;
use crate::cli::flags::format::Format;
use crate::cli::flags::scenario::ScenarioFlags;
use crate::cli::output::Taken;
use crate::cli::terminal::color::ColorFlags;
use crate::cli::terminal::{Terminal, screen};
use crate::report::{is_standard_output, write_atomically};

/// What the help says at its end.
const AFTER_HELP: &str = "\
DATA is one of these, told apart by its content:
  the JSON of `vllm bench serve --save-result`, better with --save-detailed; or several such results, one after the
  other or in a list as `vllm bench sweep` sums them up
  results of SGLang's bench_serving, InferenceX, guidellm, AIPerf and genai-perf, inference-perf, LLMPerf,
  llm-d-benchmark and BLIS, with one run or several
  what a vLLM or SGLang server answers at /metrics: one look, or two, before the load and after it
  a CSV of requests with arrival_s, first_token_s, finished_s, input_tokens, output_tokens, as --requests-out writes it
  a CSV of decode steps with batch, context (mean, tokens) and step_time_ms or step_us
SCENARIO describes the deployment and the workload that were measured. Recorded arrivals and lengths take the place \
of its own, unless its
workload is a trace. What it leaves open of its workload (arrivals, requests, lengths) is taken from the data. \
Of several results each is simulated under the load that it says was sent, and is left out of a \
fit in turn to see
how well the others predict it.
Fitted are step_us and kernel_scale of steps, latency_us and per_stream_us of the front end, as far as the data tell \
them; where several
loads tell more, decode_scale, prompt_scale and expert_scale take the place of kernel_scale.
The result is for server.step_time = \"FILE\".";

/// Fit step times to what was measured on your own deployment
#[derive(Debug, clap::Args)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The scenario file (TOML): what was measured
    scenario: PathBuf,
    /// What was measured there: one file, or one for each of several loads
    #[arg(required = true, num_args = 1..)]
    data: Vec<PathBuf>,
    #[command(flatten)]
    changes: ScenarioFlags,
    /// Write the coefficients to this file, for `server.step_time`; without it they are printed
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Fit exactly these instead of those that the data tell: `step_us`, `kernel_scale`, `decode_scale`,
    /// `prompt_scale`, `expert_scale`, `latency_us`, `per_stream_us`
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
    let question = CalibrateQuestion {
        coefficients: args.coefficients.as_deref().map(coefficients).transpose()?,
        base: args.changes.base(Some(&args.scenario))?,
        data: args.data.clone(),
    };
    let ready = question.ready()?;
    let taken = check(args, &ready)?;
    let terminal = Terminal {
        is_quiet: args.quiet,
        shows_progress: false,
        color,
        threads: None,
    };
    let answer = ready.answer(&terminal.control())?;
    if let Some(out) = &args.out {
        write_atomically(out, |file| file.write_all(answer.to_file().as_bytes()))
            .map_err(|error| Problem::cannot_write(out, &error))?;
    }
    print(args, &answer, taken.has_stdout())
}

fn check(args: &Args, ready: &ReadyCalibrate) -> Result<Taken, Failure> {
    let mut taken = Taken::default();
    if args.format == Format::Json {
        taken.claim_stdout("--format json")?;
    }
    taken.read("the scenario", &args.scenario);
    taken.read_by(&ready.input);
    for data in &args.data {
        taken.read("the data", data);
    }
    taken.check_stdin()?;
    if let Some(out) = &args.out {
        // A new calibration may take the place of the one before.
        if let Some(before) = &ready.input.scenario.deployment.calibration {
            taken.release(&before.file);
        }
        taken.claim("--out", out)?;
    }
    Ok(taken)
}

fn print(args: &Args, answer: &CalibrateAnswer, stdout_is_taken: bool) -> Result<(), Failure> {
    match (args.format, &args.out) {
        (Format::Json, _) => screen::print(&answer.to_json())?,
        (Format::Text, Some(_)) => screen::print_text(&answer.to_text(), stdout_is_taken)?,
        (Format::Text, None) => screen::print(&format!("{}\n{}", answer.to_text(), answer.to_file()))?,
    }
    let named = args.out.as_ref().filter(|out| !is_standard_output(out));
    if let Some(out) = named.filter(|_| !args.quiet) {
        let name = out.display();
        screen::note(&format!(
            "wrote {name}; next: tailcast run {} --set server.step_time={name}",
            args.scenario.display()
        ));
    }
    Ok(())
}
