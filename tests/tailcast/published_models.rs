//! Configurations as people publish them are read with the size that their publishers give, or refused with a reason
//! and a way out.

use std::path::{Path, PathBuf};

use tailcast::config::catalogue;
use tailcast::hardware::{KvPrecision, WeightPrecision};

/// What becomes of a configuration.
enum Outcome {
    /// It is read: parameters of the language model as the publisher gives them, in billions; how the weights are
    /// stored; what they and a known vision tower take [GB].
    Read(f64, WeightPrecision, f64),
    /// It is refused, and the message holds this.
    Refused(&'static str),
}

use Outcome::{Read, Refused};
use WeightPrecision::{Bf16, Fp8, Int4, Mxfp4, Nvfp4};

const COMPRESSED: &str = "it keeps keys and values compressed by 4 and by 128 tokens";

/// Parameters are those of model cards and of the totals that Hugging Face shows, without layers that only draft; where
/// a publisher says no more than the name, those of the name. Sizes follow from the formats that the files name;
/// gpt-oss's and Kimi K2.5's are those of their checkpoints.
const PUBLISHED: [(&str, Outcome); 68] = [
    ("MiniMaxAI--MiniMax-M2.5", Read(228.7, Fp8, 230.0)),
    ("MiniMaxAI--MiniMax-M2.7", Read(228.7, Fp8, 230.0)),
    ("MiniMaxAI--MiniMax-M3", Read(426.2, Bf16, 852.4)),
    ("Qwen--Qwen3-1.7B", Read(1.72, Bf16, 3.44)),
    ("Qwen--Qwen3-235B-A22B", Read(235.1, Bf16, 470.2)),
    ("Qwen--Qwen3-235B-A22B-FP8", Read(235.1, Fp8, 236.4)),
    ("Qwen--Qwen3-30B-A3B", Read(30.53, Bf16, 61.1)),
    ("Qwen--Qwen3-32B", Read(32.76, Bf16, 65.5)),
    ("Qwen--Qwen3-32B-FP8", Read(32.76, Fp8, 34.3)),
    ("Qwen--Qwen3-32B-FP8-Static-PerTensor", Read(32.76, Fp8, 34.3)),
    ("Qwen--Qwen3-8B", Read(8.19, Bf16, 16.4)),
    ("Qwen--Qwen3-VL-235B-A22B-Instruct", Read(235.1, Bf16, 471.3)),
    ("Qwen--Qwen3-VL-2B-Instruct", Read(1.72, Bf16, 4.26)),
    ("Qwen--Qwen3-VL-30B-A3B-Instruct", Read(30.53, Bf16, 62.1)),
    ("Qwen--Qwen3-VL-32B-Instruct", Read(32.76, Bf16, 66.7)),
    ("Qwen--Qwen3-VL-4B-Instruct", Read(4.02, Bf16, 8.88)),
    ("Qwen--Qwen3-VL-8B-Instruct", Read(8.19, Bf16, 17.5)),
    ("Qwen--Qwen3.5-122B-A10B", Read(122.0, Bf16, 245.1)),
    ("Qwen--Qwen3.5-27B", Read(27.0, Bf16, 54.7)),
    ("Qwen--Qwen3.5-397B-A17B", Read(397.0, Bf16, 793.6)),
    ("XiaomiMiMo--MiMo-7B-Base", Read(7.62, Bf16, 15.2)),
    ("XiaomiMiMo--MiMo-V2-Flash", Read(309.0, Fp8, 310.2)),
    ("deepseek-ai--DeepSeek-R1", Read(671.0, Fp8, 673.2)),
    ("deepseek-ai--DeepSeek-V3.2", Read(671.9, Fp8, 674.0)),
    ("deepseek-ai--DeepSeek-V4-Flash", Refused(COMPRESSED)),
    ("deepseek-ai--DeepSeek-V4-Pro", Refused(COMPRESSED)),
    ("google--gemma-4-26B-A4B", Read(25.2, Bf16, 51.6)),
    ("meta-llama--Llama-4-Scout-17B-16E-Instruct", Read(107.8, Bf16, 215.5)),
    ("meta-llama--Meta-Llama-3.1-405B", Read(405.9, Bf16, 811.7)),
    ("meta-llama--Meta-Llama-3.1-70B", Read(70.55, Bf16, 141.1)),
    ("meta-llama--Meta-Llama-3.1-8B", Read(8.03, Bf16, 16.1)),
    ("mistralai--Mixtral-8x7B-v0.1", Read(46.7, Bf16, 93.4)),
    ("moonshotai--Kimi-K2-Instruct", Read(1026.0, Fp8, 1029.2)),
    ("moonshotai--Kimi-K2.5", Read(1026.0, Int4, 595.1)),
    ("moonshotai--Kimi-K3", Read(2780.0, Mxfp4, 1553.0)),
    ("nvidia--DeepSeek-V3.2-NVFP4", Read(671.9, Nvfp4, 388.1)),
    ("nvidia--DeepSeek-V4-Flash-NVFP4", Refused(COMPRESSED)),
    ("nvidia--DeepSeek-V4-Pro-NVFP4", Refused(COMPRESSED)),
    ("nvidia--GLM-5-NVFP4", Read(744.0, Nvfp4, 440.9)),
    ("nvidia--GLM-5.2-NVFP4", Read(744.0, Nvfp4, 444.9)),
    ("nvidia--Gemma-4-26B-A4B-NVFP4", Read(25.2, Nvfp4, 18.8)),
    ("nvidia--Gemma-4-31B-IT-NVFP4", Read(30.7, Nvfp4, 32.6)),
    ("nvidia--Kimi-K2.5-NVFP4", Read(1026.0, Nvfp4, 590.8)),
    ("nvidia--Kimi-K2.7-Code-NVFP4", Read(1026.0, Nvfp4, 595.1)),
    ("nvidia--Llama-3_3-Nemotron-Super-49B-v1", Read(49.9, Bf16, 99.7)),
    ("nvidia--MiniMax-M2.5-NVFP4", Read(228.7, Nvfp4, 134.4)),
    ("nvidia--MiniMax-M3-NVFP4", Read(426.2, Nvfp4, 248.3)),
    ("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", Read(31.6, Bf16, 63.2)),
    ("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-NVFP4", Read(31.6, Nvfp4, 19.3)),
    ("nvidia--NVIDIA-Nemotron-3-Super-120B-A12B-FP8", Read(120.0, Fp8, 121.8)),
    (
        "nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-BF16",
        Read(550.0, Bf16, 1098.6),
    ),
    ("nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-FP8", Read(550.0, Fp8, 551.7)),
    (
        "nvidia--NVIDIA-Nemotron-3-Ultra-550B-A55B-NVFP4",
        Read(550.0, Nvfp4, 312.4),
    ),
    (
        "nvidia--NVIDIA-Nemotron-3.5-Lightning-30B-A3B-NVFP4",
        Read(31.6, Nvfp4, 18.9),
    ),
    ("nvidia--Qwen3-235B-A22B-NVFP4", Read(235.1, Nvfp4, 134.1)),
    ("nvidia--Qwen3.5-122B-A10B-NVFP4", Read(122.0, Nvfp4, 78.4)),
    ("nvidia--Qwen3.5-397B-A17B-NVFP4", Read(397.0, Nvfp4, 237.9)),
    ("nvidia--Qwen3.6-27B-NVFP4", Read(27.0, Nvfp4, 21.1)),
    ("openai--gpt-oss-120b", Read(116.8, Mxfp4, 65.25)),
    ("openai--gpt-oss-20b", Read(20.9, Mxfp4, 13.76)),
    ("sgl-project--DeepSeek-V4-Flash-FP8", Refused(COMPRESSED)),
    ("sgl-project--DeepSeek-V4-Pro-FP8", Refused(COMPRESSED)),
    ("stepfun-ai--Step-3.7-Flash-FP8", Read(196.0, Fp8, 197.0)),
    ("zai-org--GLM-5", Read(744.0, Bf16, 1487.8)),
    ("zai-org--GLM-5-FP8", Read(744.0, Fp8, 746.1)),
    ("zai-org--GLM-5.1", Read(744.0, Bf16, 1487.8)),
    ("zai-org--GLM-5.2", Read(744.0, Bf16, 1486.7)),
    ("zai-org--GLM-5.2-FP8", Read(744.0, Fp8, 745.6)),
];

fn folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/hf_configs");
    if !folder.is_dir() {
        eprintln!("skipped: {} is absent", folder.display());
        return None;
    }
    Some(folder)
}

