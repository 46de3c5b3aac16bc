//! Step times worked out by hand, on a GPU and with models whose figures are round, and the defaults that decide what
//! is charged.
//!
//! The GPU moves 1,000,000 bytes and multiplies 100,000,000 times a microsecond (200,000,000 in 8 bits); servers
//! sustain half of that. Memory and arithmetic times add up (`overlap = 1`).

use std::path::PathBuf;

use tailcast::config::{Scenario, catalogue};
use tailcast::fleet::FrontEnd;
use tailcast::hardware::{Gpu, KvPrecision, Model, WeightPrecision};
use tailcast::step_time::{Execution, Overheads, Roofline, Sampling, StepShape, StepTime};
use tailcast::units::Span;

use crate::command::Workplace;
use crate::config::{LEAST, load};

const GPU: &str = r#"
title = "round figures"
memory = { gib = 80, source = "made up" }
bandwidth = { gb_per_s = 1000, source = "made up" }
bf16 = { tflops = 100, source = "made up" }
int8 = { tflops = 200, source = "made up" }
link = { kind = "nvlink", gb_per_s = 100, source = "made up" }
[kernels.linear]
of_bandwidth = 1.0
of_peak = 1.0
sustained = 0.5
start_us = 2.0
overlap = 1.0
source = "made up"
fitted = "not at all"
[kernels.attention]
start_us = 5.0
head_us = 0.25
of_bandwidth = 1.0
of_peak = 1.0
pairs_per_query = 100
mixed = { token_ns = 20, thread_blocks = 100, repeated_reads = 0.5 }
source = "made up"
fitted = "not at all"
[kernels.experts]
start_us = 10.0
of_bandwidth = 1.0
of_peak = 1.0
overlap = 1.0
alone_us = 10.0
moves = 1.0
source = "made up"
fitted = "not at all"
[kernels.all_reduce]
start_us = 4.0
doubling_us = 1.0
of_link = 0.5
of_link_of_many = 0.5
source = "made up"
fitted = "not at all"
"#;

/// Two layers, 1,024 wide; 8 heads of 128 that share 2 of keys and values.
const DENSE: &str = r#"{
  "model_type": "llama", "num_hidden_layers": 2, "hidden_size": 1024, "num_attention_heads": 8,
  "num_key_value_heads": 2,
  "intermediate_size": 4096, "vocab_size": 10000, "tie_word_embeddings": false, "max_position_embeddings": 8192
}"#;

/// The same with 4 experts of width 512 in each layer, of which a token passes through 2.
const MIXTURE: &str = r#"{
  "model_type": "qwen3_moe", "num_hidden_layers": 2, "hidden_size": 1024, "num_attention_heads": 8,
  "num_key_value_heads": 2,
  "head_dim": 128, "moe_intermediate_size": 512, "num_experts": 4, "num_experts_per_tok": 2, "vocab_size": 10000,
  "tie_word_embeddings": false, "max_position_embeddings": 8192
}"#;

const OVERHEADS: Overheads = Overheads {
    step_micros: 100.0,
    layer_micros: 3.0,
    mixed_layer_micros: 7.0,
    eager_layer_micros: 20.0,
    eager_experts_micros: 0.0,
    all_reduce_wait_micros: 0.0,
    quantised_layer_micros: 1.5,
    sampler_micros: 50.0,
    sampler_micros_per_logit: 0.0,
    sort_micros_per_entry: 0.01,
    kernel_scale: 1.0,
};

fn gpu_of(text: &str) -> Gpu {
    let place = Workplace::new();
    place.write("gpu.toml", text);
    catalogue::gpu_from_file(&place.path("gpu.toml")).unwrap()
}

fn model_of(text: &str) -> Model {
    let place = Workplace::new();
    place.write("config.json", text);
    let entry = catalogue::model_from_config_json(&place.path("config.json"));
    entry.unwrap().model
}

/// How a server is run.
struct Server {
    gpu: Gpu,
    model: Model,
    weights: WeightPrecision,
    gpus: u32,
    execution: Execution,
}

