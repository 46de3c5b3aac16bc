//! A scenario serves a model as its files say, and says what of it is not known or not as on a server.

use serde_json::{Value, json};
use tailcast::config::Scenario;
use tailcast::hardware::{KvGroupKind, KvPrecision, WeightPrecision};
use tailcast::study::Base;
use tempfile::TempDir;

/// A folder with a model's files and a scenario that names them.
struct Served {
    folder: TempDir,
}

impl Served {
    fn new(config: &Value) -> Self {
        let folder = TempDir::new().unwrap();
        std::fs::write(folder.path().join("config.json"), config.to_string()).unwrap();
        Self { folder }
    }

    fn with(self, name: &str, text: &str) -> Self {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self
    }

    /// The scenario with these lines in `[model]` and in `[server]` and `[batching]`.
    fn load(&self, model: &str, others: &str) -> Result<Scenario, String> {
        let text = format!(
            "[model]\nconfig = \"config.json\"\n{model}\n[server]\ngpu = \"h100-sxm\"\nmax_model_len = 4096\n{others}\n\
             [workload]\nrequests = 10\narrivals = {{ process = \"poisson\", rate = 1 }}\n\
             prompt = {{ dist = \"fixed\", value = 100 }}\noutput = {{ dist = \"fixed\", value = 10 }}\n"
        );
        let path = self.folder.path().join("scenario.toml");
        std::fs::write(&path, text).unwrap();
        let loaded = Base::from_file(&path).load();
        loaded.map(|input| input.scenario).map_err(|error| error.to_string())
    }
}

fn small(model_type: &str, others: Value) -> Value {
    let mut config = json!({
        "model_type": model_type, "hidden_size": 4096, "num_hidden_layers": 32, "num_attention_heads": 32,
        "num_key_value_heads": 8, "intermediate_size": 14_336, "vocab_size": 128_256,
        "max_position_embeddings": 131_072, "tie_word_embeddings": false,
    });
    let Value::Object(others) = others else {
        panic!("an object")
    };
    config.as_object_mut().unwrap().extend(others);
    config
}

#[test]
fn a_file_of_an_unknown_type_is_read_as_one_that_is_named() {
    let served = Served::new(&small("newest", json!({})));
    let refused = served.load("", "").unwrap_err();
    assert!(
        refused.contains("model_type is 'newest'") && refused.contains("model.as"),
        "{refused}"
    );
    let model = served.load("as = \"llama\"", "").unwrap().deployment.model;
    assert_eq!(model.parameters(), 8_030_261_248);
    let refused = served.load("as = \"lama\"", "").unwrap_err();
    assert!(
        refused.contains("model.as is 'lama'; it must be one of llama"),
        "{refused}"
    );
    let text = "[model]\nname = \"llama-3.1-8b\"\nas = \"llama\"\n[server]\ngpu = \"h100-sxm\"\n";
    let refused = Scenario::from_toml(text).unwrap_err().to_string();
    assert!(refused.contains("`model.as` goes with `model.config`"), "{refused}");
}

#[test]
fn weights_and_cache_are_those_of_the_checkpoint_unless_they_are_written() {
    let beside = json!({ "quantization": { "quant_algo": "NVFP4", "kv_cache_quant_algo": "FP8" } });
    let served = Served::new(&small("llama", json!({}))).with("hf_quant_config.json", &beside.to_string());
    let formats = |model: &str| {
        let deployment = served.load(model, "").unwrap().deployment;
        (deployment.weights, deployment.kv_cache)
    };
    assert_eq!(formats(""), (WeightPrecision::Nvfp4, KvPrecision::Fp8));
    assert_eq!(
        formats("kv_cache = \"auto\""),
        (WeightPrecision::Nvfp4, KvPrecision::Fp8)
    );
    let written = "weights = \"fp8\"\nkv_cache = \"bf16\"";
    assert_eq!(formats(written), (WeightPrecision::Fp8, KvPrecision::Bf16));
}

#[test]
fn formats_that_the_gpu_cannot_multiply_are_told_of() {
    let served = Served::new(&small("llama", json!({})));
    let told = |model: &str| served.load(model, "").unwrap().warnings.join("\n");
    assert!(told("weights = \"nvfp4\"").contains("has no units for nvfp4"));
    assert!(!told("weights = \"fp8\"").contains("has no units"));
}

/// Eight layers of three states each beside one that attends.
fn with_states() -> Served {
    Served::new(&small(
        "qwen3_5_text",
        json!({
            "full_attention_interval": 4, "head_dim": 128, "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128,
            "linear_value_head_dim": 128, "linear_num_key_heads": 16, "linear_num_value_heads": 32,
            "mamba_ssm_dtype": "float32",
        }),
    ))
}

