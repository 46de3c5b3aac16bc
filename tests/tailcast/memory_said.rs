//! What is said of memory: warnings, whose arithmetic stands behind the KV cache, and what would fit.

use crate::command::Workplace;
use crate::config::{LEAST, load};

#[test]
fn blocks_given_by_hand_do_not_hide_that_the_weights_do_not_fit() {
    let too_large = ["model.name=\"llama-3.1-405b\"", "server.kv_blocks=20000"];
    let warnings = load(LEAST, &too_large).warnings;
    assert!(
        warnings.iter().any(|it| it.contains("the weights alone take 756")),
        "{warnings:?}"
    );
    let place = Workplace::new();
    place.write("scenario.toml", LEAST);
    let set = ["--set", too_large[0], "--set", too_large[1]];
    for verb in [
        &["run"][..],
        &["curve", "--rate", "1,2", "--seeds", "2"],
        &["capacity", "--slo", "e2e.mean<=100s", "--seeds", "2"],
        &["compare", "--vary", "server.block_size=16,32", "--seeds", "2"],
        &["plan"],
    ] {
        let arguments = [&verb[..1], &["scenario.toml"], &verb[1..], &set].concat();
        let ended = place.run(&arguments);
        assert!(
            ended.stderr.contains("no such server can start"),
            "{verb:?}: {}",
            ended.stderr
        );
    }
    // A larger cache than there is may be asked for.
    let cache = load(LEAST, &["server.kv_blocks=10000000"]).warnings;
    assert!(cache.iter().all(|it| !it.contains("no such server")), "{cache:?}");
}

#[test]
fn little_memory_outside_of_what_a_server_may_use_is_said() {
    let warnings = |more: &[&str]| load(LEAST, more).warnings.join("\n");
    let raised = warnings(&["server.gpu_memory_utilization=0.98"]);
    assert!(raised.contains("leaves 1.6 GiB of each NVIDIA H100"), "{raised}");
    for enough in [
        &["server.gpu_memory_utilization=0.95"][..],
        &["server.gpu=l4", "server.max_model_len=4096", "batching.max_num_seqs=16"],
        &["server.gpu_memory_utilization=0.98", "batching.policy=static"],
    ] {
        assert!(!warnings(enough).contains("outside"), "{enough:?}");
    }
}
