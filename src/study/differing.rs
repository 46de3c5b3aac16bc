//! What sets variations apart besides what was varied: settings that resolve differently, and limits that follow from
//! them.

use super::contest::Variation;
use super::input::Input;
use crate::config::axis::KeysSeen;
use crate::config::{Deployment, FleetPool, Scenario};
use crate::policy::{Description, POLICIES};

/// A setting that differs between variations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Differing {
    /// Its key, or what it is where it is no key.
    pub key: String,
    /// Its value in each variation, in their order; `None` where it has none.
    pub values: Vec<Option<String>>,
}

/// What a scenario resolves to under one key.
struct Fact {
    key: String,
    value: String,
    /// All that the value stands for, where it is but a name.
    content: String,
    is_default: bool,
}

/// The settings that differ and that the variations do not themselves set. Keys that only some of the policies have are
/// part of these policies: limits on steps are compared instead.
pub fn differing(variations: &[Variation], inputs: &[Input]) -> Vec<Differing> {
    let scenarios: Vec<&Scenario> = inputs.iter().map(|input| &input.scenario).collect();
    let limits: Vec<Vec<Fact>> = scenarios.iter().map(|scenario| limits(scenario, &scenarios)).collect();
    let written: Vec<Vec<Fact>> = scenarios.iter().map(|it| settings(it, &scenarios)).collect();
    let mut settings = unlike(&written);
    settings.retain(|it| !is_varied(&it.key, variations, &scenarios));
    // Limits first, as most follows from them, but none that is the value of a key.
    let mut found = unlike(&limits);
    found.retain(|it| !settings.iter().any(|setting| setting.values == it.values));
    found.retain(|it| !is_varied(&it.key, variations, &scenarios));
    found.extend(settings);
    found
}

/// Those of the facts that differ, in the order in which they are met.
fn unlike(facts: &[Vec<Fact>]) -> Vec<Differing> {
    let mut keys: Vec<&str> = Vec::new();
    for fact in facts.iter().flatten() {
        if !keys.contains(&fact.key.as_str()) {
            keys.push(&fact.key);
        }
    }
    let mut found = Vec::new();
    for key in keys {
        let of_scenario = facts.iter().map(|facts| facts.iter().find(|fact| fact.key == key));
        let of_key: Vec<Option<&Fact>> = of_scenario.collect();
        if differ(&of_key) {
            found.push(Differing {
                key: key.to_owned(),
                values: of_key.iter().map(|fact| fact.map(|it| it.value.clone())).collect(),
            });
        }
    }
    found
}

/// Whether the facts are not the same. A default that only some have says nothing about the others.
fn differ(of_key: &[Option<&Fact>]) -> bool {
    let mut known = of_key.iter().flatten();
    let Some(first) = known.next() else {
        return false;
    };
    let is_everywhere = of_key.iter().all(Option::is_some);
    let is_written = of_key.iter().flatten().any(|fact| !fact.is_default);
    known.any(|fact| fact.content != first.content) || !is_everywhere && is_written
}

/// The settings of a scenario, as far as they can be compared with those of the others.
fn settings(scenario: &Scenario, all: &[&Scenario]) -> Vec<Fact> {
    let settings = scenario.settings.iter().filter(|it| is_comparable(&it.key, all));
    let facts = settings.map(|setting| Fact {
        key: setting.key.clone(),
        value: setting.value.clone(),
        content: setting.content.clone().unwrap_or_else(|| setting.value.clone()),
        is_default: setting.is_default,
    });
    facts.collect()
}

/// What follows from the settings. Limits on steps say what keys of unlike policies have in common.
fn limits(scenario: &Scenario, all: &[&Scenario]) -> Vec<Fact> {
    let pools = scenario.operation.pools();
    if pools.is_empty() {
        return limits_of("", &scenario.deployment, all);
    }
    let of_pool =
        |(place, pool): (usize, &FleetPool)| limits_of(&format!("fleet.pool[{place}]."), &pool.deployment, all);
    pools.iter().enumerate().flat_map(of_pool).collect()
}

