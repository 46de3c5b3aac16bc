//! What is fitted, where the search starts, and how far it may stray from there.

use tailcast::config::Scenario;
use tailcast::units::Span;

/// A coefficient of the step-time model or of the front end.
pub struct Served {
    /// Its name, with its unit.
    pub name: &'static str,
    /// What is known of it beforehand.
    pub start: f64,
    /// How well: a residual of its own holds it there.
    pub spread: f64,
    /// Puts a value into a scenario.
    pub set: fn(&mut Scenario, f64),
}

/// All of them. Before any fit a launch is taken to cost 3 us a layer, and a step some tenths of a millisecond.
pub const SERVED: [Served; 10] = [
    Served {
        name: "step_us",
        start: 330.0,
        spread: 150.0,
        set: |scenario, micros| scenario.deployment.execution.overheads.step_micros = micros,
    },
    Served {
        name: "layer_us",
        start: 2.9,
        spread: 2.0,
        set: |scenario, micros| scenario.deployment.execution.overheads.layer_micros = micros,
    },
    Served {
        name: "mixed_layer_us",
        start: 10.0,
        spread: 5.0,
        set: |scenario, micros| scenario.deployment.execution.overheads.mixed_layer_micros = micros,
    },
    Served {
        name: "eager_layer_us",
        start: 17.0,
        spread: 10.0,
        set: |scenario, micros| scenario.deployment.execution.overheads.eager_layer_micros = micros,
    },
    Served {
        name: "all_reduce_wait_us",
        start: 1.0,
        spread: 1.0,
        set: |scenario, micros| scenario.deployment.execution.overheads.all_reduce_wait_micros = micros,
    },
    // MiniMax-M2.5 in fp8 on B200 with vLLM 0.17 (aiconfigurator @ 095f58a, silicon results): prompts of 1,024 tokens
    // have a TTFT of 114 ms with 9.5 ms a token; less 1.5 steps and the front end that is 1.5 ms for each of 62 layers.
    Served {
        name: "eager_experts_us",
        start: 1500.0,
        spread: 150.0,
        set: |scenario, micros| scenario.deployment.execution.overheads.eager_experts_micros = micros,
    },
    // Softmax and cumulative sum, 16 bytes an entry and as many again for what they keep, by one thread block a row, at
    // a multiprocessor's share of the bandwidth (1/132 of an H100's): 1.4 ns, and a scan waits for itself.
    Served {
        name: "sort_ns_per_entry",
        start: 3.0,
        spread: 1.5,
        set: |scenario, nanos| scenario.deployment.execution.overheads.sort_micros_per_entry = nanos / 1e3,
    },
    Served {
        name: "latency_us",
        start: 3000.0,
        spread: 2000.0,
        set: |scenario, micros| scenario.deployment.front_end.latency = span(micros),
    },
    Served {
        name: "per_stream_us",
        start: 68.0,
        spread: 40.0,
        set: |scenario, micros| scenario.deployment.front_end.per_stream = span(micros),
    },
    // Closed loops of gpt-oss-120b on B200 (aiconfigurator @ 095f58a, silicon results): prompts of 8,192 tokens wait 20
    // to 30 ms longer than ones of 1,024, whatever the engine and the number of GPUs.
    Served {
        name: "per_prompt_token_us",
        start: 4.0,
        spread: 1.0,
        set: |scenario, micros| scenario.deployment.front_end.per_prompt_token = span(micros),
    },
];

fn span(micros: f64) -> Span {
    Span::from_seconds(micros / 1e6).expect("a fraction of a second")
}

/// Puts all values into a scenario. Who calls the engine in its own process has no front end.
pub fn set_all(scenario: &mut Scenario, values: &[f64]) {
    let front_end = scenario.deployment.front_end;
    for (one, value) in SERVED.iter().zip(values) {
        (one.set)(scenario, *value);
    }
    if front_end == tailcast::fleet::FrontEnd::default() {
        scenario.deployment.front_end = front_end;
    }
}