impl Server {
    fn dense() -> Self {
        Self {
            gpu: gpu_of(GPU),
            model: model_of(DENSE),
            weights: WeightPrecision::Bf16,
            gpus: 1,
            execution: Execution {
                overheads: OVERHEADS,
                ..Execution::default()
            },
        }
    }

    fn mixture(weights: WeightPrecision) -> Self {
        Self {
            model: model_of(MIXTURE),
            weights,
            ..Self::dense()
        }
    }

    fn with(mut self, change: impl FnOnce(&mut Overheads)) -> Self {
        change(&mut self.execution.overheads);
        self
    }

    fn steps(&self) -> Roofline {
        Roofline::run_as(
            self.execution,
            &self.model,
            &self.gpu,
            self.weights,
            KvPrecision::Bf16,
            self.gpus,
        )
    }

    /// A step [us].
    fn micros(&self, shape: &StepShape) -> f64 {
        self.steps().step(shape).picos() as f64 / 1e6
    }

    /// A step of so many tokens, without any context and nothing sampled [us].
    fn of_tokens(&self, tokens: u32) -> f64 {
        self.micros(&StepShape {
            decoding: tokens,
            ..StepShape::default()
        })
    }
}

/// So many requests, each of which decodes a token after `context - 1` others.
pub fn decoding(requests: u32, context: u32) -> StepShape {
    let mut shape = StepShape::default();
    for _ in 0..requests {
        shape.add(context - 1, 1, context);
    }
    shape
}

/// Prices are rounded to picoseconds, part by part.
#[track_caller]
fn close(found: f64, expected: f64) {
    assert!((found - expected).abs() < 5e-6, "{found}, not {expected}");
}

/// A layer of [`DENSE`] has the products 1024 x 1536, 1024 x 1024, 1024 x 8192 and 4096 x 1024: 15,204,352 weights,
/// 18,944 inputs and outputs. Of `rows` tokens it takes 8          four starts of 2 us 30.408704  2 bytes a weight
/// 0.037888   a row, 2 bytes each way 38.923142  64 rows, 2 x 64 x 15,204,352 operations at half of 100,000,000 5
/// attention's kernels 0.014336   a row, 14 bytes of 1,024 values 3          launches
fn dense_layer(rows: f64) -> f64 {
    let tiles = (rows / 64.0).ceil();
    8.0 + 30.408_704 + 0.052_224 * rows + 38.923_141_12 * tiles + 5.0 + 3.0
}

// What depends on the number of tokens.

#[test]
fn a_step_runs_the_tokens_of_the_next_captured_graph() {
    let server = Server::dense();
    for (tokens, rows) in [
        (1, 1.0),
        (2, 2.0),
        (3, 4.0),
        (4, 4.0),
        (5, 8.0),
        (8, 8.0),
        (9, 16.0),
        (249, 256.0),
        (257, 272.0),
        (497, 512.0),
        (512, 512.0),
    ] {
        close(server.of_tokens(tokens), 100.0 + 2.0 * dense_layer(rows));
    }
    // Beyond the largest nothing is padded, and each layer pays for having no graph.
    let eager = 100.0 + 2.0 * (dense_layer(513.0) + 20.0);
    close(server.of_tokens(513), eager);
}

#[test]
fn few_requests_have_small_graphs_only() {
    let mut server = Server::dense();
    server.execution.largest_graph = 16;
    close(server.of_tokens(16), 100.0 + 2.0 * dense_layer(16.0));
    let eager = 100.0 + 2.0 * (dense_layer(17.0) + 20.0);
    close(server.of_tokens(17), eager);
}

#[test]
fn servers_sustain_all_of_a_peak_unless_a_table_says_less() {
    let mut server = Server::dense();
    server.gpu = gpu_of(&GPU.replace("sustained = 0.5\n", ""));
    // Half of the 38.923142 us of 64 rows, in each of two layers.
    let all = 100.0 + 2.0 * dense_layer(8.0) - 38.923_141_12;
    close(server.of_tokens(8), all);
}

