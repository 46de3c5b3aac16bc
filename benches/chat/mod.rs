//! What the benchmarks run: chat with Llama 3.1 8B on one H100, batched continuously, with all that a scenario has by
//! default.

use std::io::Write;

use tailcast::config::{Flag, Layers, Scenario};
use tailcast::metrics::Summary;
use tailcast::study;

/// What all scenarios grow from.
const SERVER: &str = r#"
[model]
name = "llama-3.1-8b"
[server]
gpu = "h100-sxm"
"#;

/// Chat traffic; a scenario changes the number of its requests and its load.
pub const CHAT: &str = r#"
[workload]
requests = 1000000
arrivals = { process = "poisson", rate = 20 }
prompt = { dist = "lognormal", median = 400, sigma = 0.8, max = 8000 }
output = { dist = "lognormal", median = 200, sigma = 0.6, max = 16000 }
"#;

/// System prompts that requests share.
pub const SHARED_PREFIXES: &str = "workload.prefix={ pool = 100, tokens = 500 }";

/// The only seed.
pub const SEED: u64 = 42;

/// The scenario with this workload and these changes, each written as for `--set`.
pub fn scenario(workload: &str, changes: &[&str]) -> Scenario {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{SERVER}{workload}").unwrap();
    let flags = changes.iter().map(|&change| Flag::new("--set", change));
    let layers = Layers {
        file: Some(file.path().to_owned()),
        flags: flags.collect(),
        ..Layers::default()
    };
    Scenario::load(&layers).unwrap_or_else(|problem| panic!("{problem:?}"))
}

/// From the generator of requests to every number of the result.
pub fn run(scenario: &Scenario) -> Summary {
    Summary::of(&study::simulate(scenario, SEED).unwrap())
}