#[test]
fn states_lie_in_blocks_of_the_cache_that_are_as_large_as_they_are() {
    let scenario = with_states().load("", "").unwrap();
    let server = &scenario.deployment.server;
    let groups = server.kv_groups.as_ref().unwrap();
    // Three groups of eight layers with a state, one of eight that attend; 2 MiB + 48 KiB of a layer's state take 524
    // tokens of 4 KiB, in whole sixteens.
    let kinds: Vec<KvGroupKind> = groups.iter().map(|group| group.kind).collect();
    let state = KvGroupKind::State(1);
    assert_eq!(kinds, [state, state, state, KvGroupKind::Full]);
    assert_eq!((groups[3].block_tokens, server.block_tokens), (528, 528));
    let told = scenario.warnings.join("\n");
    assert!(told.contains("a state of 51.5 MB on each GPU, in blocks"), "{told}");
    assert!(!scenario.deployment.prefix_caching);
}

/// What is kept back beside a prefix cache is `max_num_seqs` times the state.
#[test]
fn beside_a_prefix_cache_states_are_kept_back_and_told_of() {
    let served = with_states();
    let with = |requests: u32| {
        let others = format!("[batching]\nprefix_caching = true\nmax_num_seqs = {requests}");
        served.load("", &others)
    };
    let (few, many) = (with(8).unwrap(), with(16).unwrap());
    let state = few.deployment.model.state_bytes_per_request(1);
    assert_eq!(state, 24 * (32 * 128 * 128 * 4 + 8192 * 3 * 2));
    assert!(few.deployment.server.kv_groups.is_none());
    let kept = |scenario: &Scenario| scenario.deployment.memory.overhead_bytes;
    // CUDA graphs of more requests take a little more too.
    let more = (kept(&many) - kept(&few)) as f64;
    assert!((more / (8 * state) as f64 - 1.0).abs() < 0.02, "{more}");
    let told = few.warnings.join("\n");
    assert!(
        told.contains("keeps a state of 51.5 MB") && told.contains("server.block_size = "),
        "{told}"
    );
    let refused = with(4096).unwrap_err();
    assert!(refused.contains("max_num_seqs = "), "{refused}");
}

/// Every other layer sees 128 tokens, or, by the flag, keeps all of them.
#[test]
fn windows_have_groups_unless_the_engine_is_told_to_keep_everything() {
    let served = Served::new(&small(
        "gpt_oss",
        json!({
            "num_local_experts": 8, "num_experts_per_tok": 2, "sliding_window": 128, "head_dim": 64,
            "intermediate_size": 2880,
        }),
    ));
    let groups = served.load("", "").unwrap().deployment.server.kv_groups.unwrap();
    let kinds: Vec<KvGroupKind> = groups.iter().map(|group| group.kind).collect();
    assert_eq!(kinds, [KvGroupKind::Sliding(128), KvGroupKind::Full]);
    let flag = "[batching]\ndisable_hybrid_kv_cache_manager = true";
    let told = served.load("", flag).unwrap().deployment;
    assert!(told.server.kv_groups.is_none());
    // One table has half the blocks, as each block is of twice as many layers.
    let blocks = |others| served.load("", others).unwrap().deployment.server.kv_blocks;
    assert_eq!(blocks("") / 2, blocks(flag));
    let refused = served.load("", "kv_blocks = 280").unwrap_err();
    assert!(refused.contains("2 groups of layers"), "{refused}");
}

/// What is published so is served so, by kernels that were measured: that is said where the step times stand.
#[test]
fn a_format_that_a_model_is_published_in_is_no_cause_for_a_warning() {
    let told = |model: &str, gpu: &str| {
        let text = format!("[model]\nname = \"{model}\"\n[server]\ngpu = \"{gpu}\"\n");
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("scenario.toml");
        let load = "[workload]\nrequests = 10\narrivals = { process = \"poisson\", rate = 1 }\n\
                    prompt = { dist = \"fixed\", value = 100 }\noutput = { dist = \"fixed\", value = 10 }\n";
        std::fs::write(&path, text + load).unwrap();
        let scenario = Base::from_file(&path).load().unwrap().scenario;
        (scenario.warnings.join("\n"), scenario.deployment.unpacks_weights())
    };
    let (warnings, unpacks) = told("gpt-oss-20b", "h100-sxm");
    assert!(unpacks && !warnings.contains("has no units"), "{warnings}");
    let (warnings, unpacks) = told("gpt-oss-20b", "b200");
    assert!(!unpacks && !warnings.contains("has no units"), "{warnings}");
}