#[test]
fn quantised_layers_move_half_the_bytes_and_compute_at_twice_the_peak() {
    let server = Server {
        weights: WeightPrecision::Int8,
        ..Server::dense()
    };
    // Of weights 15.204352 less, of arithmetic 19.461571 less, and 1.5 for quantising what comes in.
    let layer = dense_layer(8.0) - 15.204_352 - 19.461_570_56 + 1.5;
    close(server.of_tokens(8), 100.0 + 2.0 * layer);
}

#[test]
fn every_all_reduce_waits_for_the_last_gpu() {
    let mut server = Server::dense();
    server.gpus = 2;
    // Half of all weights; 11,520 inputs and outputs on each GPU: 1024 + 768, 512 + 1024, 1024 + 4096, 2048 + 1024.
    let layer = 8.0 + 15.204_352 + 8.0 * (0.023_04 + 0.014_336) + 19.461_570_56 + 5.0 + 3.0;
    // Two a layer and one: 4 us and 8 x 1024 values of 2 bytes over half of a link of 100,000 bytes/us.
    let all_reduce = 4.0 + 16_384.0 / 50_000.0;
    let expected = 100.0 + 2.0 * layer + 5.0 * all_reduce;
    close(server.of_tokens(8), expected);
    let waiting = server.with(|paid| paid.all_reduce_wait_micros = 6.0);
    close(waiting.of_tokens(8), expected + 5.0 * 6.0);
    let alone = Server::dense().with(|paid| paid.all_reduce_wait_micros = 6.0);
    close(alone.of_tokens(8), 100.0 + 2.0 * dense_layer(8.0));
}

#[test]
fn without_a_graph_the_host_holds_quantised_experts_up() {
    // 513 tokens choose 2 of 4 experts each: the first one's 2, and of the 2 others all but those that 512 tokens miss,
    // each with one half where all are alike. Of 8 bits a weight:
    //   10          start
    //    1.572864   a distinct expert's 3 x 512 x 1024 bytes of weights
    //    5.253120   2 x 1026 x (3 x 512 + 1024) bytes of activations
    //   16.137585   2 x 1026 x 3 x 512 x 1024 operations at 200,000,000
    let distinct = 2.0 + 2.0 * (1.0 - (1.0 + 512.0 * std::f64::consts::LN_2 / 1.5).powf(-1.5));
    let experts = 10.0 + distinct * 1.572_864 + 5.253_12 + 16.137_584_64;
    let held_up = |weights, micros, tokens| {
        let server = Server::mixture(weights).with(|paid| paid.eager_experts_micros = micros);
        server.of_tokens(tokens) - Server::mixture(weights).of_tokens(tokens)
    };
    let int8 = WeightPrecision::Int8;
    close(held_up(int8, 1000.0, 513), 2.0 * (1000.0 - experts));
    close(held_up(int8, 37.0, 513), 0.0); // They take 37.68 us anyway.
    close(held_up(int8, 1000.0, 512), 0.0);
    for weights in [WeightPrecision::Bf16, WeightPrecision::Mxfp4] {
        close(held_up(weights, 1000.0, 513), 0.0);
    }
}

// What depends on requests and their contexts.

#[test]
fn sampling_costs_the_head_and_the_sampler() {
    let server = Server::dense().with(|paid| paid.sampler_micros_per_logit = 0.001);
    let of = |sampling| {
        server.micros(&StepShape {
            sampling,
            ..decoding(8, 1)
        })
    };
    // 2 us, 2 x 1024 x 10,000 bytes, 2 x 3 x 11,024 of activations, 2 x 64 x 10,240,000 operations at 50,000,000; then
    // 50 us and 30,000 logits.
    let head = 2.0 + 20.48 + 0.066_144 + 26.214_4;
    close(of(3) - of(0), head + 50.0 + 30.0);
}

