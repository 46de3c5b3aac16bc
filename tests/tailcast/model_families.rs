//! Each family of models has the parameters of a published one, worked out from the fields of its `config.json`.

use serde_json::{Value, json};
use tailcast::config::catalogue::{self, CatalogueError, ModelEntry};
use tailcast::hardware::{KvPrecision, WeightPrecision, block_that_holds_states, kv_layers};
use tempfile::TempDir;

fn read(config: &Value) -> Result<ModelEntry, CatalogueError> {
    read_text(&config.to_string())
}

fn read_text(text: &str) -> Result<ModelEntry, CatalogueError> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("config.json");
    std::fs::write(&path, text).unwrap();
    catalogue::model_from_config_json(&path)
}

/// The fields that most files have: width, layers, query and key heads, inner width, vocabulary.
fn plain(model_type: &str, [hidden, layers, heads, keys, inner, vocab]: [u64; 6], others: Value) -> Value {
    let mut config = json!({
        "model_type": model_type,
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": keys,
        "intermediate_size": inner,
        "vocab_size": vocab,
        "max_position_embeddings": 32_768,
        "tie_word_embeddings": false,
    });
    let Value::Object(others) = others else {
        panic!("an object")
    };
    config.as_object_mut().unwrap().extend(others);
    config
}

/// Totals of the safetensors on Hugging Face, and configurations that give them exactly.
#[test]
fn families_have_the_exact_parameters_of_published_models() {
    let tied = json!({ "tie_word_embeddings": true });
    let seed = json!({ "head_dim": 128, "attention_bias": true, "attention_out_bias": false });
    let dense_granite = plain("granite", [4096, 40, 32, 8, 12_800, 49_155], tied.clone());
    let olmo = plain("olmo2", [4096, 32, 32, 32, 11_008, 100_352], json!({}));
    let command = plain("cohere", [8192, 40, 64, 64, 22_528, 256_000], tied);
    let seed = plain("seed_oss", [5120, 64, 80, 8, 27_648, 155_136], seed);
    let known = [
        ("Granite 3.1 8B", dense_granite, 8_170_848_256),
        ("OLMo 2 7B", olmo, 7_298_617_344),
        ("Command R", command, 34_980_831_232),
        ("Seed-OSS 36B", seed, 36_151_104_512),
    ];
    for (name, config, parameters) in known {
        assert_eq!(read(&config).unwrap().model.parameters(), parameters, "{name}");
    }
}

/// Holds counts against totals as model cards give them, in billions.
fn compare<const N: usize>(known: [(&str, Value, f64); N]) {
    for (name, config, billions) in known {
        let counted = read(&config).unwrap().model.parameters() as f64 / 1e9;
        assert!((counted / billions - 1.0).abs() < 0.005, "{name}: {counted}");
    }
}

#[test]
fn hybrids_have_the_parameters_of_published_models() {
    let next = json!({
        "head_dim": 256, "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 512,
        "shared_expert_intermediate_size": 512, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
        "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
        "full_attention_interval": 4, "decoder_sparse_step": 1,
    });
    let jamba = json!({
        "num_experts": 16, "num_experts_per_tok": 2, "expert_layer_period": 2, "expert_layer_offset": 1,
        "attn_layer_period": 8, "attn_layer_offset": 4, "mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2,
        "mamba_dt_rank": 256,
    });
    let full: Vec<u64> = vec![4, 8, 12, 16, 20, 24, 27];
    let kimi = json!({
        "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "num_experts": 256,
        "num_experts_per_token": 8, "moe_intermediate_size": 1024, "num_shared_experts": 1,
        "first_k_dense_replace": 1, "moe_layer_freq": 1,
        "linear_attn_config": {
            "num_heads": 32, "head_dim": 128, "short_conv_kernel_size": 4,
            "kda_layers": (1..28_u64).filter(|layer| !full.contains(layer)).collect::<Vec<_>>(),
            "full_attn_layers": full,
        },
    });
    let minimax = json!({
        "head_dim": 128, "num_local_experts": 32, "num_experts_per_tok": 2,
        "attn_type_list": (1..=80).map(|layer| u64::from(layer % 8 == 0)).collect::<Vec<_>>(),
    });
    compare([
        (
            "Qwen3-Next 80B",
            plain("qwen3_next", [2048, 48, 16, 2, 5120, 151_936], next),
            79.7,
        ),
        ("Jamba", plain("jamba", [4096, 32, 32, 8, 14_336, 65_536], jamba), 51.57),
        (
            "Kimi Linear 48B",
            plain("kimi_linear", [2304, 27, 32, 32, 9216, 163_840], kimi),
            49.1,
        ),
        (
            "MiniMax-Text-01",
            plain("minimax_text_01", [6144, 80, 64, 8, 9216, 200_064], minimax),
            456.1,
        ),
    ]);
}