/// What follows of a server whose keys begin so.
fn limits_of(keys: &str, deployment: &Deployment, all: &[&Scenario]) -> Vec<Fact> {
    let policy = &deployment.server.policy;
    let mut facts = Vec::new();
    let mut add = |key: &str, value: String| {
        facts.push(Fact {
            key: format!("{keys}{key}"),
            content: value.clone(),
            value,
            is_default: true,
        });
    };
    if all
        .iter()
        .any(|other| policy_of(other).name != policy.description().name)
    {
        let limits = policy.limits();
        add("most requests in a step", limits.most_running.to_string());
        let tokens = match limits.most_tokens {
            u64::MAX => "no limit".to_owned(),
            tokens => tokens.to_string(),
        };
        add("most tokens in a step", tokens);
    }
    add(PREFIX_CACHING, deployment.prefix_caching.to_string());
    add("kv.blocks", deployment.server.kv_blocks.to_string());
    for (key, value) in of_engine(deployment) {
        add(key, value);
    }
    facts
}

/// How the engine runs steps, which it does not share with others; nothing where step times are given.
fn of_engine(deployment: &Deployment) -> Vec<(&'static str, String)> {
    if deployment.step_times.kind().is_all_there_is {
        return Vec::new();
    }
    let host = &deployment.engine_host;
    let yes_or_no = |it: bool| if it { "yes" } else { "no" }.to_owned();
    let largest = deployment.execution.largest_graph.to_string();
    let launching = host.layer_micros_on(&deployment.gpu);
    let mut facts = vec![
        ("most tokens in a CUDA graph", largest),
        ("prompts run as CUDA graphs", yes_or_no(host.prompts_in_graphs)),
        ("host time of a layer without a graph", format!("{launching} us")),
        ("CPU works beside the GPU", yes_or_no(deployment.hides_cpu)),
    ];
    if deployment.tensor_parallel > 1 {
        facts.push(("all-reduces fused with norms", yes_or_no(host.fuses_all_reduce)));
    }
    facts
}

/// It is on or off under every policy, whether this has the key or not.
const PREFIX_CACHING: &str = "batching.prefix_caching";

fn policy_of(scenario: &Scenario) -> &'static Description {
    scenario.deployment.server.policy.description()
}

/// Whether a key of `[batching]` means the same to all policies that are used; other keys always do, those of pools
/// among them.
fn is_comparable(key: &str, all: &[&Scenario]) -> bool {
    let Some(name) = key.strip_prefix("batching.") else {
        return true;
    };
    let name = name.split('.').next().unwrap_or(name);
    let has = |policy: &Description| policy.settings.iter().any(|setting| setting.name == name);
    let is_of_policies = POLICIES.iter().any(has);
    key != PREFIX_CACHING && (!is_of_policies || all.iter().all(|scenario| has(policy_of(scenario))))
}

/// Whether a variation sets a key, or a table around it or a key below it.
fn is_varied(key: &str, variations: &[Variation], scenarios: &[&Scenario]) -> bool {
    let mut each = variations.iter().zip(scenarios);
    each.any(|(variation, scenario)| {
        variation.changes.iter().any(|change| {
            let changed = change.assignment.split('=').next().unwrap_or_default();
            let is_named = is_within(key, changed) || is_within(changed, key);
            // Other spellings of a key are known by where its value comes from.
            let setting = scenario.settings.iter().find(|setting| setting.key == key);
            is_named || setting.is_some_and(|it| !it.is_default && it.origin == change.name)
        })
    })
}

/// Whether a key is another one or stands in the table of that name.
fn is_within(key: &str, table: &str) -> bool {
    let parts = KeysSeen::parts(table);
    KeysSeen::parts(key).starts_with(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_within_itself_and_the_tables_around_it() {
        assert!(is_within("workload.arrivals.rate", "workload.arrivals"));
        assert!(is_within("batching.max_num_seqs", "batching.max-num-seqs"));
        assert!(!is_within("workload.arrivals", "workload.arrivals.rate"));
        assert!(!is_within("server.gpu_memory_utilization", "server.gpu"));
    }
}
