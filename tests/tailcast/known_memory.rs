//! Where a GPU's memory goes, worked out by hand from the published shapes of models.

#![allow(clippy::float_cmp, reason = "counts below 2^53 are exact in floating point")]

use tailcast::config::catalogue;
use tailcast::hardware::{
    Arithmetic, CudaGraphs, Gpu, KvPrecision, MemoryBudget, MemoryRequest, Model, WeightPrecision, budget,
};
use tailcast::policy::vllm::Profile;
use tailcast::step_time::{Roofline, StepShape, StepTime};

/// Llama 4 Scout: layers, width, width of an expert, experts.
const SCOUT: [u64; 4] = [48, 5120, 8192, 16];

fn scout_attention() -> u64 {
    let [layers, hidden, ..] = SCOUT;
    layers * hidden * (2 * 40 + 2 * 8) * 128
}

fn h100() -> Gpu {
    catalogue::gpu("h100-sxm").unwrap()
}

/// The budget of vLLM 0.15 on `gpus` with steps of `tokens` and 128 requests.
pub fn budget_of(model: &Model, weights: WeightPrecision, gpus: u32, tokens: u32) -> MemoryBudget {
    let gpu = h100();
    budget(&MemoryRequest {
        gpu: &gpu,
        model,
        weights,
        kv: KvPrecision::Bf16,
        tensor_parallel: gpus,
        utilization: 0.9,
        block_tokens: 16,
        max_model_len: 4096,
        max_num_batched_tokens: tokens,
        max_num_seqs: 128,
        drafter: None,
        graphs: CudaGraphs::new(128, 0, tokens, 512),
        start_up: Profile::of_release(15).start_up,
    })
    .unwrap()
}

/// Parameters of the checkpoints on Hugging Face, less those of the language models.
#[test]
fn vision_towers_have_their_published_size() {
    for (name, whole) in [
        ("llama-4-scout", 108_641_793_536),
        ("llama-4-maverick", 401_583_781_376),
        ("gemma-3-12b", 12_187_325_040),
        ("gemma-3-27b", 27_432_406_640),
    ] {
        let model = catalogue::model(name).unwrap();
        let tower = model.vision().unwrap();
        assert_eq!(model.parameters() + tower.parameters, whole, "{name}");
    }
    // 34 layers of 1408 and 5632 with biases, 576 patches of 588 values and a class token, norms, adapter and
    // projector.
    let layer = 4 * (1408 * 1408 + 1408) + 2 * 1408 * 5632 + 5632 + 1408 + 4 * 1408;
    let embedding = 588 * 1408 + 1408 + 577 * 1408 + 4 * 1408;
    let adapter = 5632 * 4096 + 4096 * 4096 + 4096 * 5120;
    let model = catalogue::model("llama-4-scout").unwrap();
    let tower = model.vision().unwrap();
    assert_eq!(tower.parameters, 34 * layer + embedding + adapter);
    assert_eq!(tower.tokens_per_image, 17 * 144);
    assert_eq!(tower.patches_per_image, 17 * 577);
}

#[test]
fn attention_and_vision_of_a_quantised_llama_4_stay_in_16_bits() {
    let [layers, hidden, width, experts] = SCOUT;
    let model = catalogue::model("llama-4-scout").unwrap();
    // Routed experts and the shared one, three matrices each.
    let quantised = layers * (experts + 1) * 3 * hidden * width;
    let ends = 2 * 202_048 * hidden;
    let small = layers * (hidden * experts + 2 * hidden) + hidden;
    let plain = scout_attention() + ends + small + 871_932_416;
    let bytes = model.weights_bytes(WeightPrecision::Int8, 1);
    assert_eq!(bytes, quantised + 2 * plain);
    let half = model.weights_bytes(WeightPrecision::Int8, 2);
    assert_eq!(2 * half, bytes + 2 * small);
}

#[test]
fn a_step_reads_attention_in_16_bits_where_checkpoints_leave_it() {
    let [layers, hidden, width, _] = SCOUT;
    let model = catalogue::model("llama-4-scout").unwrap();
    let work = Arithmetic::new(&model, WeightPrecision::Int8, KvPrecision::Bf16, 1);
    let shared = layers * 3 * hidden * width;
    let head = 202_048 * hidden;
    let expected = shared + 2 * (scout_attention() + head);
    assert_eq!(work.weight_bytes_always, expected as f64);
}

