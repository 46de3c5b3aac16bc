//! Times of single kernels from their work and from what kernels reach on a GPU: the formulas that operators'
//! measurements are fitted with, and that a step is priced with.

use crate::hardware::{AllReduceKernels, ExpertKernels, Gpu, LinearKernels, MixedAttention};

/// Rows that a tensor core product computes together.
const TILE_ROWS: f64 = 64.0;
/// Rows of the smallest tile of the experts' products (vLLM, `fused_moe`, `BLOCK_SIZE_M`).
const EXPERT_TILE_ROWS: f64 = 16.0;

/// What the device does per microsecond, before any fraction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rates {
    /// Memory bandwidth [bytes/us].
    pub bytes: f64,
    /// Peak arithmetic of the format that is multiplied [operations/us].
    pub flops: f64,
}

impl Rates {
    /// Those of a GPU that multiplies at `flops_per_s`.
    pub fn new(gpu: &Gpu, flops_per_s: f64) -> Self {
        Self {
            bytes: gpu.bandwidth_bytes_per_s() / 1e6,
            flops: flops_per_s / 1e6,
        }
    }
}

/// A matrix of weights.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Matrix {
    /// Width of what it is applied to.
    pub inputs: f64,
    /// Width of the result.
    pub outputs: f64,
    /// Its size [bytes].
    pub bytes: f64,
}

/// `rows` tokens times a matrix [us]: weights and activations move while tiles of 64 rows are multiplied. Where a
/// matrix has too few outputs to keep every multiprocessor busy, it moves more slowly.
pub fn product(kernels: &LinearKernels, rates: Rates, matrix: &Matrix, rows: f64) -> f64 {
    let moved = matrix.bytes + 2.0 * rows * (matrix.inputs + matrix.outputs);
    let narrow = 1.0_f64.hypot(kernels.full_outputs / matrix.outputs);
    let tiles = (rows / TILE_ROWS).ceil() * TILE_ROWS;
    let flops = 2.0 * tiles * matrix.inputs * matrix.outputs;
    let work = overlap(
        moved * narrow / (rates.bytes * kernels.bandwidth),
        flops / (rates.flops * kernels.flops * kernels.sustained),
        kernels.overlap,
    );
    let quantised = kernels.quantising * 2.0 * rows * matrix.inputs / rates.bytes;
    kernels.micros + kernels.by_rows.at(rows) * work + quantised
}

/// Routed experts on one GPU.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExpertsLayer {
    /// How many there are.
    pub count: f64,
    /// How many a token passes through.
    pub per_token: f64,
    /// How many every token passes through besides, in the same kernels: shared ones that an engine adds to the routed.
    pub shared: f64,
    /// Width between an expert's projections.
    pub width: f64,
    /// Matrices of one: 3 with a gate, else 2.
    pub matrices: f64,
    /// Width of the residual stream.
    pub hidden: f64,
    /// Weights of one expert [bytes].
    pub bytes: f64,
}

/// How evenly tokens choose experts: popularities have a gamma distribution of this shape, so that few tokens choose
/// nearly as many distinct experts as if all were alike, and many tokens leave the least popular ones out. Fitted to
/// the uneven rows of the experts' tables, most of which ask for 1.5 and single ones for 1 to 3
/// (aiconfigurator @ 095f58a: `power_law_1.01` and `power_law_1.2`); what real routers do is not known.
const POPULARITY_SHAPE: f64 = 1.5;

impl ExpertsLayer {
    /// Expected number of distinct experts that `tokens` choose: those of the first one, and of the others `E - k` each
    /// that is not missed by all. Were all alike it would be missed with `(1 - k/E)^(tokens - 1) = exp(-x)`; the mean
    /// of `exp(-x p)` over popularities `p` of mean 1 and shape `s` is `(1 + x/s)^-s`.
    pub fn distinct(&self, tokens: f64) -> f64 {
        let others = (tokens - 1.0).max(0.0);
        let shared = self.shared * tokens.min(1.0);
        let first = self.per_token.min(self.count);
        if first >= self.count {
            return self.count * tokens.min(1.0) + shared;
        }
        let tried = -(-first / self.count).ln_1p() * others;
        let missed = (1.0 + tried / POPULARITY_SHAPE).powf(-POPULARITY_SHAPE);
        first * tokens.min(1.0) + (self.count - first) * (1.0 - missed) + shared
    }
}

/// One layer of experts on `rows` tokens that choose so many `distinct` ones [us]: the chosen ones' weights are read
/// once each while each multiplies its own rows, at least the smallest tile of them.
pub fn experts(kernels: &ExpertKernels, rates: Rates, experts: &ExpertsLayer, rows: f64, distinct: f64) -> f64 {
    if distinct <= 0.0 || rows <= 0.0 {
        return kernels.micros;
    }
    let start = kernels.micros - (kernels.micros - kernels.alone_micros) / rows.max(1.0);
    let routed = rows * (experts.per_token + experts.shared);
    let each = (routed / distinct).max(1.0);
    let flops = 2.0 * distinct * each.max(EXPERT_TILE_ROWS) * experts.matrices * experts.width * experts.hidden;
    let work = overlap(
        distinct * experts.bytes / (rates.bytes * kernels.bandwidth),
        flops / (rates.flops * kernels.flops),
        kernels.overlap,
    );
    let between = 2.0 * routed * (experts.matrices * experts.width + experts.hidden);
    start + kernels.by_rows.at(each) * work + kernels.moves * between / rates.bytes
}