#[test]
fn mixtures_have_the_parameters_of_published_models() {
    let air = json!({
        "head_dim": 128, "attention_bias": true, "use_qk_norm": false, "n_routed_experts": 128,
        "num_experts_per_tok": 8, "moe_intermediate_size": 1408, "n_shared_experts": 1, "first_k_dense_replace": 1,
    });
    let hunyuan = json!({
        "attention_head_dim": 128, "use_qk_norm": true, "num_experts": 64, "moe_topk": vec![8; 32],
        "moe_intermediate_size": vec![3072; 32], "num_shared_expert": vec![1; 32], "tie_word_embeddings": true,
    });
    let ernie = json!({
        "moe_num_experts": 64, "moe_k": 6, "moe_intermediate_size": 1536, "moe_num_shared_experts": 2,
        "moe_layer_start_index": 1, "moe_layer_end_index": 27, "moe_layer_interval": 1, "head_dim": 128,
        "tie_word_embeddings": true,
    });
    let phi = json!({ "num_local_experts": 16, "num_experts_per_tok": 2, "attention_bias": true });
    compare([
        (
            "GLM-4.5-Air",
            plain("glm4_moe", [4096, 46, 96, 8, 10_944, 151_552], air),
            106.85,
        ),
        (
            "Hunyuan A13B",
            plain("hunyuan_v1_moe", [4096, 32, 32, 8, 3072, 128_167], hunyuan),
            80.4,
        ),
        (
            "Ernie 4.5 21B",
            plain("ernie4_5_moe", [2560, 28, 20, 4, 12_288, 103_424], ernie),
            21.8,
        ),
        (
            "Phi-3.5-MoE",
            plain("phimoe", [4096, 32, 32, 8, 6400, 32_064], phi),
            41.87,
        ),
    ]);
}

/// vLLM's blocks of Qwen3-Next hold 544 tokens: a state of 1,097,728 bytes, at 2048 bytes a token and layer; two GPUs
/// have half of each.
#[test]
fn the_state_of_qwen3_next_makes_blocks_of_544_tokens() {
    let others = json!({
        "head_dim": 256, "num_experts": 512, "num_experts_per_tok": 10, "moe_intermediate_size": 512,
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_num_key_heads": 16, "linear_num_value_heads": 32,
    });
    let model = read(&plain("qwen3_next", [2048, 48, 16, 2, 5120, 151_936], others))
        .unwrap()
        .model;
    assert_eq!(model.state_bytes_per_request(1), 36 * 1_097_728);
    assert_eq!(model.state_bytes_per_request(2), 36 * 548_864);
    for gpus in [1, 2] {
        let layers = kv_layers(&model, None, KvPrecision::Bf16, gpus);
        assert_eq!(block_that_holds_states(&layers, 16), 544);
    }
}

/// Gemma 3's files leave out what its class has as defaults.
#[test]
fn what_a_file_leaves_to_its_class_has_the_values_of_the_class() {
    let text = json!({
        "model_type": "gemma3_text", "hidden_size": 2560, "intermediate_size": 10_240, "num_hidden_layers": 34,
        "sliding_window": 1024,
    });
    let entry = read(&json!({ "model_type": "gemma3", "text_config": text })).unwrap();
    // Gemma 3 4B without its tower: 4,300,079,472 less 419,816,304 parameters.
    assert!((entry.model.parameters() as f64 / 3.88e9 - 1.0).abs() < 0.002);
    assert_eq!(
        entry.model.kv_bytes_per_token(KvPrecision::Bf16, 1),
        34 * 2 * 4 * 256 * 2
    );
}

