//! Studies that ask for what is not there are refused before anything is simulated: with the place, and what to write
//! instead.

use crate::command::Workplace;

/// A study with this in the place of its axes, and what its error must say.
const STUDIES: [(&str, &[&str]); 22] = [
    ("", &["study.toml is empty", "[[axis]]"]),
    ("name = \"no axis\"", &["nothing varies", "[[axis]]"]),
    ("axis = 3", &["`axis` must be a list of tables"]),
    ("axis = []", &["`axis` must be a list of tables"]),
    ("[[axis]]\nvalues = [1]", &["what varies is missing", "study.toml:1"]),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"",
        &["the values are missing", "values = [1, 2, 4]"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = []",
        &["`values` is empty"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [1, 1]",
        &["has 1 twice"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = \"8..1\"",
        &["empty", "smaller end first"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nfrom = 8\nto = 1\nsteps = 3",
        &["from 8 to 1 is empty"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nfrom = 1\nto = 8",
        &["needs a step", "steps = 8"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nfrom = 0\nto = 8\nsteps = 3\nscale = \"log\"",
        &["cannot begin at 0"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [1]\nfrom = 1",
        &["exclude each other"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nvaluse = [1]",
        &["no key `valuse`", "did you mean `values`?"],
    ),
    (
        "[[axis]]\nkey = \"workload.arivals.rate\"\nvalues = [1]",
        &["no key `arivals`", "rate=1", "did you mean `arrivals`?"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [1, -2]",
        &["rate=-2", "above 0"],
    ),
    (
        "[[axis]]\nkey = \"server.gpu\"\nvalues = [\"h100-sxm\", \"h1000\"]",
        &["gpu=h1000", "h100"],
    ),
    (
        "[[axis]]\nkeys = [\"server.gpu\", \"server.tensor_parallel\"]\nvalues = [[\"l40s\", 2], [\"h200\"]]",
        &["1 values for 2 keys"],
    ),
    (
        "[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [1]\n[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues \
         = [2]",
        &["`workload.arrivals.rate` varies twice"],
    ),
    (
        "metrics = [\"ttft.p98\"]\n[[axis]]\nkey = \"server.block_size\"\nvalues = [16]",
        &["`ttft.p98`", "did you mean"],
    ),
    (
        "seeds = 0\n[[axis]]\nkey = \"server.block_size\"\nvalues = [16]",
        &["`seeds` must be a whole number from 1"],
    ),
    (
        "scenario = \"none.toml\"\n[[axis]]\nkey = \"server.block_size\"\nvalues = [16]",
        &["none.toml is not a file"],
    ),
];

#[test]
fn a_bad_study_names_its_place_and_its_remedy() {
    let place = Workplace::new();
    for (study, hints) in STUDIES {
        place.write(
            "study.toml",
            format!("# a study\n{study}\n").replacen("# a study\n", "", 1),
        );
        let ended = place.run(&["sweep", "study.toml", "--out", "r.csv"]);
        assert_eq!(ended.code, Some(2), "{study}: {}", ended.stderr);
        for hint in hints {
            assert!(
                ended.stderr.contains(hint),
                "{study}: {hint:?} is not in {}",
                ended.stderr
            );
        }
        assert_eq!(place.listing(), ["study.toml"], "{study} leaves nothing behind");
    }
}

#[test]
fn axes_that_contradict_a_trace_are_refused() {
    let place = Workplace::new();
    place.write("trace.csv", "arrival_s,input_tokens,output_tokens\n0,10,5\n1,10,5\n");
    place.write(
        "trace.toml",
        "[model]\nname = \"llama-3.1-8b\"\n[server]\ngpu = \"h100-sxm\"\n[workload]\ntrace = { path = \"trace.csv\" }\n\
         ",
    );
    place.write(
        "study.toml",
        "scenario = \"trace.toml\"\n[[axis]]\nkey = \"workload.prompt.median\"\nvalues = [100, 200]\n",
    );
    let ended = place.run(&["sweep", "study.toml", "--out", "r.csv"]);
    assert_eq!(ended.code, Some(2));
    for hint in [
        "`workload.prompt` and `workload.trace` exclude each other",
        "median=100",
    ] {
        assert!(ended.stderr.contains(hint), "{hint} in {}", ended.stderr);
    }
    place.write(
        "study.toml",
        "scenario = \"trace.toml\"\nseeds = 2\n[[axis]]\nkey = \"workload.trace.input_scale\"\nvalues = [1, 2]\n",
    );
    let ended = place.run(&["sweep", "study.toml", "--out", "r.csv"]);
    assert_eq!(ended.code, Some(2));
    assert!(ended.stderr.contains("whatever the seed"), "{}", ended.stderr);
    for verb in ["curve", "capacity"] {
        let mut arguments = vec![verb, "trace.toml", "--seeds", "2", "--slo", "e2e.mean<1s"];
        if verb == "curve" {
            arguments.extend(["--rate", "1,2"]);
        }
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(2));
        assert!(ended.stderr.contains("whatever the seed"), "{}", ended.stderr);
    }
}

/// Command lines, and what their errors must say.
const COMMAND_LINES: [(&[&str], &str); 22] = [
    (&["compare"], "nothing to compare with"),
    (&["compare", "--vary", "batching.policy"], "there is no `=`"),
    (
        &["compare", "--vary", "batching.policy=none"],
        "nothing to compare with",
    ),
    (&["compare", "--vary", "batching.policy=none,nome"], "nome"),
    (
        &["compare", "--vary", "batching.polcy=none,static"],
        "did you mean `policy`?",
    ),
    (
        &["compare", "--vary", "workload.arrivals.rate=1..1000+1"],
        "too many to compare",
    ),
    (
        &["compare", "--seeds", "1", "--vary", "batching.policy=none,static"],
        "1 is not in 2",
    ),
    (&["curve"], "--rate"),
    (&["curve", "--rate", "5..1"], "smaller end first"),
    (&["curve", "--rate", "0,1"], "above 0"),
    (&["curve", "--concurrency", "1.5,2"], "whole number"),
    (&["curve", "--concurrency", "a,b"], "not a number above 0"),
    (&["curve", "--concurrency", "1,2", "--rate", "1"], "cannot be used with"),
    (&["curve", "--rate", "1,2", "--figure", "x.jpg"], "FILE.svg"),
    (
        &["curve", "--rate", "1,2", "--html", "no/such/dir.html"],
        "cannot write",
    ),
    (
        &[
            "curve",
            "--rate",
            "1,2",
            "--set",
            "workload.arrivals={ process = \"stages\", stages = [{ rate = 1, duration = \"9s\" }] }",
            "--set",
            "workload.requests=10",
        ],
        "come in stages",
    ),
    (&["capacity", "--set", "slo={}"], "no objective"),
    (
        &[
            "capacity",
            "--set",
            "workload.output={ dist = \"fixed\", value = 1 }",
            "--slo",
            "tpot.p99<2s",
        ],
        "ask for another latency",
    ),
    (&["capacity", "--rate", "-3"], "above 0"),
    (&["report", "results.csv"], "no column `run`"),
    (&["report", "empty.csv"], "it is empty"),
    (
        &["merge", "results.csv", "--out", "m.jsonl"],
        "not in the form of the others",
    ),
];

#[test]
fn bad_command_lines_of_studies_are_refused() {
    let place = Workplace::new();
    place.write("results.csv", "plan,runs\n1,2\n");
    place.write("empty.csv", "");
    for (arguments, hint) in COMMAND_LINES {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(2), "{arguments:?}: {}{}", ended.stdout, ended.stderr);
        assert!(
            ended.stderr.contains(hint),
            "{arguments:?}: {hint:?} is not in {}",
            ended.stderr
        );
    }
    assert_eq!(place.listing(), ["empty.csv", "results.csv"]);
}