/// Heads of requests that a GPU's multiprocessors take at once, one each; 0 if it is not known how many it has.
pub fn heads_at_once(gpu: &Gpu) -> u64 {
    gpu.chip().map_or(0, |chip| chip.multiprocessors.into())
}

/// Of so many heads of requests those that wait for others, as far as it shows: the turns of more than a few on each
/// multiprocessor hide behind what they read. How many do is between tables, in which some ten still show (H100, at
/// most 8 heads of keys and values), and servers of Llama-2-7B, whose 32 heads show next to none.
pub fn heads_that_wait(heads: u64, at_once: u64) -> u64 {
    const TURNS: u64 = 3;
    let waiting = heads.saturating_sub(at_once);
    if at_once == 0 {
        return waiting;
    }
    waiting.min(TURNS * at_once)
}

/// A token of a decoding request's context in one layer beside prompts [us], where reading it once takes `stream`: each
/// of `query_heads` heads of `requests` requests has its own thread block, and the `sharers` heads that share keys and
/// values read them one by one. The cache catches the repeated reads while requests are few; with more of them the
/// heads drift apart.
pub fn mixed_token(kernels: &MixedAttention, stream: f64, sharers: f64, query_heads: f64, requests: f64) -> f64 {
    let crowd = (requests / MixedAttention::CROWD).min(1.0);
    let read = stream * (1.0 + (sharers - 1.0) * kernels.repeated_reads * crowd);
    read.max(kernels.nanos_per_token / 1e3 * query_heads / kernels.thread_blocks)
}

/// An all-reduce of `bytes` between `gpus` GPUs over a link of `link_bytes` per microsecond and direction [us].
///
/// As vLLM's `csrc/custom_all_reduce.cuh` does it: in one stage, where each GPU reads the `g - 1` others' bytes, or in
/// two, where it reduces and gathers a part, `2 (g - 1) / g` of them, and synchronises once more. Two GPUs always take
/// one stage, four for less than 512 KiB, and eight for less than 256 KiB.
pub fn all_reduce(kernels: &AllReduceKernels, link_bytes: f64, gpus: f64, bytes: f64) -> f64 {
    if gpus <= 1.0 {
        return 0.0;
    }
    let (fraction, most_in_one_stage) = if gpus <= 2.0 {
        (kernels.bandwidth, f64::INFINITY)
    } else if gpus <= 4.0 {
        (kernels.bandwidth_of_many, 512.0 * KIB)
    } else {
        (kernels.bandwidth_of_many, 256.0 * KIB)
    };
    let reached = link_bytes * fraction;
    let doublings = gpus.log2() - 1.0;
    let stages = if bytes < most_in_one_stage {
        bytes * (gpus - 1.0) / reached
    } else {
        kernels.micros + bytes * 2.0 * (gpus - 1.0) / gpus / reached
    };
    kernels.micros + kernels.micros_per_doubling * doublings + stages
}

const KIB: f64 = 1024.0;