/// What no layer of the file can be is named by its type, however its fields look.
#[test]
fn an_unknown_type_is_named_before_its_fields_are_read() {
    let error = read(&json!({ "model_type": "newest", "hidden_size": [1, 2], "num_hidden_layers": "many" }));
    let error = error.unwrap_err().to_string();
    assert!(
        error.contains("model_type is 'newest'; it must be one of llama,"),
        "{error}"
    );
    assert!(error.contains("model.as = \"llama\""), "{error}");
    for (name, reason) in [("mamba2", "a state alone"), ("falcon_h1", "attend and keep a state")] {
        let error = read(&json!({ "model_type": name })).unwrap_err().to_string();
        assert!(error.contains(reason), "{error}");
    }
}

#[test]
fn numbers_that_only_python_writes_are_read() {
    let config = plain(
        "llama",
        [4096, 32, 32, 8, 14_336, 128_256],
        json!({ "limit": "to -Infinity \\\" NaN" }),
    );
    let text = config
        .to_string()
        .replacen('{', "{\"time_step_limit\": [-Infinity, Infinity], \"x\": NaN, ", 1);
    assert_eq!(read_text(&text).unwrap().model.parameters(), 8_030_261_248);
    let text = text.replace("\"hidden_size\":4096", "\"hidden_size\":NaN");
    let error = read_text(&text).unwrap_err().to_string();
    assert!(error.contains("hidden_size is missing"), "{error}");
}

#[test]
fn layers_of_unlike_formats_count_each_in_its_own() {
    let config = |quantization: Value| {
        let others = json!({ "quantization_config": quantization });
        read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], others)).unwrap()
    };
    let (attention, dense) = (32 * 41_943_040_u64, 32 * 176_160_768_u64);
    let ends = 8_030_261_248 - attention - dense;
    let bytes = |entry: &ModelEntry| entry.model.weights_bytes(entry.stored_weights.unwrap(), 1);
    let weights = |bits: u64, group: u64, of: &str| {
        json!({
            "num_bits": bits, "type": of, "group_size": group, "symmetric": true,
        })
    };
    let mixed = config(json!({
        "quant_method": "compressed-tensors",
        "config_groups": {
            "group_0": { "targets": ["re:.*self_attn.*"], "weights": weights(8, 0, "float") },
            "group_1": { "targets": ["Linear"], "weights": weights(4, 16, "float") },
        },
        "ignore": ["lm_head"],
    }));
    assert_eq!(mixed.stored_weights, Some(WeightPrecision::Nvfp4));
    assert_eq!(bytes(&mixed), 2 * ends + attention + dense * 9 / 16);
    // Of a kind of which one half is left alone, a parameter has the mean of both.
    let half: Vec<String> = (0..16).map(|layer| format!("model.layers.{layer}.mlp.*")).collect();
    let partly = config(json!({ "quant_method": "modelopt", "quant_algo": "FP8", "exclude_modules": half }));
    assert_eq!(bytes(&partly), 2 * ends + attention + dense / 2 + dense);
    assert_eq!(partly.stored_kv, None);
    let packed = config(json!({ "quant_method": "awq", "bits": 4, "group_size": 128 }));
    assert_eq!(
        bytes(&packed),
        2 * ends + ((attention + dense) as f64 * 4.15625 / 8.0) as u64
    );
}

#[test]
fn a_name_that_speaks_of_a_format_that_no_file_names_is_told() {
    let folder = TempDir::new().unwrap();
    let model = folder.path().join("Llama-FP8");
    std::fs::create_dir(&model).unwrap();
    let path = model.join("config.json");
    let config = plain("llama", [4096, 32, 32, 8, 14_336, 128_256], json!({}));
    std::fs::write(&path, config.to_string()).unwrap();
    let notes = || catalogue::model_from_config_json(&path).unwrap().notes;
    assert!(notes().iter().any(|note| note.contains("its name says FP8")));
    let beside = json!({ "quantization": { "quant_algo": "FP8", "kv_cache_quant_algo": "FP8" } });
    std::fs::write(model.join("hf_quant_config.json"), beside.to_string()).unwrap();
    assert!(notes().is_empty());
    let entry = catalogue::model_from_config_json(&path).unwrap();
    assert_eq!(entry.stored_weights, Some(WeightPrecision::Fp8));
    assert_eq!(entry.stored_kv, Some(KvPrecision::Fp8));
    std::fs::write(
        model.join("hf_quant_config.json"),
        "{\"quantization\": {\"quant_algo\": \"FP2\"}}",
    )
    .unwrap();
    let error = catalogue::model_from_config_json(&path).unwrap_err().to_string();
    assert!(error.contains("'modelopt' with quant_algo \"FP2\""), "{error}");
}

