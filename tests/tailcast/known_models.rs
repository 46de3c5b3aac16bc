//! Models, GPUs and memory budgets agree with published and logged numbers.

#![allow(clippy::float_cmp, reason = "counts below 2^53 are exact in floating point")]

use crate::known_memory::budget_of;
use tailcast::config::catalogue;
use tailcast::hardware::{
    Arithmetic, CudaGraphs, DoesNotFit, KvFootprint, KvPrecision, MemoryBudget, MemoryRequest, WeightPrecision,
    WindowedLayers, budget,
};
use tailcast::policy::vllm::Profile;

/// Name, parameters, active parameters in units of ten million, bytes of keys and values per token in bf16. The
/// parameter counts are those of the published checkpoints, the language model's part.
const MODELS: [(&str, u64, u64, u64); 60] = [
    ("llama-2-7b", 6_738_415_616, 674, 524_288),
    ("llama-2-13b", 13_015_864_320, 1302, 819_200),
    ("llama-2-70b", 68_976_648_192, 6898, 327_680),
    ("llama-3.1-8b", 8_030_261_248, 803, 131_072),
    ("llama-3.1-70b", 70_553_706_496, 7055, 327_680),
    ("llama-3.3-70b", 70_553_706_496, 7055, 327_680),
    ("llama-3.1-405b", 405_853_388_800, 40_585, 516_096),
    ("llama-3.2-1b", 1_235_814_400, 124, 32_768),
    ("llama-3.2-3b", 3_212_749_824, 321, 114_688),
    ("mistral-7b-v0.3", 7_248_023_552, 725, 131_072),
    ("mistral-nemo-12b", 12_247_782_400, 1225, 163_840),
    ("mistral-small-24b", 23_572_403_200, 2357, 163_840),
    ("qwen2.5-0.5b", 494_032_768, 49, 12_288),
    ("qwen2.5-7b", 7_615_616_512, 762, 57_344),
    ("qwen2.5-14b", 14_770_033_664, 1477, 196_608),
    ("qwen2.5-32b", 32_763_876_352, 3276, 262_144),
    ("qwen2.5-72b", 72_706_203_648, 7271, 327_680),
    ("qwen3-0.6b", 596_049_920, 60, 114_688),
    ("qwen3-4b", 4_022_468_096, 402, 147_456),
    ("qwen3-8b", 8_190_735_360, 819, 147_456),
    ("qwen3-14b", 14_768_307_200, 1477, 163_840),
    ("qwen3-32b", 32_762_123_264, 3276, 262_144),
    ("qwen3-embedding-0.6b", 595_776_512, 60, 114_688),
    ("qwen3-embedding-4b", 4_021_774_336, 402, 147_456),
    ("qwen3-embedding-8b", 7_567_295_488, 757, 147_456),
    ("e5-mistral-7b", 7_110_660_096, 711, 131_072),
    ("phi-4", 14_659_507_200, 1466, 204_800),
    ("yi-34b", 34_388_917_248, 3439, 245_760),
    ("codellama-34b", 33_743_970_304, 3374, 196_608),
    ("gemma-2-9b", 9_241_705_984, 924, 344_064),
    ("gemma-2-27b", 27_227_128_320, 2723, 376_832),
    ("gemma-3-12b", 11_766_034_176, 1177, 393_216),
    ("gemma-3-27b", 27_009_346_304, 2701, 507_904),
    ("falcon-7b", 6_921_720_704, 692, 8_192),
    ("mixtral-8x7b", 46_702_792_704, 1288, 131_072),
    ("mixtral-8x22b", 140_620_634_112, 3915, 229_376),
    ("qwen3-30b-a3b", 30_532_122_624, 335, 98_304),
    ("qwen3-235b-a22b", 235_093_634_560, 2219, 192_512),
    ("deepseek-v3", 671_026_419_200, 3755, 70_272),
    ("deepseek-r1", 671_026_419_200, 3755, 70_272),
    ("deepseek-v2", 235_741_434_880, 2138, 69_120),
    ("deepseek-v2-lite", 15_706_484_224, 266, 31_104),
    ("kimi-k2", 1_026_408_232_448, 3286, 70_272),
    ("gpt-oss-20b", 20_914_757_184, 419, 49_152),
    ("gpt-oss-120b", 116_829_156_672, 571, 73_728),
    ("llama-4-scout", 107_769_861_120, 1717, 196_608),
    ("llama-4-maverick", 400_711_848_960, 1718, 196_608),
    ("deepseek-v3.2", 671_877_944_064, 3840, 78_324),
    ("gemma-4-26b-a4b", 25_233_141_790, 382, 225_280),
    ("gemma-4-31b", 30_697_345_340, 3070, 901_120),
    ("glm-5", 743_911_218_432, 4178, 100_152),
    ("kimi-k2.5", 1_026_408_232_448, 3286, 70_272),
    ("minimax-m2.5", 228_689_764_864, 1103, 253_952),
    ("nemotron-3-nano-30b-a3b", 31_577_940_288, 358, 6_144),
    ("nemotron-3-super-120b-a12b", 120_668_707_840, 1277, 8_192),
    ("nemotron-3-ultra-550b-a55b", 549_308_993_536, 5606, 12_288),
    ("qwen3.5-122b-a10b", 122_111_526_912, 977, 24_576),
    ("qwen3.5-27b", 26_895_998_464, 2690, 65_536),
    ("qwen3.5-397b-a17b", 396_346_350_336, 1735, 30_720),
    ("qwen3.6-27b", 26_895_998_464, 2690, 65_536),
];

