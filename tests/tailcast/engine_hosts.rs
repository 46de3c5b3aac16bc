//! Engines, releases and GPUs are told apart where measurements tell them apart, and are alike elsewhere.

use tailcast::fleet::FrontEnd;
use tailcast::units::Span;

use crate::config::{LEAST, load};
use crate::known_step_times::decoding;

#[test]
fn tokens_of_other_engines_come_later_only_where_that_was_measured() {
    let deepseek = ["model.name=deepseek-r1", "server.gpu=b200", "server.tensor_parallel=8"];
    let later = |policy: &str, settings: &[&str]| {
        let policy = format!("batching.policy={policy}");
        let settings: Vec<&str> = settings.iter().copied().chain([policy.as_str()]).collect();
        let latency = load(LEAST, &settings).deployment.front_end.latency;
        Span::from_picos(latency.picos() - FrontEnd::SERVED.latency.picos())
    };
    for engine in ["sglang", "trtllm"] {
        assert_eq!(later(engine, &[]), Span::ZERO);
        assert_eq!(later(engine, &["server.gpu=b200"]), Span::from_micros(15_000));
        assert_eq!(later(engine, &deepseek), Span::from_micros(75_000));
    }
    assert_eq!(later("continuous", &deepseek), Span::ZERO);
}

#[test]
fn sglang_computes_shared_experts_with_the_routed_ones() {
    let step = |policy: &str| {
        let policy = format!("batching.policy={policy}");
        let deepseek = ["model.name=deepseek-r1", "server.gpu=b200", "server.tensor_parallel=8"];
        let settings: Vec<&str> = deepseek.into_iter().chain([policy.as_str()]).collect();
        load(LEAST, &settings).step_time().step(&decoding(4, 4000))
    };
    assert!(step("sglang") < step("continuous"));
}

#[test]
fn latent_attention_takes_on_blackwells_what_it_takes_in_their_servers() {
    let step = |gpu: &str| {
        let gpu = format!("server.gpu={gpu}");
        let settings = [
            "model.name=kimi-k2",
            "model.weights=nvfp4",
            "server.tensor_parallel=8",
            &gpu,
        ];
        load(LEAST, &settings).step_time().step(&decoding(4, 4000)).seconds()
    };
    assert!((step("b300") / step("b200") - 1.0).abs() < 0.05);
}