/// Two times that overlap in part: between their maximum and their sum.
pub fn overlap(a: f64, b: f64, exponent: f64) -> f64 {
    // Scaled by the larger one, so that no power overflows.
    let (less, more) = if a < b { (a, b) } else { (b, a) };
    if more <= 0.0 {
        return 0.0;
    }
    more * ((less / more).powf(exponent) + 1.0).powf(1.0 / exponent)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hardware::ByRows;

    const RATES: Rates = Rates { bytes: 1e6, flops: 1e8 };

    fn close(value: f64, expected: f64) {
        assert!((value / expected - 1.0).abs() < 1e-9, "{value} {expected}");
    }

    #[test]
    fn a_product_streams_weights_while_it_multiplies_whole_tiles() {
        let kernels = LinearKernels {
            bandwidth: 0.5,
            flops: 0.8,
            micros: 4.0,
            overlap: 2.0,
            sustained: 0.5,
            full_outputs: 0.0,
            quantising: 0.0,
            by_rows: ByRows::NONE,
        };
        let matrix = Matrix {
            inputs: 1000.0,
            outputs: 2000.0,
            bytes: 4e6,
        };
        // 4,000,000 bytes of weights and 2 * 65 * 3000 of activations; two tiles of 64 rows.
        let memory = 4_390_000.0 / 5e5;
        let arithmetic = 2.0 * 128.0 * 2e6 / 4e7;
        let expected = 4.0 + f64::hypot(memory, arithmetic);
        close(product(&kernels, RATES, &matrix, 65.0), expected);
        // Half of the outputs that would fill the device, inputs quantised, and a kernel that takes twice its formula.
        let slow = LinearKernels {
            full_outputs: 2000.0,
            quantising: 3.0,
            by_rows: ByRows::new([2.0; ByRows::POINTS]),
            ..kernels
        };
        let narrow = memory * 2.0_f64.sqrt();
        let expected = 4.0 + 2.0 * f64::hypot(narrow, arithmetic) + 3.0 * 2.0 * 65.0 * 1000.0 / 1e6;
        close(product(&slow, RATES, &matrix, 65.0), expected);
    }

    #[test]
    fn overlap_lies_between_maximum_and_sum() {
        close(overlap(3.0, 4.0, 1.0), 7.0);
        close(overlap(3.0, 4.0, 2.0), 5.0);
        close(overlap(3.0, 4.0, 1e4), 4.0);
        close(overlap(0.0, 4.0, 2.5), 4.0);
        assert!(overlap(0.0, 0.0, 2.5) < 1e-300);
    }

    #[test]
    fn chosen_experts_are_read_once_each() {
        let kernels = ExpertKernels {
            micros: 30.0,
            alone_micros: 20.0,
            bandwidth: 1.0,
            flops: 0.5,
            overlap: 1.0,
            moves: 2.0,
            by_rows: ByRows::NONE,
        };
        let mixture = ExpertsLayer {
            count: 8.0,
            per_token: 2.0,
            shared: 0.0,
            width: 100.0,
            matrices: 3.0,
            hidden: 200.0,
            bytes: 120_000.0,
        };
        // Two tokens pass through 4 experts, of which 3.5 are distinct; each of the 3.5 computes a tile of 16 rows.
        let moved = 3.5 * 120_000.0;
        let flops = 2.0 * 3.5 * 16.0 * 300.0 * 200.0;
        let between = 2.0 * 2.0 * 4.0 * (300.0 + 200.0);
        let expected = 25.0 + moved / 1e6 + flops / 5e7 + between / 1e6;
        close(experts(&kernels, RATES, &mixture, 2.0, 3.5), expected);
        close(experts(&kernels, RATES, &mixture, 0.0, 0.0), 30.0);
    }

    #[test]
    fn few_tokens_choose_nearly_as_many_experts_as_if_all_were_popular_and_many_do_not() {
        let mixture = ExpertsLayer {
            count: 128.0,
            per_token: 4.0,
            shared: 0.0,
            width: 100.0,
            matrices: 3.0,
            hidden: 200.0,
            bytes: 120_000.0,
        };
        let even = |tokens: f64| 128.0 * (1.0 - (31.0_f64 / 32.0).powf(tokens));
        close(mixture.distinct(1.0), 4.0);
        assert!(mixture.distinct(0.0) < 1e-300);
        for tokens in [2.0, 8.0, 64.0, 512.0] {
            let part = mixture.distinct(tokens) / even(tokens);
            assert!(part < 1.0 && part > 0.8, "{tokens}: {part}");
        }
        let mut before = 0.0;
        for tokens in 0..4096 {
            let now = mixture.distinct(f64::from(tokens));
            assert!(now > before || tokens == 0, "{tokens}");
            before = now;
        }
        assert!(before < 128.0);
        let all = ExpertsLayer {
            per_token: 128.0,
            shared: 0.0,
            ..mixture
        };
        close(all.distinct(1.0), 128.0);
    }

    #[test]
    fn an_all_reduce_takes_one_stage_for_few_bytes_and_two_for_many() {
        let kernels = AllReduceKernels {
            micros: 4.0,
            micros_per_doubling: 1.0,
            bandwidth: 0.25,
            bandwidth_of_many: 0.5,
        };
        let of = |gpus, bytes| all_reduce(&kernels, 1000.0, gpus, bytes);
        assert!(of(1.0, 1e6) < 1e-300);
        close(of(2.0, 1000.0), 4.0 + 1000.0 / 250.0);
        close(of(2.0, 1e6), 4.0 + 1e6 / 250.0);
        close(of(4.0, 524_287.0), 5.0 + 3.0 * 524_287.0 / 500.0);
        close(of(4.0, 524_288.0), 5.0 + 4.0 + 1.5 * 524_288.0 / 500.0);
        close(of(8.0, 262_143.0), 6.0 + 7.0 * 262_143.0 / 500.0);
        close(of(8.0, 262_144.0), 6.0 + 4.0 + 1.75 * 262_144.0 / 500.0);
    }

    #[test]
    fn decoding_beside_a_prompt_reads_again_what_the_cache_has_lost() {
        let kernels = MixedAttention {
            nanos_per_token: 20.0,
            thread_blocks: 100.0,
            repeated_reads: 0.5,
        };
        // 32 heads on 100 thread_blocks of 20 ns a token: 6.4 ns, until reading takes longer.
        close(mixed_token(&kernels, 0.004, 4.0, 32.0, 8.0), 0.0064);
        close(mixed_token(&kernels, 0.004, 4.0, 32.0, 64.0), 0.004 * 1.75);
        close(mixed_token(&kernels, 0.004, 4.0, 32.0, 500.0), 0.004 * 2.5);
    }
}
