//! What a calibration has found: a table, JSON, and the file that scenarios name as `server.step_time`.

use std::fmt::Write;

use serde_json::{Value, json};

use crate::config::FittedOn;
use crate::fleet::FrontEnd;
use crate::report::text::table::aligned;
use crate::step_time::{KernelScales, Overheads};
use crate::study::calibrate::{Calibrated, Fittable, LoadErrors, MetricError};

/// The version of the JSON form: raised when a key changes its meaning.
const SCHEMA: &str = "tailcast/calibrate/v1";

/// Whom a calibration serves.
const APPLIES_TO: &str = "It holds for this deployment only: this model, GPU, tensor parallelism, weights and engine. \
    Calibrating on one model and predicting others\ngave no gain on published measurements.";

/// A calibration with the deployment it is of.
#[derive(Clone, Debug)]
pub struct CalibrationReport {
    /// The deployment and the data.
    pub fitted_on: FittedOn,
    /// The coefficients that were found.
    pub calibrated: Calibrated,
    /// What of the scenario comes from the data.
    pub taken: Option<String>,
    /// Names the scenario's content.
    pub scenario_hash: String,
    /// The seed of the simulations.
    pub seed: u64,
}

impl CalibrationReport {
    /// The result for a screen.
    pub fn to_screen(&self) -> String {
        let on = &self.fitted_on;
        let mut text = format!(
            "Calibrated  {} · {}×{} · weights {}\n",
            on.model, on.tensor_parallel, on.gpu, on.weights
        );
        let _ = writeln!(text, "Data        {}", on.data);
        if let Some(taken) = &self.taken {
            let _ = writeln!(text, "Workload    {taken}");
        }
        let _ = writeln!(text, "Compared    {}\n", self.calibrated.method);
        text += &self.coefficients();
        text.push('\n');
        text += &if self.calibrated.loads.is_empty() {
            errors(&self.calibrated.errors)
        } else {
            of_loads(&self.calibrated.loads)
        };
        let _ = writeln!(text, "\n{APPLIES_TO}");
        text
    }

    fn coefficients(&self) -> String {
        let header = ["coefficient", "default", "fitted", "95 % interval"].map(str::to_owned);
        let mut rows = vec![header.to_vec()];
        for one in &self.calibrated.fitted {
            let number = |value| shown(one.coefficient, value);
            rows.push(vec![
                one.coefficient.name().to_owned(),
                number(one.default),
                number(one.value),
                format!("{} to {}", number(one.interval.low), number(one.interval.high)),
            ]);
        }
        let mut text = aligned(&rows, &[false, true, true, true]);
        for one in &self.calibrated.left_out {
            let name = one.coefficient.name();
            let _ = writeln!(text, "{name} is left at its default: {}", one.reason);
        }
        text
    }

    /// The result as a JSON object.
    pub fn to_json(&self) -> String {
        let on = &self.fitted_on;
        let calibrated = &self.calibrated;
        let fitted: Vec<Value> = calibrated
            .fitted
            .iter()
            .map(|one| {
                json!({
                    "name": one.coefficient.name(),
                    "default": one.default,
                    "fitted": one.value,
                    "ci95": one.interval,
                })
            })
            .collect();
        let left_out: Vec<Value> = calibrated
            .left_out
            .iter()
            .map(|one| json!({ "name": one.coefficient.name(), "reason": one.reason }))
            .collect();
        let errors: Vec<Value> = calibrated
            .errors
            .iter()
            .map(|one| {
                json!({
                    "metric": one.name,
                    "measured_s": one.measured,
                    "before": one.before,
                    "after": one.after,
                })
            })
            .collect();
        let loads: Vec<Value> = calibrated.loads.iter().map(load).collect();
        let document = json!({
            "schema": SCHEMA,
            "tool": { "name": env!("CARGO_PKG_NAME"), "version": env!("CARGO_PKG_VERSION") },
            "scenario_hash": self.scenario_hash,
            "seed": self.seed,
            "fitted_on": {
                "model": on.model,
                "gpu": on.gpu,
                "tensor_parallel": on.tensor_parallel,
                "weights": on.weights,
                "data": on.data,
            },
            "taken": self.taken,
            "compared": calibrated.method,
            "coefficients": fitted,
            "left_out": left_out,
            "errors": errors,
            "loads": loads,
            "warnings": calibrated.warnings,
        });
        format!("{document:#}\n")
    }