#[test]
fn towers_that_are_not_known_are_told_of() {
    let others = json!({ "vision_config": { "model_type": "some_tower" } });
    let entry = read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], others)).unwrap();
    assert!(
        entry.notes[0].contains("vision tower (some_tower) is not known"),
        "{:?}",
        entry.notes
    );
}

/// 32 layers of 41,943,040 parameters of attention and 176,160,768 of the network: `down_proj` has a third of these.
#[test]
fn rules_of_a_checkpoint_are_followed_in_their_order() {
    let quantised = |quantization: Value| {
        let others = json!({ "quantization_config": quantization });
        read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], others)).unwrap()
    };
    let bytes = |entry: &ModelEntry| entry.model.weights_bytes(WeightPrecision::Int4, 1) as f64;
    let (attention, network) = (41_943_040.0, 176_160_768.0);
    let ends = 8_030_261_248.0 - 32.0 * (attention + network);
    let (four, eight) = (4.0 + 20.0 / 128.0, 8.0 + 24.0 / 64.0);
    let entry = quantised(json!({
        "quant_method": "gptq", "bits": 4, "group_size": 128,
        "dynamic": {
            "-:.*\\.31\\..*": {},
            r"+:.*\.[0-9]\..*down_proj.*": { "bits": 8, "group_size": 64 },
            ".*down.*": {},
        },
    }));
    assert!(entry.notes.is_empty(), "{:?}", entry.notes);
    // Layer 31 stays as it is, and the last product of layers 0 to 9 has 8 bits in groups of 64.
    let wider = 10.0 * network / 3.0;
    let packed = 31.0 * (attention + network) - wider;
    let known = 2.0 * (ends + attention + network) + (packed * four + wider * eight) / 8.0;
    assert!((bytes(&entry) / known - 1.0).abs() < 1e-6, "{} {known}", bytes(&entry));
    let idle = quantised(json!({ "quant_method": "gptq", "bits": 4, "dynamic": { "-:.*\\.visual\\..*": {} } }));
    assert!(
        idle.notes[0].contains("about no layer that is known"),
        "{:?}",
        idle.notes
    );
    let round = quantised(json!({
        "quant_method": "auto-round", "bits": 4, "group_size": 128,
        "extra_config": { "model.layers.0.self_attn": { "bits": 8, "group_size": 64 } },
    }));
    let known = 2.0 * ends + ((32.0 * network + 31.0 * attention) * four + attention * eight) / 8.0;
    assert!((bytes(&round) / known - 1.0).abs() < 1e-6, "{} {known}", bytes(&round));
    for wrong in [json!({ "(?=x)": {} }), json!({ ".*": { "bits": 3 } })] {
        let quantization = json!({ "quant_method": "gptq", "bits": 4, "dynamic": wrong });
        let others = json!({ "quantization_config": quantization });
        let error = read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], others)).unwrap_err();
        assert!(error.to_string().contains("dynamic is '"), "{error}");
    }
}

/// Scales and zero points are counted by the group that the checkpoint names: 128,256 entries of 4,096 twice in bf16,
/// 6,979,321,856 parameters of linear layers.
#[test]
fn groups_of_integers_have_the_scales_that_the_file_says() {
    let size = |quantization: Value| {
        let others = json!({ "quantization_config": quantization });
        let entry = read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], others)).unwrap();
        entry.model.weights_bytes(WeightPrecision::Int4, 1) as f64
    };
    let linear = 32.0 * (41_943_040.0 + 176_160_768.0);
    let plain = 2.0 * (8_030_261_248.0 - linear);
    for (group, bits) in [
        (32, 4.0 + 20.0 / 32.0),
        (64, 4.0 + 20.0 / 64.0),
        (128, 4.0 + 20.0 / 128.0),
        (-1, 4.0),
    ] {
        let counted = size(json!({ "quant_method": "gptq", "bits": 4, "group_size": group }));
        let known = plain + linear * bits / 8.0;
        assert!((counted / known - 1.0).abs() < 1e-6, "{group}: {counted} {known}");
    }
}

