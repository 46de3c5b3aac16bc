//! What a scenario's servers are, in the words of reports.

use crate::config::{Deployment, FleetPool, Scenario};

/// Everything that is said of servers of each kind, once each, in their order.
fn of_each(scenario: &Scenario, said: impl Fn(&Deployment) -> String) -> String {
    let mut all: Vec<String> = Vec::new();
    for (deployment, _) in scenario.deployments() {
        let one = said(deployment);
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all.join(" and ")
}

/// The models that they serve.
pub fn models(scenario: &Scenario) -> String {
    of_each(scenario, |deployment| deployment.model.name().to_owned())
}

/// How they batch.
pub fn policies(scenario: &Scenario) -> String {
    of_each(scenario, |deployment| {
        deployment.server.policy.description().title.to_owned()
    })
}

/// The GPUs of a server, such as `1×H100-SXM`.
pub fn gpus(deployment: &Deployment) -> String {
    format!("{}×{}", deployment.tensor_parallel, deployment.gpu.name())
}

/// How many servers each pool has, of which GPUs: `2 servers of 1×H100-SXM and 4 of 1×L40S`. `None` without pools.
pub fn pools(scenario: &Scenario) -> Option<String> {
    let pools = scenario.operation.pools();
    let in_words = |(place, pool): (usize, &FleetPool)| {
        let servers = match (place, pool.servers) {
            (0, 1) => " server",
            (0, _) => " servers",
            _ => "",
        };
        format!("{}{servers} of {}", pool.servers, gpus(&pool.deployment))
    };
    let all: Vec<String> = pools.iter().enumerate().map(in_words).collect();
    (!all.is_empty()).then(|| all.join(" and "))
}