#[test]
fn every_published_configuration_is_read_or_refused_for_a_reason() {
    let Some(folder) = folder() else { return };
    let mut wrong = Vec::new();
    for (name, outcome) in &PUBLISHED {
        let read = catalogue::model_from_config_json(&folder.join(name).join("config.json"));
        match (outcome, read) {
            (Read(billions, weights, gigabytes), Ok(entry)) => {
                let model = &entry.model;
                let stored = entry.stored_weights.unwrap_or(Bf16);
                let counted = model.parameters() as f64 / 1e9;
                let size = model.weights_bytes(stored, 1) as f64 / 1e9;
                let is_near = |value: f64, known: f64, share: f64| (value / known - 1.0).abs() < share;
                if stored != *weights || !is_near(counted, *billions, 0.01) || !is_near(size, *gigabytes, 0.005) {
                    wrong.push(format!("{name}: {counted:.2} billion in {stored}, {size:.2} GB"));
                }
            }
            (Refused(reason), Err(error)) => {
                let error = error.to_string();
                if !error.contains(reason) || !error.contains("model_type is") {
                    wrong.push(format!("{name}: refused otherwise: {error}"));
                }
            }
            (Read(..), Err(error)) => wrong.push(format!("{name}: {error}")),
            (Refused(_), Ok(_)) => wrong.push(format!("{name}: is read")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_published_configuration_is_left_out_of_the_table() {
    let Some(folder) = folder() else { return };
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        assert!(PUBLISHED.iter().any(|(listed, _)| *listed == name), "{name}");
    }
}

/// Bytes of a state by hand: Qwen3.5-27B has 48 layers of 48 heads of 128 by 128 in fp32 and 10,240 channels;
/// Nemotron 3 Nano 23 of 64 heads of 64 by 128 and 6,144 channels. Of DeepSeek-V3.2 an engine keeps 656 bytes a token
/// and layer in 8 bits, and 132 of its indexer.
#[test]
fn states_and_indexers_have_the_bytes_that_engines_keep() {
    let Some(folder) = folder() else { return };
    let model = |name: &str| {
        let read = catalogue::model_from_config_json(&folder.join(name).join("config.json"));
        read.unwrap().model
    };
    let qwen = model("Qwen--Qwen3.5-27B");
    assert_eq!(
        qwen.state_bytes_per_request(1),
        48 * (48 * 128 * 128 * 4 + 10_240 * 3 * 2)
    );
    assert_eq!(qwen.kv_bytes_per_token(KvPrecision::Bf16, 1), 65_536);
    let nemotron = model("nvidia--NVIDIA-Nemotron-3-Nano-30B-A3B-BF16");
    assert_eq!(
        nemotron.state_bytes_per_request(1),
        23 * (64 * 64 * 128 * 4 + 6_144 * 3 * 2)
    );
    assert_eq!(nemotron.kv_bytes_per_token(KvPrecision::Bf16, 1), 6_144);
    let deepseek = model("deepseek-ai--DeepSeek-V3.2");
    assert_eq!(deepseek.kv_bytes_per_token(KvPrecision::Fp8, 1), 61 * (656 + 132));
    assert_eq!(deepseek.kv_bytes_per_token(KvPrecision::Bf16, 8), 61 * (1152 + 132));
}

/// NVIDIA's checkpoints say how they are stored beside `config.json`, and that keys and values have 8 bits.
#[test]
fn a_file_beside_says_how_keys_and_values_are_stored() {
    let Some(folder) = folder() else { return };
    let kv = |name: &str| {
        let read = catalogue::model_from_config_json(&folder.join(name).join("config.json"));
        read.unwrap().stored_kv
    };
    assert_eq!(kv("nvidia--Qwen3-235B-A22B-NVFP4"), Some(KvPrecision::Fp8));
    assert_eq!(kv("Qwen--Qwen3-235B-A22B"), None);
}