#[test]
fn top_p_sorts_a_vocabulary_for_each_request_that_asks_for_it() {
    let mut server = Server::dense();
    server.execution.sorts_below = u32::MAX;
    let mut extra = |sampling, scale| {
        server.execution.overheads.kernel_scale = scale;
        let [plain, sorted] = [Sampling::Plain, Sampling::TopP].map(|how| {
            server.execution.sampling = how;
            server.micros(&StepShape {
                sampling,
                ..decoding(8, 1)
            })
        });
        sorted - plain
    };
    // 10,000 entries of 10 ns; 201 bytes for each of 20,000 logits, and of 80,000.
    close(extra(2, 1.0), 100.0 + 4.02);
    close(extra(8, 1.0), 100.0 + 16.08);
    // What goes row by row is a constant of its own; the other passes are kernels like others.
    close(extra(8, 2.0), 100.0 + 32.16);
    // A part of a prompt samples nothing.
    close(extra(0, 1.0), 0.0);
}

#[test]
fn only_steps_of_few_requests_are_sorted_where_the_release_says_so() {
    let mut server = Server::dense();
    let mut sorts = |below, sampling| {
        server.execution.sorts_below = below;
        let [plain, top_p] = [Sampling::Plain, Sampling::TopP].map(|how| {
            server.execution.sampling = how;
            server.micros(&StepShape {
                sampling,
                ..decoding(8, 1)
            })
        });
        top_p > plain
    };
    assert!([1, 7, 8, 512].into_iter().all(|rows| sorts(u32::MAX, rows)));
    assert_eq!([1, 7, 8, 512].map(|rows| sorts(8, rows)), [true, true, false, false]);
    assert!([1, 7, 8, 512].into_iter().all(|rows| !sorts(0, rows)));
}

#[test]
fn decoding_alone_reads_each_context_once() {
    let server = Server::dense();
    let of = |requests, context| server.micros(&decoding(requests, context));
    // Two layers of 2 x 2 x 128 values of 2 bytes: 2,048 bytes a token.
    close(of(2, 1001) - of(2, 1), 2000.0 * 0.002_048);
    // Two requests instead of one: padding as before, two layers of 2 heads of 0.25 us, and of the head's rows 2 x
    // 11,024 bytes more.
    let row = 2.0 * (0.052_224 + 0.5) + 0.022_048 + 0.002_048;
    close(of(2, 1) - of(1, 1), row);
}

#[test]
fn beside_a_prompt_few_requests_wait_for_their_own_thread_blocks() {
    let beside = |scale, context| {
        let mut shape = decoding(1, context);
        shape.add(0, 100, 200);
        let server = Server::dense().with(|paid| paid.kernel_scale = scale);
        server.micros(&shape)
    };
    // 16 heads of both layers on 100 thread blocks, 20 ns a token: 3.2 ns, more than the 2.1 ns of reading.
    close(beside(1.0, 1001) - beside(1.0, 1), 1000.0 * 0.003_2);
    close(beside(2.0, 1001) - beside(2.0, 1), 1000.0 * 0.006_4);
}

#[test]
fn a_prompt_pays_for_its_pairs_and_for_running_in_pieces() {
    let server = Server::dense();
    let mut shape = StepShape::default();
    shape.add(0, 64, 200);
    // 64 x 65 / 2 pairs of 4 x 8 x 128 operations in each of two layers, 81.92 ps rounded to 82; 100 pairs more a
    // token; 64 keys and values.
    let attention = 2080.0 * 82e-6 + 64.0 * 100.0 * 81.92e-6 + 64.0 * 0.002_048;
    // Besides the layers' own work: 7 us for running in pieces, 0.5 us for the request's heads.
    let expected = 100.0 + 2.0 * (dense_layer(64.0) + 7.0 + 0.5) + attention;
    close(server.micros(&shape), expected);
}

#[test]
fn a_later_pass_of_a_step_does_not_pay_for_the_step_again() {
    let server = Server::dense();
    let shape = decoding(3, 500);
    let again = server.steps().within_a_step().step(&shape);
    close(server.micros(&shape) - again.picos() as f64 / 1e6, 100.0);
}