#[test]
fn formats_of_the_cache_that_are_not_modelled_are_told_of() {
    let read = |quantization: Value| {
        let others = json!({ "quantization_config": quantization });
        read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], others)).unwrap()
    };
    let nvfp4 = json!({ "quant_method": "modelopt", "quant_algo": "NVFP4", "kv_cache_quant_algo": "NVFP4" });
    let entry = read(nvfp4);
    assert_eq!(entry.stored_kv, None);
    assert!(entry.notes[0].contains("keys and values in NVFP4"), "{:?}", entry.notes);
    let four = json!({ "num_bits": 4, "type": "float" });
    let entry = read(json!({ "quant_method": "fp8", "kv_cache_scheme": four }));
    assert!(
        entry.notes[0].contains("keys and values in 4-bit float"),
        "{:?}",
        entry.notes
    );
    for (scheme, stored) in [
        (json!({ "num_bits": 8, "type": "float" }), Some(KvPrecision::Fp8)),
        (json!("static"), None),
        (Value::Null, None),
    ] {
        let entry = read(json!({ "quant_method": "fp8", "kv_cache_scheme": scheme }));
        assert_eq!((entry.stored_kv, entry.notes.len()), (stored, 0), "{scheme}");
    }
}

/// Files that transformers writes leave out what their class has as defaults.
#[test]
fn keys_and_tied_heads_that_a_file_leaves_out_are_those_of_the_class() {
    let without = |mut config: Value, fields: &[&str]| {
        for field in fields {
            config.as_object_mut().unwrap().remove(*field);
        }
        read(&config).unwrap().model
    };
    let keys = ["num_key_value_heads"];
    let mistral = without(plain("mistral", [4096, 32, 32, 8, 14_336, 32_000], json!({})), &keys);
    assert_eq!(mistral.parameters(), 7_241_732_096);
    let smollm = plain("smollm3", [2048, 36, 16, 4, 11_008, 128_256], json!({}));
    let smollm = without(smollm, &["num_key_value_heads", "tie_word_embeddings"]);
    assert_eq!(smollm.parameters(), 3_075_098_624);
}

/// A size that passes over these would be wrong by a multiple.
#[test]
fn fields_that_a_type_does_not_have_are_refused() {
    let shape = [4096, 32, 32, 8, 14_336, 128_256];
    for (model_type, field, value) in [
        ("hunyuan", "num_experts", json!(16)),
        ("llama", "num_local_experts", json!(8)),
        ("llama", "kv_lora_rank", json!(512)),
        ("llama", "mamba_d_state", json!(128)),
        ("llama", "cross_attention_layers", json!([3, 8])),
        ("hunyuan", "use_cla", json!(true)),
    ] {
        let error = read(&plain(model_type, shape, json!({ field: value })))
            .unwrap_err()
            .to_string();
        assert!(error.contains(&format!("{field} is ")), "{error}");
    }
    let harmless = json!({ "num_experts": 1, "cross_attention_layers": [], "use_cla": false, "kv_lora_rank": null });
    assert!(read(&plain("llama", shape, harmless)).is_ok());
    let error = read(&json!({ "model_type": "mllama", "text_config": { "model_type": "mllama_text_model" } }));
    assert!(error.unwrap_err().to_string().contains("cross-attention"));
}

#[test]
fn parts_that_are_not_counted_are_told_of() {
    let shape = [3072, 32, 24, 8, 8192, 200_064];
    let others =
        json!({ "audio_processor": { "name": "cascades" }, "vision_lora": { "r": 256 }, "img_processor": null });
    let notes = read(&plain("phi4mm", shape, others)).unwrap().notes;
    assert!(
        notes[0].contains("not counted here (audio_processor, vision_lora)"),
        "{notes:?}"
    );
    // Behind a tower of Gemma's kind others have a projector of their own.
    let tower = json!({ "model_type": "siglip_vision_model", "hidden_size": 1152 });
    let text = plain("llama", shape, json!({}));
    let config = json!({ "model_type": "cohere2_vision", "vision_config": tower, "text_config": text });
    let notes = read(&config).unwrap().notes;
    assert!(notes[0].contains("(siglip_vision_model) is not known"), "{notes:?}");
}