/// The same layers from a `config.json`, with and without a list of modules that stay in 16 bits.
#[test]
fn a_list_of_ignored_modules_slows_steps_and_takes_memory() {
    let folder = tempfile::TempDir::new().unwrap();
    let read = |ignored: &str| {
        let text = format!(
            r#"{{
              "model_type": "mistral3",
              "quantization_config": {{ "quant_method": "fp8", "ignore": [{ignored}] }},
              "vision_config": {{ "model_type": "pixtral", "hidden_size": 1024, "intermediate_size": 4096,
                "num_hidden_layers": 24, "image_size": 1540, "patch_size": 14 }},
              "text_config": {{ "model_type": "mistral", "hidden_size": 5120, "num_hidden_layers": 40,
                "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "intermediate_size": 32768,
                "vocab_size": 131072, "max_position_embeddings": 131072 }}
            }}"#
        );
        let path = folder.path().join("config.json");
        std::fs::write(&path, text).unwrap();
        catalogue::model_from_config_json(&path).unwrap().model
    };
    let (all, without) = (read(""), read(r#""re:.*lm_head", "re:.*self_attn""#));
    let bytes = |model: &Model| model.weights_bytes(WeightPrecision::Int8, 1);
    let attention = 40 * 5120 * (2 * 32 + 2 * 8) * 128;
    assert_eq!(bytes(&without) - bytes(&all), attention);
    // Together 24,011,361,280, as Mistral-Small-3.1-24B-Base-2503 is published.
    assert_eq!(all.parameters(), 23_572_403_200);
    assert_eq!(all.vision().unwrap().parameters, 438_958_080);

    let shape = StepShape {
        decoding: 1,
        context: 100,
        sequences: 1,
        sampling: 1,
        ..StepShape::default()
    };
    let micros = |model: &Model| {
        let fp8 = WeightPrecision::Fp8;
        let steps = Roofline::new(model, &h100(), fp8, KvPrecision::Bf16, 1);
        steps.step(&shape).seconds() * 1e6
    };
    // One byte more per parameter at 85 % of 3350 GB/s.
    let more = attention as f64 / (0.85 * 3350e3);
    assert!((micros(&without) - micros(&all) - more).abs() < 0.2 * more);
}

#[test]
fn rotary_tables_have_a_row_for_every_position() {
    for (name, bytes) in [
        ("llama-2-7b", 4096 * 128 * 2),
        ("llama-4-scout", 10_485_760 * 128 * 2),
        // In fp32, as the kernel of stretched positions wants it.
        ("deepseek-v3", 163_840 * 64 * 4),
        // Eight times as many where positions are stretched, and a table of their own for layers with a window.
        ("gemma-3-27b", (8 + 1) * 131_072 * 128 * 2),
    ] {
        let model = catalogue::model(name).unwrap();
        assert_eq!(model.rotary_table_bytes(), bytes, "{name}");
    }
}

#[test]
fn the_peak_of_a_dense_model_is_the_sampler_or_the_widest_layer() {
    let model = catalogue::model("llama-2-7b").unwrap();
    let peak = |tokens| budget_of(&model, WeightPrecision::Bf16, 1, tokens).activations_bytes;
    let (hidden, logits) = (4 * 4096, 128 * 38 * 32_000);
    assert_eq!(peak(2048), 2048 * hidden + logits);
    assert_eq!(peak(8192), 8192 * (hidden + 2 * 3 * 11_008));
}

#[test]
fn experts_work_in_buffers_of_their_own() {
    let model = catalogue::model("mixtral-8x7b").unwrap();
    let peak = |tokens| budget_of(&model, WeightPrecision::Bf16, 2, tokens).activations_bytes;
    // Two rows a token; gate and up of half of 14,336, and half of 14,336 after the activation.
    let buffers = |rows: u64| 2 * rows * (14_336 + 7168);
    let logits = 128 * 38 * 32_000;
    assert_eq!(peak(2048), 2048 * 4 * 4096 + buffers(4096) + logits);
    // No more than 16,384 tokens at once.
    let most = peak(32_768) - peak(16_384);
    assert_eq!(most, 16_384 * 4 * 4096);
}

#[test]
fn many_images_at_once_can_be_the_peak() {
    let model = catalogue::model("gemma-3-27b").unwrap();
    let peak = |tokens| budget_of(&model, WeightPrecision::Bf16, 2, tokens).activations_bytes;
    // 32 images of 4096 patches: the stream twice and both sides of the activation, two bytes each.
    assert_eq!(peak(8192), 32 * 4096 * 2 * (2 * 1152 + 4304));
    // Fewer, so it is the sampler, beside one image's embeddings.
    let logits = 128 * 38 * 262_208;
    assert_eq!(peak(256), 256 * (4 + 2) * 5376 + logits);
}