#[test]
fn twice_the_overheads_are_steps_of_twice_the_time() {
    let mut mixed = decoding(7, 3000);
    mixed.add(1000, 700, 1700);
    for weights in [WeightPrecision::Bf16, WeightPrecision::Int8] {
        for gpus in [1, 2] {
            let mut server = Server::mixture(weights).with(|paid| {
                paid.all_reduce_wait_micros = 6.0;
                paid.eager_experts_micros = 1000.0;
                paid.sampler_micros_per_logit = 0.001;
            });
            server.gpus = gpus;
            server.execution.sampling = Sampling::TopP;
            server.execution.sorts_below = u32::MAX;
            for shape in [decoding(1, 10), decoding(200, 900), mixed] {
                let once = server.micros(&shape);
                let overheads = server.execution.overheads;
                server.execution.overheads = overheads.times(2.0);
                let twice = server.micros(&shape);
                server.execution.overheads = overheads;
                assert!((twice / once - 2.0).abs() < 1e-6, "{shape:?}");
            }
        }
    }
}

// What is charged if a scenario leaves it open.

fn cpu_micros(scenario: &Scenario) -> [u64; 2] {
    let cpu = scenario.deployment.cpu_time;
    [cpu.per_step, cpu.per_sequence].map(|span| span.picos() / 1_000_000)
}

#[test]
fn the_cpu_works_beside_the_gpu_only_where_steps_are_decided_ahead() {
    let beside = [2000, 10];
    let before = [1500, 30];
    for (settings, expected) in [
        (&[][..], beside),
        (&["batching.async_scheduling=false"], before),
        (&["batching.profile=vllm-0.15"], beside),
        (&["batching.profile=vllm-0.11"], before),
        // Look-ahead hides nothing before it became the default.
        (
            &["batching.profile=vllm-0.13", "batching.async_scheduling=true"],
            before,
        ),
        // On Blackwell it did.
        (
            &[
                "batching.profile=vllm-0.13",
                "batching.async_scheduling=true",
                "server.gpu=b200",
            ],
            beside,
        ),
        (&["batching.profile=vllm-0.14"], beside),
        (&["batching.policy=none"], before),
        (&["batching.policy=static"], before),
        // Their overlap schedulers are on by default.
        (&["batching.policy=sglang"], beside),
        (&["batching.policy=trtllm"], beside),
        (&["batching.policy=tgi"], before),
        (&["server.step_time={ base_us = 8000 }"], [0, 0]),
        (&["server.cpu_time={ per_step_us = 700 }"], [700, 0]),
    ] {
        assert_eq!(cpu_micros(&load(LEAST, settings)), expected, "{settings:?}");
    }
}

#[test]
fn before_the_gpu_the_cpu_is_part_of_each_step_and_beside_it_hidden() {
    let shape = decoding(10, 1000);
    let without = load(LEAST, &["server.cpu_time={ per_step_us = 0 }"]);
    let gpu = without.step_time().step(&shape);
    assert!(gpu > Span::from_micros(2100));
    let ahead = load(LEAST, &[]).step_time();
    assert_eq!(ahead.step(&shape), gpu);
    assert_eq!(ahead.launch(&shape), Span::from_micros(2000 + 10 * 10));
    let hidden = load(LEAST, &["batching.policy=sglang"]).step_time();
    assert_eq!(hidden.step(&shape), gpu);
    let old = [
        "batching.profile=vllm-0.11",
        "batching.async_scheduling=true",
        "workload.sampling=plain",
    ];
    let new = ["batching.async_scheduling=false", "workload.sampling=plain"];
    let [old, new] = [load(LEAST, &old), load(LEAST, &new)].map(|it| it.step_time().step(&shape));
    assert_eq!(old, new);
    let behind = load(LEAST, &["batching.policy=static"]).step_time();
    assert_eq!(behind.step(&shape), gpu + Span::from_micros(1500 + 30 * 10));
    assert_eq!(behind.launch(&shape), Span::ZERO);
}

