//! How many drafts a server accepted at each position, by its own counters: what `/metrics` answers, or the result of a
//! benchmark that has read it.

use serde_json::Value;

/// Drafts that were verified, counted by `vllm/v1/spec_decode/metrics.py`; older clients leave `_total` out.
const DRAFTS: &str = "vllm:spec_decode_num_drafts";
/// Drafts that were accepted at a position, which is a label and counts from 0.
const ACCEPTED: &str = "vllm:spec_decode_num_accepted_tokens_per_pos";
/// The rates in the JSON of `vllm bench serve`, from 0 to 1.
const BENCH_RATES: &str = "spec_decode_per_position_acceptance_rates";

/// No server drafts more tokens in a step.
const MOST_POSITIONS: usize = 1_024;

/// The rate at which drafts were accepted at each position, over all drafts; otherwise what is missing.
pub(in crate::config) fn acceptance_by_position(content: &str) -> Result<Vec<f64>, String> {
    let content = content.trim_start_matches('\u{feff}').trim();
    let rates = if content.starts_with('{') {
        of_benchmark(content)?
    } else {
        of_metrics(content)?
    };
    match rates.iter().find(|rate| !(0.0..=1.0).contains(*rate)) {
        Some(rate) => Err(format!("a rate of acceptance would be {rate}, which is none")),
        None => Ok(rates),
    }
}

fn of_benchmark(content: &str) -> Result<Vec<f64>, String> {
    let result: Value = serde_json::from_str(content).map_err(|error| error.to_string())?;
    let rates = result.get(BENCH_RATES).and_then(Value::as_array);
    let rates = rates.ok_or_else(|| format!("the result has no `{BENCH_RATES}`: it was run without drafts"))?;
    let numbers = rates
        .iter()
        .map(|rate| rate.as_f64().ok_or_else(|| format!("`{rate}` is no number")));
    numbers.collect()
}

/// Sums over engines of one server, each of which counts by itself.
fn of_metrics(content: &str) -> Result<Vec<f64>, String> {
    let mut drafts = 0.0;
    let mut accepted: Vec<f64> = Vec::new();
    for line in content.lines().filter(|line| !line.starts_with('#')) {
        let (series, value) = line.rsplit_once(' ').unwrap_or((line, ""));
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let name = name.strip_suffix("_total").unwrap_or(name);
        if name != DRAFTS && name != ACCEPTED {
            continue;
        }
        let value: f64 = value.trim().parse().map_err(|_| format!("`{line}` has no number"))?;
        if name == DRAFTS {
            drafts += value;
            continue;
        }
        let position = position(labels).ok_or_else(|| format!("`{line}` does not say which position it counts"))?;
        if accepted.len() <= position {
            accepted.resize(position + 1, 0.0);
        }
        accepted[position] += value;
    }
    if accepted.is_empty() || drafts <= 0.0 {
        return Err(format!("it counts no drafts: {DRAFTS} and {ACCEPTED} are needed"));
    }
    Ok(accepted.into_iter().map(|accepted| accepted / drafts).collect())
}

fn position(labels: &str) -> Option<usize> {
    let (_, rest) = labels.split_once("position=\"")?;
    let position = rest.split_once('"')?.0.parse().ok()?;
    (position < MOST_POSITIONS).then_some(position)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_several_engines_are_summed() {
        let metrics = "# HELP vllm:spec_decode_num_drafts Number of spec decoding drafts.\n\
                       vllm:spec_decode_num_drafts_total{engine=\"0\",model_name=\"m\"} 100.0\n\
                       vllm:spec_decode_num_drafts_total{engine=\"1\",model_name=\"m\"} 300.0\n\
                       vllm:spec_decode_num_drafts_created{engine=\"0\"} 1.7e9\n\
                       vllm:spec_decode_num_accepted_tokens_per_pos_total{engine=\"0\",position=\"0\"} 80.0\n\
                       vllm:spec_decode_num_accepted_tokens_per_pos_total{engine=\"1\",position=\"0\"} 220.0\n\
                       vllm:spec_decode_num_accepted_tokens_per_pos_total{engine=\"0\",position=\"1\"} 40.0\n\
                       vllm:num_requests_running{engine=\"0\"} 3.0\n";
        assert_eq!(acceptance_by_position(metrics), Ok(vec![0.75, 0.1]));
    }

    #[test]
    fn a_benchmark_has_read_them_itself() {
        let result = "{\"num_prompts\": 3, \"spec_decode_per_position_acceptance_rates\": [0.7, 0.5]}";
        assert_eq!(acceptance_by_position(result), Ok(vec![0.7, 0.5]));
        let without = acceptance_by_position("{\"num_prompts\": 3}").unwrap_err();
        assert!(without.contains("without drafts"), "{without}");
        let percent = acceptance_by_position("{\"spec_decode_per_position_acceptance_rates\": [70.0]}");
        assert!(percent.unwrap_err().contains("70"), "a percentage is no rate");
    }

    #[test]
    fn what_counts_nothing_is_told() {
        let none = acceptance_by_position("vllm:num_requests_running 3.0\n").unwrap_err();
        assert!(none.contains("counts no drafts"), "{none}");
        let nowhere = format!("{DRAFTS} 2\n{ACCEPTED}{{engine=\"0\"}} 1\n");
        assert!(acceptance_by_position(&nowhere).unwrap_err().contains("which position"));
        let words = format!("{DRAFTS} many\n");
        assert!(acceptance_by_position(&words).unwrap_err().contains("no number"));
    }
}