/// Totals of the safetensors: Qwen2-VL-7B, and Pixtral-12B, whose every patch is a token.
#[test]
fn towers_of_older_models_have_their_own_layout() {
    let tower = json!({
        "depth": 32, "embed_dim": 1280, "mlp_ratio": 4, "num_heads": 16, "in_chans": 3, "hidden_size": 3584,
        "patch_size": 14, "spatial_merge_size": 2, "temporal_patch_size": 2,
    });
    let qwen = plain(
        "qwen2_vl",
        [3584, 28, 28, 4, 18_944, 152_064],
        json!({ "vision_config": tower }),
    );
    let qwen = read(&qwen).unwrap().model;
    assert_eq!(qwen.parameters() + qwen.vision().unwrap().parameters, 8_291_375_616);
    let text = plain(
        "mistral",
        [5120, 40, 32, 8, 14_336, 131_072],
        json!({ "head_dim": 128 }),
    );
    let tower = json!({
        "model_type": "pixtral", "hidden_size": 1024, "image_size": 1024, "intermediate_size": 4096,
        "num_hidden_layers": 24, "patch_size": 16,
    });
    let pixtral = read(&json!({ "model_type": "llava", "text_config": text, "vision_config": tower }))
        .unwrap()
        .model;
    let tower = pixtral.vision().unwrap();
    assert!(((pixtral.parameters() + tower.parameters) as f64 / 12.6827e9 - 1.0).abs() < 1e-4);
    assert_eq!(tower.tokens_per_image, 64 * 64);
}

#[test]
fn the_language_model_is_found_however_deep_it_lies() {
    let text = plain("llama", [4096, 32, 32, 8, 14_336, 128_256], json!({}));
    let config = json!({ "model_type": "newest", "llm_config": { "model_type": "newer", "text_config": text } });
    assert_eq!(read(&config).unwrap().model.parameters(), 8_030_261_248);
}

#[test]
fn positions_that_are_stretched_are_as_many_more() {
    let longest = |others: Value| {
        let model = read(&plain("qwen2", [3584, 28, 28, 4, 18_944, 152_064], others))
            .unwrap()
            .model;
        (model.max_model_len(), model.rotary_table_bytes() / 256)
    };
    let yarn = json!({ "type": "yarn", "factor": 4.0, "original_max_position_embeddings": 32_768 });
    assert_eq!(longest(json!({ "rope_scaling": yarn })), (131_072, 131_072));
    let linear = json!({ "rope_type": "linear", "factor": 2 });
    assert_eq!(longest(json!({ "rope_scaling": linear })), (65_536, 65_536));
    let llama3 = json!({ "rope_type": "llama3", "factor": 8.0, "original_max_position_embeddings": 8192 });
    assert_eq!(longest(json!({ "rope_parameters": llama3 })), (32_768, 32_768));
    let long = json!({ "type": "longrope", "original_max_position_embeddings": 4096 });
    assert_eq!(longest(json!({ "rope_scaling": long })), (32_768, 32_768 + 4096));
    let named = json!({ "max_position_embeddings": null, "model_max_length": 1 << 20 });
    assert_eq!(longest(named), (1 << 20, 1 << 20));
    let wrong = json!({ "rope_scaling": { "type": "linear", "factor": -1 } });
    let error = read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], wrong))
        .unwrap_err()
        .to_string();
    assert!(error.contains("rope_scaling.factor is -1"), "{error}");
}

#[test]
fn older_files_name_their_quantisation_otherwise() {
    let weights = json!({ "num_bits": 8, "type": "int", "symmetric": true, "strategy": "channel" });
    let groups = json!({ "group_0": { "targets": ["Linear"], "weights": weights } });
    let others = json!({
        "quantization_config": null,
        "compression_config": { "quant_method": "compressed-tensors", "config_groups": groups, "ignore": ["lm_head"] },
    });
    let entry = read(&plain("llama", [4096, 32, 32, 8, 14_336, 128_256], others)).unwrap();
    assert_eq!(entry.stored_weights, Some(WeightPrecision::Int8));
}