    /// The file, in TOML.
    pub fn to_file(&self) -> String {
        let on = &self.fitted_on;
        let quoted = |text: &str| Value::from(text).to_string();
        let mut text = format!(
            "# Written by `tailcast calibrate`; use it as server.step_time = \"this-file.toml\", for this deployment \
             only.\n\
             [fitted_on]\nmodel = {}\ngpu = {}\ntensor_parallel = {}\nweights = {}\ndata = {}\n",
            quoted(&on.model),
            quoted(&on.gpu),
            on.tensor_parallel,
            quoted(&on.weights),
            quoted(&on.data),
        );
        let is_fitted = |name: &str| {
            let mut fitted = self.calibrated.fitted.iter();
            fitted.any(|one| one.coefficient.name() == name)
        };
        let tables = [
            ("step", step(&self.calibrated.overheads, &self.calibrated.scales)),
            ("front_end", front_end(self.calibrated.front_end, FrontEnd::SERVED)),
        ];
        for (table, rows) in tables {
            let changed =
                |(name, value, served): &&Row| (value - served).abs() > 1e-9 * served.abs() || is_fitted(name);
            let mut lines = String::new();
            for (name, value, _) in rows.iter().filter(changed) {
                let _ = writeln!(lines, "{name} = {value:?}");
            }
            if !lines.is_empty() {
                let _ = write!(text, "[{table}]\n{lines}");
            }
        }
        text += "[error]    # what is left on these data, relative\n";
        for error in &self.calibrated.errors {
            let _ = writeln!(text, "\"{}\" = {:.4}", error.name, error.after.abs());
        }
        text
    }
}

type Row = (&'static str, f64, f64);

/// Names in files, values and values as served.
fn step(here: &Overheads, scales: &KernelScales) -> Vec<Row> {
    let row = |name, of: fn(&Overheads) -> f64| (name, of(here), of(&Overheads::SERVED));
    let factor = |name, of: fn(&KernelScales) -> f64| (name, of(scales), of(&KernelScales::NONE));
    vec![
        row("kernel_scale", |it| it.kernel_scale),
        factor("decode_scale", |it| it.decoding),
        factor("prompt_scale", |it| it.prompts),
        factor("expert_scale", |it| it.experts),
        row("step_us", |it| it.step_micros),
        row("layer_us", |it| it.layer_micros),
        row("mixed_layer_us", |it| it.mixed_layer_micros),
        row("eager_layer_us", |it| it.eager_layer_micros),
        row("eager_experts_us", |it| it.eager_experts_micros),
        row("all_reduce_wait_us", |it| it.all_reduce_wait_micros),
        row("quantised_layer_us", |it| it.quantised_layer_micros),
        row("sampler_us", |it| it.sampler_micros),
        row("sampler_ns_per_logit", |it| it.sampler_micros_per_logit * 1e3),
        row("sort_ns_per_entry", |it| it.sort_micros_per_entry * 1e3),
    ]
}

fn front_end(here: FrontEnd, served: FrontEnd) -> Vec<Row> {
    // A tenth of a microsecond is all that a fit knows.
    let micros = |span: crate::units::Span| (span.seconds() * 1e7).round() / 10.0;
    vec![
        ("latency_us", micros(here.latency), micros(served.latency)),
        ("per_stream_us", micros(here.per_stream), micros(served.per_stream)),
        (
            "per_prompt_token_us",
            micros(here.per_prompt_token),
            micros(served.per_prompt_token),
        ),
    ]
}

fn shown(coefficient: Fittable, value: f64) -> String {
    if coefficient.is_scale() {
        return format!("{value:.4}");
    }
    format!("{value:.1}")
}

fn load(load: &LoadErrors) -> Value {
    let numbers = load.numbers.iter().map(|one| {
        json!({
            "metric": one.name,
            "measured_s": one.measured,
            "before": one.before,
            "after": one.after,
            "left_out": one.left_out,
        })
    });
    json!({ "load": load.load, "errors": numbers.collect::<Vec<_>>() })
}

/// The errors of each load, at last with the coefficients that the other loads give.
fn of_loads(loads: &[LoadErrors]) -> String {
    let header = ["load", "error", "measured", "before", "after", "left out"].map(str::to_owned);
    let mut rows = vec![header.to_vec()];
    for load in loads {
        for (place, one) in load.numbers.iter().enumerate() {
            let name = if place == 0 { load.load.clone() } else { String::new() };
            rows.push(vec![
                name,
                one.name.clone(),
                format!("{:.2} ms", 1e3 * one.measured),
                percent(one.before),
                percent(one.after),
                one.left_out.map_or_else(|| "-".to_owned(), percent),
            ]);
        }
    }
    aligned(&rows, &[false, false, true, true, true, true])
}

fn percent(share: f64) -> String {
    format!("{:+.1} %", 100.0 * share)
}

fn errors(errors: &[MetricError]) -> String {
    let header = ["error", "measured", "before", "after"].map(str::to_owned);
    let mut rows = vec![header.to_vec()];
    for error in errors {
        rows.push(vec![
            error.name.clone(),
            format!("{:.2} ms", 1e3 * error.measured),
            percent(error.before),
            percent(error.after),
        ]);
    }
    aligned(&rows, &[false, true, true, true])
}
