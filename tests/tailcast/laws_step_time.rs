//! Every step-time model keeps the laws of its trait, for every model of the catalogue.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::config::catalogue;
use tailcast::hardware::{Arithmetic, KvPrecision, WeightPrecision};
use tailcast::step_time::{Affine, HostTime, LONGEST_STEP, Launching, Roofline, StepShape, StepTime};
use tailcast::units::Span;

/// A batch of up to a few hundred requests, each decoding or prefilling.
fn random_shape(random: &mut Xoshiro256PlusPlus) -> StepShape {
    let longest = [20, 300, 2_000, 40_000][random.random_range(0..4)];
    let most = [1, 8, 300][random.random_range(0..3)];
    let mut shape = StepShape::default();
    for _ in 0..random.random_range(0..=most) {
        let context = random.random_range(1..longest);
        shape.add(context - 1, 1, context);
    }
    if random.random_range(0..3) == 0 {
        let done = random.random_range(0..longest);
        let chunk = random.random_range(2..4096);
        let rest = if random.random() { 0 } else { 100 };
        shape.add(done, chunk, done + chunk + rest);
    }
    shape
}

fn check_ramp(model: &dyn StepTime, shape: &StepShape, random: &mut Xoshiro256PlusPlus) {
    let ramp = model.ramp(shape);
    assert!(ramp.len >= 1);
    // What is kept of a price list is what it says, before the second use of it and after.
    if shape.is_decoding_alone() {
        let line = model.decode_line(shape.decoding);
        let line = line.and_then(|line| line.ramp(shape.decoding, shape.context));
        assert!(line.is_none_or(|line| line == ramp), "{line:?} of {shape:?}: {ramp:?}");
    }
    let last = ramp.len - 1;
    let steps = [
        0,
        1,
        2,
        last / 2,
        last.saturating_sub(1),
        last,
        random.random_range(0..=last),
    ];
    for j in steps {
        if j <= last {
            assert_eq!(
                ramp.step(j),
                model.step(&shape.later(j)),
                "step {j} of {shape:?}: {ramp:?}"
            );
        }
    }
}

#[test]
fn a_ramp_agrees_with_its_steps_term_by_term() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    // With the same kernels for all steps, with others beside prompts, and known by its datasheet only.
    for gpu in ["h100-sxm", "rtx-4090", "l4"] {
        let gpu = catalogue::gpu(gpu).unwrap();
        for entry in catalogue::models().unwrap() {
            let weights = WeightPrecision::Fp8;
            let model = Roofline::new(&entry.model, &gpu, weights, KvPrecision::Bf16, 2);
            for _ in 0..100 {
                let shape = random_shape(&mut random);
                check_ramp(&model, &shape, &mut random);
            }
        }
    }
    let affine = Affine {
        base: Span::from_micros(8000),
        per_token: Span::from_micros(20),
        per_sequence: Span::from_micros(30),
    };
    for _ in 0..200 {
        let shape = random_shape(&mut random);
        check_ramp(&affine, &shape, &mut random);
    }
}

#[test]
fn lines_of_decode_steps_are_what_ramps_say() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    let gpu = catalogue::gpu("h100-sxm").unwrap();
    let model = catalogue::model("llama-3.1-8b").unwrap();
    let mut lines = 0;
    for (micros, ahead) in [(0, true), (5_000, true), (5_000, false), (20_000, true)] {
        let host = HostTime {
            gpu: Roofline::new(&model, &gpu, WeightPrecision::Bf16, KvPrecision::Bf16, 1),
            per_step: Span::from_micros(micros),
            per_sequence: Span::from_micros(10),
            ahead,
            launching: Launching::default(),
        };
        for _ in 0..200 {
            let shape = random_shape(&mut random);
            check_ramp(&host, &shape, &mut random);
            let line = host.decode_line(shape.decoding);
            let line = line.and_then(|line| line.ramp(shape.decoding, shape.context));
            lines += u32::from(line.is_some());
        }
    }
    assert!(lines > 300, "{lines}");
    let windows = catalogue::model("gpt-oss-20b").unwrap();
    let windows = Roofline::new(&windows, &gpu, WeightPrecision::Mxfp4, KvPrecision::Bf16, 1);
    assert_eq!(windows.decode_line(7), None);
}

#[test]
fn a_ramp_ends_where_a_window_fills() {
    let gpu = catalogue::gpu("h100-sxm").unwrap();
    let model = catalogue::model("gpt-oss-20b").unwrap();
    let model = Roofline::new(&model, &gpu, WeightPrecision::Mxfp4, KvPrecision::Bf16, 1);
    let mut shape = StepShape::default();
    shape.add(100, 1, 101);
    shape.add(99, 1, 100);
    // Two windows of 128 hold 256 tokens; 201 + 2 * 27 = 255 is the last sum inside them.
    let ramp = model.ramp(&shape);
    assert_eq!(ramp.len, 28);
    let beyond = model.ramp(&shape.later(28));
    assert!(beyond.growth < ramp.growth && beyond.len > 1_000_000);
}

