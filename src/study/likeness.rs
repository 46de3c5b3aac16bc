//! Whether what is simulated is what was measured: the same model, requests and arrivals.

use crate::config::{BenchmarkLoad, Deployment, Measured, NotedSetting, Scenario, Values, Workload};
use crate::metrics::{Measure, Summary};
use crate::workload::Arrivals;

/// Rates and burstiness that differ by more are others.
const LOADS_ALIKE: f64 = 0.01;
/// Settings that differ by more are others: a share of the memory is in whole bytes.
const SETTINGS_ALIKE: f64 = 1e-3;
/// Lengths that differ by more in the mean are those of another workload.
const LENGTHS_ALIKE: f64 = 0.1;

/// How the scenario differs from what a benchmark was told to do, as far as that is known before any run.
pub fn unlike_before(scenario: &Scenario, measured: &Measured) -> Vec<String> {
    let Some(load) = &measured.load else {
        return Vec::new();
    };
    let mut unlike = other_deployment(&scenario.deployment, load);
    unlike.extend(other_load(scenario, load));
    unlike
}

/// How the scenario sends requests otherwise than a benchmark did.
pub fn other_load(scenario: &Scenario, load: &BenchmarkLoad) -> Vec<String> {
    let traffic = &scenario.traffic;
    match traffic.only_workload() {
        Some(Workload::Synthetic(workload)) if workload.session.is_none() => {
            other_arrivals(&workload.arrivals, traffic.max_outstanding, load)
        }
        _ => Vec::new(),
    }
}

/// How a deployment differs from what a benchmark says that it measured.
pub fn other_deployment(deployment: &Deployment, load: &BenchmarkLoad) -> Vec<String> {
    let differences = [other_model, other_gpu, other_tensor_parallel];
    let differences = differences.iter().filter_map(|differs| differs(deployment, load));
    differences.chain(other_settings(deployment, load)).collect()
}

/// Settings of the server that are others than those it was measured with.
fn other_settings(deployment: &Deployment, load: &BenchmarkLoad) -> impl Iterator<Item = String> {
    let differs = |&(setting, measured): &(NotedSetting, f64)| {
        let simulated = simulated_setting(deployment, setting)?;
        let name = setting.name();
        if is_alike(simulated, measured, SETTINGS_ALIKE) || simulated.total_cmp(&measured).is_eq() {
            return None;
        }
        let [simulated, measured] = [simulated, measured].map(|value| match setting {
            NotedSetting::EnablePrefixCaching if value > 0.0 => "on".to_owned(),
            NotedSetting::EnablePrefixCaching => "off".to_owned(),
            NotedSetting::GpuMemoryUtilization => format!("{value:.2}"),
            _ => value.to_string(),
        });
        Some(format!("{name} is {simulated} and {measured} was measured"))
    };
    load.settings.iter().filter_map(differs)
}

/// What a setting comes to in the scenario; `None` where its policy has no such limit.
fn simulated_setting(deployment: &Deployment, setting: NotedSetting) -> Option<f64> {
    let (server, limits) = (&deployment.server, deployment.server.policy.limits());
    Some(match setting {
        NotedSetting::MaxNumSeqs => limits.most_running.into(),
        NotedSetting::MaxNumBatchedTokens if limits.most_tokens == u64::MAX => return None,
        NotedSetting::MaxNumBatchedTokens => limits.most_tokens as f64,
        NotedSetting::MaxModelLen => server.max_model_len.into(),
        NotedSetting::BlockSize => server.block_tokens.into(),
        NotedSetting::GpuMemoryUtilization if deployment.kv_blocks_given => return None,
        NotedSetting::GpuMemoryUtilization => {
            deployment.memory.requested_bytes as f64 / deployment.memory.total_bytes as f64
        }
        NotedSetting::EnablePrefixCaching => deployment.prefix_caching.into(),
    })
}

/// How the runs differ from what was measured: in the number of their requests, and in the mean lengths.
pub fn unlike_after(pooled: &Summary, runs: u32, measured: &Measured) -> Vec<String> {
    let mut unlike = Vec::new();
    let sent = match (&measured.load, &measured.requests) {
        (
            Some(BenchmarkLoad {
                requests: Some(sent), ..
            }),
            _,
        ) => Some(*sent),
        (_, Some(finished)) => Some(finished.len() as u64 + measured.unfinished),
        (_, None) => None,
    };
    let simulated = pooled.requests.arrived / u64::from(runs.max(1));
    if let Some(sent) = sent.filter(|&sent| sent != simulated) {
        unlike.push(format!("{simulated} requests are simulated and {sent} were measured"));
    }
    if measured.load.is_none() && measured.requests.is_none() {
        return unlike;
    }
    unlike.extend(other_lengths(pooled, &measured.values));
    unlike
}