#[test]
fn an_api_server_stands_before_modelled_steps_and_none_before_given_ones() {
    assert_eq!(load(LEAST, &[]).deployment.front_end, FrontEnd::SERVED);
    let given = load(LEAST, &["server.step_time={ base_us = 8000 }"]);
    assert_eq!(given.deployment.front_end, FrontEnd::default());
    let written = "server.front_end={ latency_us = 100 }";
    for settings in [&[written][..], &[written, "server.step_time={ base_us = 8000 }"]] {
        let front_end = load(LEAST, settings).deployment.front_end;
        assert_eq!(front_end.latency, Span::from_micros(100));
        assert_eq!(front_end.per_stream, Span::ZERO);
    }
}

fn sampling(settings: &[&str]) -> Sampling {
    load(LEAST, settings).deployment.execution.sampling
}

#[test]
fn tokens_are_chosen_as_the_model_says_where_an_api_server_asks_it() {
    // Llama 3.1's generation_config.json says top_p = 0.9; Mistral 7B's says nothing.
    assert_eq!(sampling(&[]), Sampling::TopP);
    assert_eq!(sampling(&["model.name=mistral-7b-v0.3"]), Sampling::Plain);
    // Without a front end, or before given step times, requests come from inside the engine's process.
    let direct = "server.front_end={ latency_us = 0 }";
    assert_eq!(sampling(&[direct]), Sampling::Plain);
    let given = "server.step_time={ base_us = 8000 }";
    assert_eq!(sampling(&[given]), Sampling::Plain);
    // What is written rules.
    assert_eq!(sampling(&["workload.sampling=plain"]), Sampling::Plain);
    let asked = "workload.sampling=top_p";
    assert_eq!(sampling(&[direct, asked]), Sampling::TopP);
    assert_eq!(sampling(&["model.name=mistral-7b-v0.3", asked]), Sampling::TopP);
}

/// A scenario file beside a `config.json`; the path of the latter.
fn model_folder(place: &Workplace, generation: Option<&str>) -> PathBuf {
    place.write("config.json", DENSE);
    if let Some(text) = generation {
        place.write("generation_config.json", text);
    }
    place.path("config.json")
}

#[test]
fn a_generation_config_beside_a_config_says_how_tokens_are_chosen() {
    for (generation, expected) in [
        (None, Sampling::Plain),
        (Some(r#"{ "temperature": 0.6, "top_p": 0.9 }"#), Sampling::TopP),
        (Some(r#"{ "top_k": 20 }"#), Sampling::Plain),
        // All of the probability: nothing to sort for.
        (Some(r#"{ "top_p": 1.0 }"#), Sampling::Plain),
    ] {
        let place = Workplace::new();
        let path = model_folder(&place, generation);
        let text = LEAST.replace(
            "name = \"llama-3.1-8b\"",
            &format!("config = {:?}", path.display().to_string()),
        );
        let chosen = load(&text, &[]).deployment.execution.sampling;
        assert_eq!(chosen, expected, "{generation:?}");
    }
    let place = Workplace::new();
    let path = model_folder(&place, Some("{ \"top_p\": \"most\" }"));
    let refused = catalogue::model_from_config_json(&path).unwrap_err();
    assert!(refused.to_string().contains("generation_config.json"));
}

#[test]
fn drafts_are_not_sorted_for() {
    let shape = {
        let mut shape = StepShape::default();
        shape.add_verification(500, 3);
        shape
    };
    let sorting = |drafts: &[&str]| {
        let [plain, sorted] = ["plain", "top_p"].map(|how| {
            let how = format!("workload.sampling={how}");
            let settings = [drafts, &["batching.profile=vllm-0.15", how.as_str()]].concat();
            load(LEAST, &settings).step_time().step(&shape).picos()
        });
        sorted - plain
    };
    let eagle = "batching.speculative={ method = \"eagle\", tokens = 3, acceptance = 0.7 }";
    let without = ["batching.async_scheduling=false"];
    assert!(sorting(&without) > 0);
    assert_eq!(sorting(&[eagle]), sorting(&without));
}