#[test]
fn no_step_overflows() {
    let gpu = catalogue::gpu("l4").unwrap();
    for name in ["llama-3.1-405b", "gemma-3-27b", "kimi-k2"] {
        let model = catalogue::model(name).unwrap();
        let model = Roofline::new(&model, &gpu, WeightPrecision::Bf16, KvPrecision::Bf16, 1);
        let shape = StepShape {
            decoding: u32::MAX / 2,
            context: 1 << 62,
            prefill: 1 << 40,
            prefill_context: 1 << 62,
            prefill_attention: 1 << 63,
            sequences: u32::MAX,
            sampling: u32::MAX,
            verifying: 0,
        };
        assert_eq!(model.step(&shape), LONGEST_STEP);
        let ramp = model.ramp(&shape);
        assert_eq!(ramp.step(ramp.len - 1), LONGEST_STEP);
    }
}

#[test]
fn a_ramp_towards_the_longest_step_ends_before_it() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
    let gpu = catalogue::gpu("l4").unwrap();
    let model = catalogue::model("llama-3.1-405b").unwrap();
    let model = Roofline::new(&model, &gpu, WeightPrecision::Bf16, KvPrecision::Bf16, 1);
    for requests in [1 << 10, 1 << 20, 1 << 24] {
        let shape = StepShape {
            decoding: requests,
            context: 10_000_000_000,
            sequences: requests,
            sampling: requests,
            ..StepShape::default()
        };
        check_ramp(&model, &shape, &mut random);
    }
}

#[test]
fn llama_8b_decodes_on_an_h100_as_fast_as_it_really_does() {
    let gpu = catalogue::gpu("h100-sxm").unwrap();
    let model = catalogue::model("llama-3.1-8b").unwrap();
    let model = Roofline::new(&model, &gpu, WeightPrecision::Bf16, KvPrecision::Bf16, 1);
    let mut shape = StepShape::default();
    shape.add(499, 1, 500);
    let alone = model.step(&shape).seconds();
    assert!((0.006..0.008).contains(&alone), "{alone}");
    for _ in 1..32 {
        shape.add(699, 1, 700);
    }
    let batch = model.step(&shape).seconds();
    assert!(batch > alone && batch < 1.3 * alone, "{batch}");
    let mut prompt = StepShape::default();
    prompt.add(0, 2048, 2048);
    let prefill = model.step(&prompt).seconds();
    assert!((0.03..0.06).contains(&prefill), "{prefill}");
}

#[test]
fn more_work_never_takes_less_time() {
    let gpu = catalogue::gpu("a100-80-sxm").unwrap();
    for name in ["llama-3.1-8b", "qwen3-30b-a3b", "deepseek-v2-lite", "gemma-2-9b"] {
        let model = catalogue::model(name).unwrap();
        let model = Roofline::new(&model, &gpu, WeightPrecision::Bf16, KvPrecision::Bf16, 1);
        let mut shape = StepShape::default();
        let mut before = Span::ZERO;
        for _ in 0..600 {
            shape.add(999, 1, 1000);
            let now = model.step(&shape);
            assert!(now > before, "{name}: {shape:?}");
            before = now;
        }
    }
}

#[test]
fn no_step_is_shorter_than_reading_its_weights() {
    for entry in catalogue::gpus().unwrap() {
        for name in ["llama-3.1-8b", "qwen3-30b-a3b", "gpt-oss-20b", "llama-3.1-70b"] {
            let model = catalogue::model(name).unwrap();
            for weights in [WeightPrecision::Bf16, WeightPrecision::Int4] {
                let steps = Roofline::new(&model, &entry.gpu, weights, KvPrecision::Bf16, 1);
                let work = Arithmetic::new(&model, weights, KvPrecision::Bf16, 1);
                for requests in [1, 2, 30, 200, 1000] {
                    let mut shape = StepShape::default();
                    (0..requests).for_each(|_| shape.add(99, 1, 100));
                    // Fewer distinct experts than if all were equally popular.
                    let tokens = 0.5 * f64::from(requests);
                    let bytes = work.weight_bytes_always + work.expert_bytes_per_step(tokens);
                    let least = bytes / entry.gpu.bandwidth_bytes_per_s();
                    let step = steps.step(&shape).seconds();
                    assert!(step > least, "{name} on {}: {step} {least}", entry.file);
                }
            }
        }
    }
}

#[test]
fn more_context_or_more_prompt_never_takes_less_time() {
    for gpu in ["h100-sxm", "rtx-pro-6000", "a10g"] {
        let gpu = catalogue::gpu(gpu).unwrap();
        let model = catalogue::model("llama-3.1-8b").unwrap();
        let model = Roofline::new(&model, &gpu, WeightPrecision::Bf16, KvPrecision::Bf16, 1);
        let mut decoding = StepShape::default();
        (0..20).for_each(|_| decoding.add(799, 1, 800));
        let mut before = model.step(&decoding);
        for prompt in 2..3000 {
            let mut shape = decoding;
            shape.add(0, prompt, 3000);
            let now = model.step(&shape);
            assert!(now >= before, "{prompt} on {}", gpu.name());
            assert!(model.step(&shape.later(1)) > now);
            before = now;
        }
    }
}
