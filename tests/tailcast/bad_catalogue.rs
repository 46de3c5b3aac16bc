//! Malformed GPU and model files give an error that names the file, the line, the value and what to write.

use std::path::PathBuf;

use tailcast::config::catalogue;
use tailcast::hardware::WeightKernel;
use tempfile::TempDir;

const GPU: &str = r#"title = "Test"
memory = { gib = 80, source = "a datasheet" }
bandwidth = { gb_per_s = 3350, source = "a datasheet" }
bf16 = { tflops = 989, source = "a datasheet" }
link = { kind = "nvlink", gb_per_s = 450, source = "a datasheet" }
"#;

const MODEL: &str = r#"{
  "model_type": "llama",
  "hidden_size": 4096,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "num_key_value_heads": 8,
  "intermediate_size": 14336,
  "vocab_size": 128256,
  "max_position_embeddings": 131072,
  "tie_word_embeddings": false
}
"#;

fn write(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn good_files_are_read() {
    let folder = TempDir::new().unwrap();
    let gpu = catalogue::gpu_from_file(&write(&folder, "mine.toml", GPU)).unwrap();
    assert_eq!((gpu.name(), gpu.memory_bytes()), ("mine", 80 << 30));
    let path = write(&folder, "config.json", MODEL);
    let entry = catalogue::model_from_config_json(&path).unwrap();
    assert_eq!(entry.model.parameters(), 8_030_261_248);
    assert_eq!(entry.stored_weights, None);
}

/// What a good file has, what stands there instead, and what the error then says.
const BAD_GPUS: [(&str, &str, &str); 13] = [
    ("gib = 80", "gib = -80", ":2: memory is -80 GiB; it must be more than 0"),
    ("gib = 80", "gib = nan", ":2: memory is NaN GiB"),
    ("gib = 80", "gib = 1e300", ":2: memory is"),
    ("gib = 80", "gib = \"80\"", ":2:"),
    (
        "gb_per_s = 3350",
        "gb_per_s = 0",
        ":3: bandwidth is 0e0 per second; it must be",
    ),
    (
        "gb_per_s = 3350",
        "gb_per_s = 1e-9",
        ":3: bandwidth is 1e0 per second; it must be from 1e9 (1 GB/s",
    ),
    ("gb_per_s = 3350", "gb_per_s = inf", ":3: bandwidth is inf"),
    ("tflops = 989", "tflops = -1", ":4: bf16 is -1e12 per second"),
    (
        "tflops = 989",
        "gflops = 989",
        ":4:10: unknown field `gflops`, expected",
    ),
    (
        "\"nvlink\"",
        "\"carrier-pigeon\"",
        ":5:17: unknown variant `carrier-pigeon`, expected one of",
    ),
    ("title = \"Test\"\n", "", ": missing field `title`"),
    ("title", "titel", ":1:1: unknown field `titel`"),
    ("bf16 = {", "bf16 {", ":4:"),
];

#[test]
fn bad_gpu_files_are_refused_with_place_and_remedy() {
    let folder = TempDir::new().unwrap();
    for (good, bad, expected) in BAD_GPUS {
        assert!(GPU.contains(good), "{good}");
        let path = write(&folder, "mine.toml", &GPU.replacen(good, bad, 1));
        let error = catalogue::gpu_from_file(&path).unwrap_err().to_string();
        let file = path.display().to_string();
        assert!(
            error.starts_with(&file) && error.contains(expected),
            "{expected} not in: {error}"
        );
    }
}

#[test]
fn a_file_of_ones_own_needs_no_sources_and_the_least_is_shown() {
    let folder = TempDir::new().unwrap();
    let gpu = catalogue::gpu_from_file(&write(
        &folder,
        "mine.toml",
        &GPU.replace(", source = \"a datasheet\"", ""),
    ));
    assert_eq!(gpu.unwrap().memory_bytes(), 80 << 30);
    let gpu = catalogue::gpu_from_file(&write(&folder, "least.toml", catalogue::GPU_EXAMPLE)).unwrap();
    assert_eq!(gpu.title(), "Mine");
}

#[test]
fn kernels_faster_than_their_datasheet_are_refused() {
    const KERNELS: &str = "\n[kernels.linear]\nof_bandwidth = 0.9\nof_peak = 0.8\nstart_us = 4\noverlap = 3\nsource = \
                           \"a bench\"\nfitted = \"all rows\"\n";
    let folder = TempDir::new().unwrap();
    let read = |kernels: &str| {
        let path = write(&folder, "mine.toml", &format!("{GPU}{kernels}"));
        catalogue::gpu_from_file(&path)
    };
    let read_back = |kernels: &str| read(kernels).unwrap().linear_kernels(WeightKernel::Plain).bandwidth;
    assert!((read_back(KERNELS) - 0.9).abs() < 1e-12);
    for (good, bad, expected) in [
        ("= 0.9", "= 1.1", "kernels.linear.of_bandwidth is 1.1"),
        ("= 0.8", "= 0.0", "kernels.linear.of_peak is 0; it must be"),
        ("= 3", "= 0.5", "kernels.linear.overlap is 0.5"),
        ("overlap", "overlapp", "overlapp"),
        (
            "= 3",
            "= 3\nby_rows = [1, 1, 1, 1, 1, 1, 1, 1, 1, 0.8]",
            "kernels.linear.by_rows is 0.8",
        ),
        (
            "[kernels.linear]",
            "[kernels.quantised_linear.fp9]",
            "no kernel 'fp9'; there are fp8,",
        ),
    ] {
        let error = read(&KERNELS.replacen(good, bad, 1)).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn chips_that_nobody_knows_are_refused() {
    let folder = TempDir::new().unwrap();
    let read = |chip: &str| {
        let path = write(&folder, "mine.toml", &format!("{GPU}\nchip = {chip}\n"));
        catalogue::gpu_from_file(&path)
    };
    let good = "{ architecture = \"blackwell\", multiprocessors = 148, source = \"a page\" }";
    let gpu = read(good).unwrap();
    let chip = gpu.chip().unwrap();
    assert_eq!((chip.architecture.name(), chip.multiprocessors), ("blackwell", 148));
    for (what, instead, expected) in [
        (
            "blackwell",
            "blackhole",
            "chip is of the architecture \"blackhole\"; it must be of one of \"volta\"",
        ),
        (
            "148",
            "0",
            "chip is one of 0 multiprocessors; it must be one of 1 to 65536",
        ),
        ("148", "-1", "-1"),
        ("source", "sauce", "sauce"),
    ] {
        let error = read(&good.replacen(what, instead, 1)).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

/// What a good file has, what stands there instead, and what the error then says.
const BAD_MODELS: [(&str, &str, &str); 22] = [
    (
        "\"hidden_size\": 4096,\n  \"num_hidden_layers\": 32,\n  \"num_attention_heads\": 32,\n  \
         \"num_key_value_heads\": 8",
        "\"hidden_size\": 1, \"num_hidden_layers\": 9999, \"num_attention_heads\": 60000, \"head_dim\": 60000",
        "the size of one token's keys and values is",
    ),
    (
        "\"num_hidden_layers\": 32",
        "\"num_hidden_layers\": 0",
        ":4: num_hidden_layers is 0; it must be a whole number from 1 to 10000",
    ),
    (
        "\"num_hidden_layers\": 32,",
        "",
        "num_hidden_layers is missing; it must be",
    ),
    ("\"num_hidden_layers\": 32", "\"num_hidden_layers\": -3", ":4:"),
    ("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 32.5", ":4:"),
    ("\"num_hidden_layers\": 32", "\"num_hidden_layers\": 1e30", ":4:"),
    (
        "\"hidden_size\": 4096",
        "\"hidden_size\": 18446744073709551615",
        ":3: hidden_size is 18446744073709551615",
    ),
    (
        "\"hidden_size\": 4096",
        "\"hidden_size\": 4097",
        "head_dim is missing; it must be given",
    ),
    (
        "\"num_key_value_heads\": 8",
        "\"num_key_value_heads\": 5",
        ":6: num_key_value_heads is 5; it must be a divisor of num_attention_heads = 32",
    ),
    (
        "\"num_key_value_heads\": 8",
        "\"num_key_value_heads\": 64",
        ":6: num_key_value_heads is 64",
    ),
    ("\"vocab_size\": 128256", "\"vocab_size\": 0", ":8: vocab_size is 0"),
    (
        "\"llama\"",
        "\"newest\"",
        ":2: model_type is 'newest'; it must be one of llama,",
    ),
    ("\"model_type\": \"llama\",", "", "model_type is 'missing'"),
    ("\"llama\"", "\"mixtral\"", "num_local_experts is missing"),
    ("\"llama\"", "\"deepseek_v3\"", "kv_lora_rank is missing"),
    (
        "\"tie_word_embeddings\": false",
        "\"layer_types\": [\"full_attention\"]",
        ":10: layer_types is a list of 1; it must be one entry for each of the 32 layers",
    ),
    (
        "\"tie_word_embeddings\": false",
        "\"quantization_config\": {\"quant_method\": \"hqq\"}",
        ":10: quant_method is 'hqq'; it must be fp8",
    ),
    (
        "\"tie_word_embeddings\": false",
        "\"quantization_config\": {\"quant_method\": \"awq\", \"bits\": \"3\"}",
        ":10: quant_method is 'awq' with \"3\" bits; it must be fp8",
    ),
    (
        "\"tie_word_embeddings\": false",
        "\"quantization_config\": {\"quant_method\": \"modelopt\", \"quant_algo\": \"FP2\"}",
        ":10: quant_method is 'modelopt' with quant_algo \"FP2\"; it must be fp8",
    ),
    ("\"tie_word_embeddings\": false", "\"tie_word_embeddings\": 7", ":10:"),
    ("\"vocab_size\": 128256,", "\"vocab_size\": 128256", ":9:"),
    (
        "\"hidden_size\": 4096",
        "\"head_dim\": 60000, \"hidden_size\": 16000000",
        "the number of parameters is",
    ),
];

#[test]
fn bad_model_files_are_refused_with_place_and_remedy() {
    let folder = TempDir::new().unwrap();
    for (good, bad, expected) in BAD_MODELS {
        assert!(MODEL.contains(good), "{good}");
        let path = write(&folder, "config.json", &MODEL.replacen(good, bad, 1));
        let error = catalogue::model_from_config_json(&path).unwrap_err().to_string();
        let file = path.display().to_string();
        assert!(
            error.starts_with(&file) && error.contains(expected),
            "{expected} not in: {error}"
        );
    }
}

#[test]
fn layers_with_a_state_are_refused_rather_than_guessed() {
    let types = vec!["\"linear_attention\""; 32].join(",");
    let text = MODEL.replace("\"tie_word_embeddings\": false", &format!("\"layer_types\": [{types}]"));
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "config.json", &text);
    let error = catalogue::model_from_config_json(&path).unwrap_err().to_string();
    assert!(error.contains("'linear_attention' at layer 0"), "{error}");
}

#[test]
fn our_own_model_files_refuse_unknown_keys() {
    let folder = TempDir::new().unwrap();
    let text = "title = \"T\"\nsource = \"a page\"\nmodel_type = \"llama\"\nnum_hiden_layers = 3\n";
    let path = write(&folder, "mine.toml", text);
    let error = catalogue::model_from_config_json(&path).unwrap_err().to_string();
    let expected = ":4: unknown key `num_hiden_layers`; did you mean `num_hidden_layers`?";
    assert!(error.contains(expected), "{error}");
}

#[test]
fn kinds_of_layers_and_vision_towers_that_do_not_exist_are_refused() {
    let folder = TempDir::new().unwrap();
    let layers = "model_type = \"llama\"\nnum_hidden_layers = 3\nhidden_size = 64\nnum_attention_heads = 2\n\
                  intermediate_size = 8\nvocab_size = 8\nmax_position_embeddings = 8\n";
    let refused = |line: &str| {
        let text = format!("title = \"T\"\nsource = \"a page\"\n{line}\n{layers}");
        let path = write(&folder, "mine.toml", &text);
        catalogue::model_from_config_json(&path).unwrap_err().to_string()
    };
    let error = refused("unquantised = [\"router\"]");
    assert!(
        error.contains(":3:") && error.contains("attention, dense or"),
        "{error}"
    );
    let error = refused("vision_config = { model_type = \"pixtral\", hidden_size = 64 }");
    assert!(error.contains("patch_size"), "{error}");
    let error = refused("vision_config = { model_type = \"pixtral\", hidden_size = \"wide\" }");
    assert!(error.contains("vision_config"), "{error}");
}

#[test]
fn multimodal_and_quantised_configurations_are_understood() {
    let folder = TempDir::new().unwrap();
    let quantised = r#""quantization_config": {"quant_method": "awq", "bits": 4, "group_size": 128}"#;
    let text = MODEL.replace("\"tie_word_embeddings\": false", quantised);
    let nested = format!("{{\"model_type\": \"mistral3\", \"text_config\": {text}}}");
    let path = write(&folder, "config.json", &nested);
    let entry = catalogue::model_from_config_json(&path).unwrap();
    assert_eq!(entry.model.parameters(), 8_030_261_248);
    assert_eq!(entry.stored_weights.unwrap().name(), "int4");
}

#[test]
fn a_missing_file_is_named() {
    let path = PathBuf::from("/nowhere/config.json");
    let error = catalogue::model_from_config_json(&path).unwrap_err().to_string();
    assert!(error.starts_with("/nowhere/config.json: cannot be read"), "{error}");
}

#[test]
fn a_generation_config_says_top_p_or_what_is_wrong_with_it() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "config.json", &format!("\u{feff}{MODEL}"));
    let read = |text: &str| {
        write(&folder, "generation_config.json", text);
        catalogue::model_from_config_json(&path)
            .map(|entry| entry.top_p)
            .map_err(|error| error.to_string())
    };
    assert_eq!(read("\u{feff}{\"top_p\": 0.9}"), Ok(Some(0.9)));
    assert_eq!(read("{\"top_p\": null}"), Ok(None));
    for (text, expected) in [
        ("{\"top_p\": 1.5}", ":1: top_p is 1.5; it must be more than 0"),
        ("{\"top_p\": 0}", "at most 1"),
        ("{\"top_p\": \"x\"}", "invalid type"),
        ("[0.9]", "one object"),
    ] {
        let error = read(text).unwrap_err();
        assert!(
            error.contains("generation_config.json") && error.contains(expected),
            "{error}"
        );
    }
}

/// As in a cache of Hugging Face whose download was cut off.
#[cfg(unix)]
#[test]
fn a_generation_config_that_leads_nowhere_is_named() {
    let folder = TempDir::new().unwrap();
    let path = write(&folder, "config.json", MODEL);
    let link = folder.path().join("generation_config.json");
    std::os::unix::fs::symlink("nowhere", link).unwrap();
    let error = catalogue::model_from_config_json(&path).unwrap_err().to_string();
    assert!(error.contains("generation_config.json: cannot be read"), "{error}");
}