const GIB: f64 = (1u64 << 30) as f64;

#[test]
fn every_shipped_model_has_its_published_size() {
    let shipped = catalogue::models().unwrap();
    assert_eq!(shipped.len(), MODELS.len());
    let mut wrong = Vec::new();
    for (name, parameters, active, kv) in MODELS {
        let model = catalogue::model(name).unwrap();
        let computed = (
            name,
            model.parameters(),
            (model.active_parameters() as f64 / 1e7).round() as u64,
            model.kv_bytes_per_token(KvPrecision::Bf16, 1),
        );
        if computed != (name, parameters, active, kv) {
            wrong.push((computed, (parameters, active, kv)));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn gpt_oss_checkpoints_have_their_published_size() {
    for (name, gib) in [("gpt-oss-120b", 60.8), ("gpt-oss-20b", 12.8)] {
        let entry = catalogue::model_entry(name).unwrap();
        assert_eq!(entry.stored_weights, Some(WeightPrecision::Mxfp4));
        let bytes = entry.model.weights_bytes(WeightPrecision::Mxfp4, 1);
        assert!((bytes as f64 / GIB - gib).abs() < 0.05, "{name}: {bytes}");
    }
}

#[test]
fn quantisation_leaves_embeddings_alone() {
    let model = catalogue::model("llama-3.1-8b").unwrap();
    let plain = model.weights_bytes(WeightPrecision::Bf16, 1);
    assert_eq!(plain, 2 * model.parameters());
    let int8 = model.weights_bytes(WeightPrecision::Int8, 1);
    let kept = 2 * 128_256 * 4096 + 65 * 4096;
    assert_eq!(int8, 2 * kept + (model.parameters() - kept));
    let int4 = model.weights_bytes(WeightPrecision::Int4, 1);
    let fp8 = model.weights_bytes(WeightPrecision::Fp8, 1);
    assert!(int4 < int8 && int8 < fp8 && fp8 < plain);
}

#[test]
fn tensor_parallelism_divides_heads_and_repeats_what_it_cannot_divide() {
    let llama = catalogue::model("llama-3.1-8b").unwrap();
    let on = |gpus| llama.kv_bytes_per_token(KvPrecision::Bf16, gpus);
    assert_eq!([on(1), on(8), on(16)], [131_072, 16_384, 16_384]);
    let deepseek = catalogue::model("deepseek-v3").unwrap();
    assert_eq!(deepseek.kv_bytes_per_token(KvPrecision::Bf16, 8), 70_272);
    assert_eq!(deepseek.kv_bytes_per_token(KvPrecision::Fp8, 8), 35_136);
    for name in ["llama-3.1-8b", "mixtral-8x7b", "deepseek-v3", "gpt-oss-20b"] {
        let model = catalogue::model(name).unwrap();
        let whole = model.weights_bytes(WeightPrecision::Bf16, 1);
        let half = model.weights_bytes(WeightPrecision::Bf16, 2);
        assert!(2 * half >= whole && 2 * half < whole + whole / 50, "{name}");
    }
}

#[test]
fn heads_that_gpus_cannot_divide_are_refused() {
    let model = catalogue::model("qwen2.5-7b").unwrap();
    for (gpus, fine) in [(0, false), (1, true), (2, true), (3, false), (4, true), (8, false)] {
        assert_eq!(model.check_tensor_parallel(gpus).is_ok(), fine, "{gpus}");
    }
    let error = model.check_tensor_parallel(3).unwrap_err().to_string();
    assert!(error.contains("28 attention heads"), "{error}");
    // 28 divides the query heads but neither divides nor is divided by three key-value heads.
    assert!(model.check_tensor_parallel(14).is_err());
}

#[test]
fn sliding_windows_bound_the_keys_and_values_of_long_contexts() {
    let model = catalogue::model("gemma-3-27b").unwrap();
    let bytes = |tokens, layers| model.kv_bytes_for_context(tokens, KvPrecision::Bf16, 1, layers);
    let per_layer = f64::from(2 * 16 * 128 * 2);
    let bounded = per_layer * (10.0 * 8000.0 + 52.0 * 1024.0);
    assert_eq!(bytes(8000.0, WindowedLayers::Bounded), bounded);
    let full = per_layer * 62.0 * 8000.0;
    assert_eq!(bytes(8000.0, WindowedLayers::FullLength), full);
    assert_eq!(
        bytes(1000.0, WindowedLayers::Bounded),
        bytes(1000.0, WindowedLayers::FullLength)
    );
}

#[test]
fn the_back_of_envelope_formula_gives_a_hundred_users() {
    // 80 GB of memory, 60 GB of weights, 200 MB per user.
    let budget = MemoryBudget {
        total_bytes: 80_000_000_000,
        requested_bytes: 80_000_000_000,
        weights_bytes: 60_000_000_000,
        draft_weights_bytes: 0,
        activations_bytes: 0,
        overhead_bytes: 0,
        kv_bytes: 20_000_000_000,
        kv_bytes_per_token: 100_000,
        kv_blocks: 12_500,
        kv_footprint: KvFootprint {
            unbounded_bytes_per_token: 100_000,
            ..KvFootprint::default()
        },
        ..budget_of(&catalogue::model("llama-2-7b").unwrap(), WeightPrecision::Bf16, 1, 2048)
    };
    assert_eq!(budget.closed_form_users(2000.0), 100.0);
}

fn blocks(name: &str, gpus: u32, tokens: u32) -> u32 {
    let model = catalogue::model(name).unwrap();
    budget_of(&model, WeightPrecision::Bf16, gpus, tokens).kv_blocks
}

/// KV blocks as vLLM 0.15.1 logged them on H100 (inference-sim/sim-to-real-accuracy-validation @ 8fb2a1b).
#[test]
fn block_counts_agree_with_logged_ones() {
    let logged = [
        ("llama-2-7b", 1, 2048, 7463),
        ("llama-3.1-70b", 4, 8192, 30_251),
        ("llama-3.1-70b", 4, 2048, 30_425),
        ("mistral-nemo-12b", 2, 1024, 48_009),
        ("mistral-nemo-12b", 1, 2048, 19_251),
        ("qwen2.5-7b", 1, 2048, 65_352),
        ("qwen2.5-7b", 1, 1024, 65_368),
        ("yi-34b", 2, 2048, 20_793),
    ];
    for (name, gpus, tokens, logged) in logged {
        let computed = blocks(name, gpus, tokens);
        let error = f64::from(computed) / f64::from(logged) - 1.0;
        assert!(error.abs() < 0.008, "{name}: {computed} for {logged}");
    }
}

#[test]
fn what_does_not_fit_shows_its_arithmetic_and_what_would() {
    let gpu = catalogue::gpu("a10g").unwrap();
    let model = catalogue::model("llama-3.1-8b").unwrap();
    let request = MemoryRequest {
        gpu: &gpu,
        model: &model,
        weights: WeightPrecision::Bf16,
        kv: KvPrecision::Bf16,
        tensor_parallel: 1,
        utilization: 0.9,
        block_tokens: 16,
        max_model_len: 131_072,
        max_num_batched_tokens: 2048,
        max_num_seqs: 256,
        drafter: None,
        graphs: CudaGraphs::new(256, 0, 2048, 512),
        start_up: Profile::NEWEST.start_up,
    };
    let error = budget(&request).unwrap_err();
    let text = error.to_string();
    for expected in [
        "llama-3.1-8b (bf16 weights, bf16 KV cache) on 1 x a10g",
        "22.10 x 0.90 utilisation",
        "-14.96  weights",
        "16.00  needed for one request of max_model_len = 131072 tokens",
        "max_model_len = ",
        "tensor_parallel = 2",
        "a GPU that reports at least",
    ] {
        assert!(text.contains(expected), "no '{expected}' in:\n{text}");
    }
    let DoesNotFit::Memory(shortage) = *error else {
        panic!("not a matter of memory: {error}");
    };
    let larger = catalogue::smallest_gpu_with(shortage.memory_needed_bytes()).unwrap();
    let on_larger = MemoryRequest {
        gpu: &larger,
        ..request
    };
    assert!(budget(&on_larger).is_ok());
    let length = shortage.advice[0].in_words();
    let length = length.strip_prefix("max_model_len = ").unwrap();
    let max_model_len: u32 = length.parse().unwrap();
    let fits = |max_model_len| {
        budget(&MemoryRequest {
            max_model_len,
            ..request
        })
        .is_ok()
    };
    assert!(fits(max_model_len) && !fits(max_model_len + 16));
}

#[test]
fn no_remedy_is_promised_that_does_not_fit() {
    let gpu = catalogue::gpu("l4").unwrap();
    let model = catalogue::model("llama-3.1-405b").unwrap();
    let request = MemoryRequest {
        gpu: &gpu,
        model: &model,
        weights: WeightPrecision::Bf16,
        kv: KvPrecision::Bf16,
        tensor_parallel: 1,
        utilization: 0.9,
        block_tokens: 16,
        max_model_len: 8192,
        max_num_batched_tokens: 2048,
        max_num_seqs: 256,
        drafter: None,
        graphs: CudaGraphs::new(256, 0, 2048, 512),
        start_up: Profile::NEWEST.start_up,
    };
    let text = budget(&request).unwrap_err().to_string();
    assert!(
        !text.contains("max_model_len = 8176") && !text.contains("fp8\""),
        "{text}"
    );
    assert!(text.contains("a GPU that reports at least"), "{text}");
}

#[test]
fn the_largest_limits_do_not_overflow() {
    let gpu = catalogue::gpu("h100-sxm").unwrap();
    for entry in catalogue::models().unwrap() {
        for block_tokens in [1, 1 << 30] {
            let request = MemoryRequest {
                gpu: &gpu,
                model: &entry.model,
                weights: WeightPrecision::Bf16,
                kv: KvPrecision::Bf16,
                tensor_parallel: 1,
                utilization: 1e-300,
                block_tokens,
                max_model_len: 1 << 30,
                max_num_batched_tokens: 1 << 30,
                max_num_seqs: 1 << 30,
                drafter: None,
                graphs: CudaGraphs::new(256, 0, 2048, 512),
                start_up: Profile::NEWEST.start_up,
            };
            let error = budget(&request).unwrap_err();
            assert!(error.to_string().contains("does not fit"), "{error}");
        }
    }
}

#[test]
fn settings_that_no_engine_accepts_are_refused_by_name() {
    let gpu = catalogue::gpu("h100-sxm").unwrap();
    let model = catalogue::model("llama-3.1-8b").unwrap();
    let good = MemoryRequest {
        gpu: &gpu,
        model: &model,
        weights: WeightPrecision::Bf16,
        kv: KvPrecision::Bf16,
        tensor_parallel: 1,
        utilization: 0.9,
        block_tokens: 16,
        max_model_len: 8192,
        max_num_batched_tokens: 2048,
        max_num_seqs: 256,
        drafter: None,
        graphs: CudaGraphs::new(256, 0, 2048, 512),
        start_up: Profile::NEWEST.start_up,
    };
    let bad = [
        (
            "gpu_memory_utilization",
            MemoryRequest {
                utilization: f64::NAN,
                ..good
            },
        ),
        (
            "gpu_memory_utilization",
            MemoryRequest {
                utilization: 90.0,
                ..good
            },
        ),
        (
            "block_size",
            MemoryRequest {
                block_tokens: 0,
                ..good
            },
        ),
        (
            "max_model_len",
            MemoryRequest {
                max_model_len: 0,
                ..good
            },
        ),
        (
            "max_num_seqs",
            MemoryRequest {
                max_num_seqs: u32::MAX,
                ..good
            },
        ),
        (
            "tensor_parallel",
            MemoryRequest {
                tensor_parallel: 3,
                ..good
            },
        ),
    ];
    for (field, request) in bad {
        let error = budget(&request).unwrap_err();
        assert!(matches!(*error, DoesNotFit::Setting(_)), "{error}");
        assert!(error.to_string().starts_with(field), "{error}");
    }
}

#[test]
fn arithmetic_counts_two_operations_per_active_parameter() {
    let model = catalogue::model("llama-3.1-8b").unwrap();
    let work = Arithmetic::new(&model, WeightPrecision::Bf16, KvPrecision::Bf16, 1);
    let head = 128_256.0 * 4096.0;
    let linear = model.parameters() as f64 - 2.0 * head - 65.0 * 4096.0;
    assert_eq!(work.flops_per_token, 2.0 * linear);
    assert_eq!(work.flops_per_sampled_token, 2.0 * head);
    let [attention] = work.attention[..] else {
        panic!("all layers look equally far back: {:?}", work.attention);
    };
    assert_eq!(attention.window, None);
    assert_eq!(attention.flops_per_pair, 32.0 * 4.0 * 32.0 * 128.0);
    assert_eq!(attention.kv_bytes_per_context_token, 131_072.0);
    for tokens in [1.0, 512.0] {
        let bytes = work.weight_bytes_always + work.expert_bytes_per_step(tokens);
        assert_eq!(bytes, 2.0 * (linear + head));
    }
}

#[test]
fn a_step_reads_only_the_experts_its_tokens_choose() {
    let model = catalogue::model("mixtral-8x7b").unwrap();
    let work = Arithmetic::new(&model, WeightPrecision::Bf16, KvPrecision::Bf16, 1);
    let experts = work.experts[0];
    assert!((experts.distinct_experts(1.0) - 2.0).abs() < 1e-9);
    assert!((experts.distinct_experts(2.0) - 3.5).abs() < 1e-9);
    let most = work.weight_bytes_always + work.expert_bytes_per_step(10_000.0);
    let embedding = 2.0 * 32_000.0 * 4096.0;
    let all = model.weights_bytes(WeightPrecision::Bf16, 1) as f64 - embedding;
    assert!((most / all - 1.0).abs() < 1e-3);
}

#[test]
fn names_are_found_whatever_their_case_and_by_their_hugging_face_id() {
    let by_name = catalogue::model("Llama-3.1-8B").unwrap();
    let by_id = catalogue::model("meta-llama/Meta-Llama-3.1-8B-Instruct").unwrap();
    assert_eq!(by_name, by_id);
    assert_eq!(catalogue::gpu("H100-SXM").unwrap().name(), "h100-sxm");
}

#[test]
fn unknown_names_get_a_suggestion_and_a_command() {
    let error = catalogue::gpu("h100-sxn").unwrap_err().to_string();
    assert!(
        error.contains("'h100-sxm'") && error.contains("tailcast gpus"),
        "{error}"
    );
    let error = catalogue::model("lama-3.1-8b").unwrap_err().to_string();
    assert!(
        error.contains("'llama-3.1-8b'") && error.contains("tailcast models"),
        "{error}"
    );
    let error = catalogue::model("zzz").unwrap_err().to_string();
    assert!(!error.contains("did you mean"), "{error}");
}

#[test]
fn every_figure_has_a_source() {
    let gpus = catalogue::gpus().unwrap();
    assert!(gpus.len() >= 14);
    for entry in &gpus {
        assert!(entry.figures.len() >= 4, "{}", entry.file);
        for figure in &entry.figures {
            assert!(figure.source.len() > 5, "{}: {}", entry.file, figure.name);
        }
    }
    for entry in catalogue::models().unwrap() {
        assert!(entry.source.len() > 5, "{}", entry.file);
        assert!(!entry.hugging_face.is_empty(), "{}", entry.file);
    }
}
