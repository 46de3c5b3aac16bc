//! A manifest that cannot be read says where and what to write; nothing is printed or written then.

use crate::command::Workplace;
use crate::validate::SCENARIO;

const GOOD: &str = r#"[[experiment]]
name = "one"
scenario = "served.toml"
set = { "server.kv_blocks" = 7462 }
seeds = 1
[experiment.measured]
"ttft.mean" = "28.4ms"
"kv.blocks" = 7463
"#;

/// What is replaced in the good manifest, by what, and parts of the message.
const CASES: &[(&str, &str, &[&str])] = &[
    (
        "[[experiment]]",
        "[[experiments]]",
        &[
            "manifest.toml:1:",
            "a manifest has no key `experiments`",
            "did you mean `experiment`",
        ],
    ),
    (
        "[[experiment]]",
        "[experiment]",
        &["`experiment` must be a list", "[[experiment]]"],
    ),
    (
        GOOD,
        "experiment = []",
        &["`experiment` must be a list", "[[experiment]]"],
    ),
    (GOOD, "experiment = [7]", &["`experiment[0]` must be a table"]),
    (GOOD, "\n", &["is empty", "[[experiment]]"]),
    (GOOD, "# nothing\n", &["there is no experiment", "[[experiment]]"]),
    ("scenario =", "scenari =", &["`experiment[0].scenario` is missing"]),
    (
        "name =",
        "nme =",
        &[
            "manifest.toml:2:",
            "has no key `nme`",
            "did you mean `name`",
            "known keys: name, scenario, set, seeds, load, measured",
        ],
    ),
    (
        "\"served.toml\"",
        "\"serve.toml\"",
        &[
            "manifest.toml:3:12",
            "serve.toml is not a file",
            "manifest's own directory",
        ],
    ),
    ("\"served.toml\"", "7", &["manifest.toml:3:12", "must be text"]),
    ("seeds = 1", "seeds = 0", &["manifest.toml:5:9", "from 1 to"]),
    (
        "server.kv_blocks",
        "server.kv_block",
        &[
            "experiment \"one\" (manifest.toml:1)",
            "manifest.toml:4:",
            "`server` has no key `kv_block`",
            "did you mean `kv_blocks`",
        ],
    ),
    ("7462", "\"many\"", &["manifest.toml:4:30", "whole number"]),
    ("set = {", "set = 7 # {", &["`experiment[0].set` must be a table"]),
    (
        "[experiment.measured]\n\"ttft.mean\" = \"28.4ms\"\n\"kv.blocks\" = 7463\n",
        "",
        &["has nothing measured", "[experiment.measured]"],
    ),
    (
        "\"ttft.mean\" = \"28.4ms\"\n\"kv.blocks\" = 7463\n",
        "",
        &["`experiment[0].measured` is empty"],
    ),
    (
        "ttft.mean",
        "ttft.men",
        &["manifest.toml:7:1", "`ttft.men`", "did you mean `ttft.mean`"],
    ),
    ("kv.blocks\"", "blocks\"", &["`blocks`", "kv.blocks"]),
    ("\"28.4ms\"", "28.4", &["manifest.toml:7:15", "has no unit"]),
    (
        "\"28.4ms\"",
        "\"28.4 parsecs\"",
        &["parsecs", "write a number and its unit"],
    ),
    ("\"28.4ms\"", "true", &["true is not a duration"]),
    ("7463", "-7", &["`kv.blocks` must be a number from 0, not -7"]),
    ("7463", "nan", &["must be a number from 0"]),
    ("7463", "\"7463\"", &["must be a number from 0"]),
    (
        "\"kv.blocks\" = 7463",
        "ttft.mean = \"1s\"",
        &["`ttft.mean` is written twice"],
    ),
    (
        "\"kv.blocks\" = 7463",
        "file = \"nothing.json\"",
        &["cannot read nothing.json", "vllm bench serve"],
    ),
    (
        "\"kv.blocks\" = 7463",
        "file = \"served.toml\"",
        &["served.toml:2:", "neither JSON nor a table"],
    ),
    ("\"kv.blocks\" = 7463", "file = 7", &["must be text"]),
    ("seeds = 1", "seeds = 1\nseeds = 2", &["duplicate key"]),
];

#[test]
fn a_bad_manifest_says_where_and_what_to_write() {
    for (old, new, parts) in CASES {
        let place = Workplace::new();
        place.write("served.toml", SCENARIO);
        assert!(GOOD.contains(old), "{old}");
        place.write("manifest.toml", GOOD.replacen(old, new, 1));
        let ended = place.run(&["validate", "manifest.toml", "--figure", "f.svg"]);
        assert_eq!(ended.code, Some(2), "{old} -> {new}: {}", ended.stderr);
        assert_eq!(ended.stdout, "");
        for part in *parts {
            assert!(ended.stderr.contains(part), "{part:?} is not in:\n{}", ended.stderr);
        }
        assert_eq!(place.listing(), ["manifest.toml", "served.toml"]);
    }
}

#[test]
fn the_good_manifest_is_good() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    place.write("manifest.toml", GOOD);
    let ended = place.run(&["validate", "manifest.toml"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn other_files_that_are_no_manifest_are_refused() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    std::fs::create_dir(place.path("folder")).unwrap();
    for (file, part) in [
        ("absent.toml", "cannot read absent.toml"),
        ("folder", "is a directory"),
        ("served.toml", "a manifest has no key"),
    ] {
        let ended = place.run(&["validate", file]);
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(2), ""), "{file}");
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
        assert!(ended.stderr.contains("help"), "{}", ended.stderr);
    }
}

#[test]
fn a_model_that_does_not_fit_is_named_with_its_experiment() {
    let place = Workplace::new();
    place.write("served.toml", SCENARIO);
    let too_large = GOOD.replace("\"server.kv_blocks\" = 7462", "\"model.name\" = \"llama-3.1-70b\"");
    place.write("manifest.toml", too_large);
    let ended = place.run(&["validate", "manifest.toml"]);
    assert_eq!(ended.code, Some(3), "{}", ended.stderr);
    assert!(ended.stderr.contains("experiment \"one\""), "{}", ended.stderr);
}

#[test]
fn a_trace_that_breaks_off_is_named_with_its_experiment() {
    let place = Workplace::new();
    let head = &SCENARIO[..SCENARIO.find("requests").unwrap()];
    place.write("served.toml", format!("{head}trace = {{ path = \"trace.csv\" }}\n"));
    place.write("trace.csv", "arrival_s,input_tokens,output_tokens\n0,10,x\n");
    place.write("manifest.toml", GOOD);
    let ended = place.run(&["validate", "manifest.toml", "--figure", "f.svg"]);
    assert_eq!(ended.code, Some(2), "{}", ended.stderr);
    for part in ["one: ", "trace.csv:2"] {
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
    assert!(!place.path("f.svg").exists());
}
