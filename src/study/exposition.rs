//! What would be scraped from a scenario's servers.

use std::iter::repeat_n;

use crate::config::Scenario;
use crate::metrics::{ExposedServer, Exposition, ExpositionSettings};
use crate::units::Span;

/// Who notes what would be scraped of a run of the scenario, at every multiple of an interval or only at its end.
pub fn exposition(scenario: &Scenario, interval: Option<Span>) -> Exposition {
    Exposition::new(settings(scenario, interval))
}

/// Who notes what would be scraped of the scenario's servers while they run, as of a model that clients know by a name.
pub fn live_exposition(scenario: &Scenario, model: &str) -> Exposition {
    let mut settings = settings(scenario, None);
    for server in &mut settings.servers {
        model.clone_into(&mut server.model);
    }
    Exposition::new(settings)
}

fn settings(scenario: &Scenario, interval: Option<Span>) -> ExpositionSettings {
    let operation = &scenario.operation;
    ExpositionSettings {
        servers: exposed_servers(scenario),
        size: operation.initial_size(),
        has_router: operation.fleet.is_some(),
        is_scaled: operation.is_scaled(),
        classes: class_names(scenario),
        interval,
    }
}

/// The servers of the scenario, in the order of their numbers.
pub fn exposed_servers(scenario: &Scenario) -> Vec<ExposedServer> {
    let pools = scenario.operation.pools();
    let deployments = scenario.deployments().into_iter().enumerate();
    let of_pool = deployments.flat_map(|(pool, (deployment, servers))| {
        let server = ExposedServer {
            model: deployment.model.name().to_owned(),
            pool: pools.get(pool).map(|pool| pool.name.clone()),
            kv_blocks: deployment.server.kv_blocks,
            max_model_len: deployment.server.max_model_len,
            prefix_caching: deployment.prefix_caching,
        };
        repeat_n(server, servers as usize)
    });
    of_pool.collect()
}

/// The names of its classes of traffic, if there are any.
pub fn class_names(scenario: &Scenario) -> Vec<String> {
    let classes = scenario.traffic.classes.iter();
    classes.filter_map(|class| class.name.clone()).collect()
}