/// How lengths of runs differ in the mean from those that were measured.
pub fn other_lengths(pooled: &Summary, measured: &Values) -> Vec<String> {
    let mut unlike = Vec::new();
    for (what, name) in [
        ("prompts", "throughput.input_tokens_per_s"),
        ("outputs", "throughput.output_tokens_per_s"),
    ] {
        let of = |values: &dyn Fn(&str) -> Option<f64>| Some(values(name)? / values("throughput.requests_per_s")?);
        let simulated = of(&|name| Measure::named(name)?.of(pooled));
        let sent = of(&|name| measured.get(name).copied());
        if let Some((simulated, sent)) = simulated.zip(sent)
            && !is_alike(simulated, sent, LENGTHS_ALIKE)
        {
            unlike.push(format!(
                "simulated {what} have {simulated:.0} tokens in the mean and the measured ones {sent:.0}"
            ));
        }
    }
    unlike
}

fn is_alike(one: f64, other: f64, within: f64) -> bool {
    (one / other - 1.0).abs() <= within
}

/// Names are written in many ways; every part of the scenario's must be somewhere in the benchmark's.
fn other_model(deployment: &Deployment, load: &BenchmarkLoad) -> Option<String> {
    let measured = load.model.as_deref()?;
    let title = deployment.model.name();
    let whole = plain(measured);
    let is_there = title.split_whitespace().all(|part| whole.contains(&plain(part)));
    (!is_there).then(|| format!("the model is {title} and {measured} was measured"))
}

/// Every number in the scenario's name of the GPU must be somewhere in the benchmark's: `h100` of `h100-sxm` in `NVIDIA
/// H100 80GB HBM3`.
fn other_gpu(deployment: &Deployment, load: &BenchmarkLoad) -> Option<String> {
    let measured = load.gpu.as_deref()?;
    let name = deployment.gpu.name();
    let whole = plain(measured);
    let mut numbers = name
        .split(['-', ' '])
        .filter(|part| part.chars().any(|it| it.is_ascii_digit()));
    let is_other = numbers.any(|part| !whole.contains(&plain(part)));
    is_other.then(|| format!("the GPU is {name} and {measured} was measured"))
}

fn other_tensor_parallel(deployment: &Deployment, load: &BenchmarkLoad) -> Option<String> {
    let (simulated, measured) = (deployment.tensor_parallel, load.tensor_parallel?);
    let is_other = simulated != measured;
    is_other.then(|| format!("tensor_parallel is {simulated} and {measured} was measured"))
}

/// Letters and digits alone, without case.
fn plain(text: &str) -> String {
    let kept = text.chars().filter(char::is_ascii_alphanumeric);
    kept.map(|it| it.to_ascii_lowercase()).collect()
}

fn other_arrivals(arrivals: &Arrivals, most: Option<u32>, load: &BenchmarkLoad) -> Vec<String> {
    let mut unlike = Vec::new();
    let Some(rate) = load.rate_per_s else {
        return unlike;
    };
    let simulated = in_words(arrivals, most);
    // As many as all requests hold none of them back.
    let holds_back = |most: &u32| rate.is_infinite() || load.requests.is_none_or(|all| u64::from(*most) < all);
    let most_measured = load.max_concurrency.filter(holds_back);
    let is_same = match (rate.is_finite(), most_measured) {
        (true, _) => {
            let own = arrivals.mean_rate_per_s();
            own.is_some_and(|own| is_alike(own, rate, LOADS_ALIKE)) && most == most_measured
        }
        (false, None) => matches!(arrivals, Arrivals::AtOnce) && most.is_none(),
        (false, Some(clients)) => match arrivals {
            Arrivals::AtOnce => most == Some(clients),
            Arrivals::Closed { concurrency, think, .. } => *concurrency == clients && think.is_none(),
            _ => false,
        },
    };
    if !is_same {
        let most = most_measured.map_or_else(String::new, outstanding);
        let measured = if rate.is_finite() {
            format!("{rate} a second{most}")
        } else {
            format!("all at once{most}")
        };
        unlike.push(format!("requests are sent {simulated} and were sent {measured}"));
    }
    let cv = match arrivals {
        Arrivals::Poisson { .. } => 1.0,
        Arrivals::Gamma { cv, .. } => *cv,
        _ => return unlike,
    };
    if rate.is_finite() && !is_alike(cv, load.cv(), LOADS_ALIKE) {
        let measured = load.cv();
        unlike.push(format!("gaps between requests have cv {cv} and had {measured:.3}"));
    }
    unlike
}

fn in_words(arrivals: &Arrivals, most: Option<u32>) -> String {
    let most = most.map_or_else(String::new, outstanding);
    match (arrivals, arrivals.mean_rate_per_s()) {
        (_, Some(rate)) => format!("{rate} a second{most}"),
        (Arrivals::Closed { concurrency, .. }, _) => format!("by {concurrency} clients"),
        (_, None) => format!("all at once{most}"),
    }
}

fn outstanding(most: u32) -> String {
    format!(", {most} outstanding at most")
}
