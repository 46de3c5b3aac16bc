//! Fits what steps pay besides their kernels to served runs.
mod experiments;
use experiments::Experiment;
use rayon::prelude::*;
use std::path::Path;
use tailcast::config::Scenario;
use tailcast::metrics::{Replications, Summary};
use tailcast::step_time::Sampling;
use tailcast::study;

fn predicted(s: &Summary, name: &str) -> Option<f64> {
    let l = |m: &tailcast::metrics::LatencySummary, st: &str| match st {
        "mean" => m.mean,
        "p50" => m.p50,
        "p90" => m.p90,
        "p95" => m.p95,
        "p99" => m.p99,
        _ => None,
    };
    let (m, st) = name.rsplit_once('.')?;
    match m {
        "ttft" => l(&s.latency.ttft, st),
        "e2e" => l(&s.latency.e2e, st),
        "tpot" => l(&s.latency.tpot, st),
        "requests" => Some(s.requests.finished as f64),
        "queue.depth" => {
            if st == "mean" {
                s.queue.depth.mean
            } else {
                s.queue.depth.max.map(|x| x as f64)
            }
        }
        "queue.running" => s.queue.running.mean,
        _ => None,
    }
}
fn run(s: &Scenario, seeds: u64) -> Summary {
    let mut r = Replications::default();
    for seed in 0..seeds {
        r.add(study::simulate(s, seed).unwrap());
    }
    r.summary().unwrap()
}
const COLS: [&str; 7] = [
    "e2e.mean",
    "e2e.p90",
    "e2e.p99",
    "ttft.mean",
    "ttft.p90",
    "ttft.p99",
    "tpot.mean",
];
const W: [f64; 7] = [1.0, 0.3, 0.2, 0.5, 0.2, 0.15, 0.0];
// name, start, prior sd (0 = fixed),
#[derive(Clone, Debug)]
struct P {
    name: &'static str,
    x0: f64,
    sd: f64,
}
fn params() -> Vec<P> {
    vec![
        P {
            name: "step",
            x0: 330.0,
            sd: 150.0,
        },
        P {
            name: "layer",
            x0: 2.9,
            sd: 2.0,
        },
        P {
            name: "mixed",
            x0: 17.0,
            sd: 10.0,
        },
        P {
            name: "eager",
            x0: 17.0,
            sd: 10.0,
        },
        P {
            name: "samp",
            x0: 0.022,
            sd: 0.0,
        },
        P {
            name: "sort",
            x0: 0.0,
            sd: 0.0,
        },
        P {
            name: "sortn",
            x0: 0.0,
            sd: 0.0,
        },
        P {
            name: "pen",
            x0: 0.0,
            sd: 0.0,
        },
        P {
            name: "qbw",
            x0: 1.0,
            sd: 0.0,
        },
        P {
            name: "elaunch",
            x0: 0.0,
            sd: 0.0,
        },
        P {
            name: "scale",
            x0: 1.0,
            sd: 0.0,
        },
        P {
            name: "cpu",
            x0: 2000.0,
            sd: 0.0,
        },
        P {
            name: "cpuseq",
            x0: 10.0,
            sd: 0.0,
        },
        P {
            name: "alpha",
            x0: 5500.0,
            sd: 2000.0,
        },
        P {
            name: "alphan",
            x0: 68.0,
            sd: 40.0,
        },
        P {
            name: "prompt",
            x0: 0.0,
            sd: 0.0,
        },
        P {
            name: "compute",
            x0: 1.0,
            sd: 0.0,
        },
        P {
            name: "ekv",
            x0: 0.0,
            sd: 0.0,
        },
        P {
            name: "mkv",
            x0: 0.0,
            sd: 0.0,
        },
    ]
}
fn apply(s: &mut Scenario, set: &str, names: &[P], x: &[f64]) {
    let us = |x: f64| tailcast::units::Span::from_seconds(x.max(0.0) / 1e6).unwrap();
    let o = &mut s.execution.overheads;
    for (p, v) in names.iter().zip(x) {
        let v = *v;
        match p.name {
            "step" => o.step_micros = v.max(0.0),
            "layer" => o.layer_micros = v.max(0.0),
            "mixed" => o.mixed_layer_micros = v.max(0.0),
            "eager" => o.eager_layer_micros = v.max(0.0),
            "samp" => o.sampler_micros_per_logit = v.max(0.0) / 1e3,
            "sort" => o.sort_micros_per_entry = v.max(0.0) / 1e3,
            "sortn" => {}
            "pen" => {}
            "qbw" => {}
            "elaunch" => o.eager_experts_micros = v.max(0.0),
            "scale" => o.kernel_scale = v,
            "cpu" => s.cpu_time.per_step = us(v),
            "cpuseq" => s.cpu_time.per_sequence = us(v),
            "alpha" => {
                if set != "llmss4" {
                    s.front_end.latency = us(v)
                }
            }
            "alphan" => {
                if set != "llmss4" {
                    s.front_end.per_stream = us(v)
                }
            }
            "prompt" => {
                if set != "llmss4" {
                    s.front_end.per_prompt_token = us(v)
                }
            }
            "compute" | "ekv" | "mkv" => {}
            _ => panic!(),
        }
    }
}
struct Case<'a> {
    e: &'a Experiment,
    s: Scenario,
}
fn residuals(cases: &mut [&mut Case], names: &[P], x: &[f64], seeds: u64) -> Vec<f64> {
    let mut out: Vec<f64> = cases
        .par_iter_mut()
        .map(|c| {
            apply(&mut c.s, &c.e.set, names, x);
            let r = run(&c.s, if c.e.set == "blis_tv13" { seeds } else { 1 });
            let w0 = if c.e.set == "blis16" {
                std::env::var("W0")
                    .map(|x| x.parse().unwrap())
                    .unwrap_or(1.5)
            } else {
                1.0
            };
            COLS.iter()
                .zip(W)
                .map(|(n, w)| {
                    (
                        n,
                        if n.starts_with("ttft") && c.e.model == "qwen2.5-7b" {
                            0.0
                        } else {
                            w
                        },
                    )
                })
                .map(|(n, w)| match (c.e.measured.get(*n), predicted(&r, n)) {
                    (Some(m), Some(p)) if w > 0.0 => {
                        let e: f64 = (p / m).ln()
                            / std::env::var("OUT")
                                .map(|x| x.parse().unwrap())
                                .unwrap_or(0.05);
                        let rho = 2.0 * ((1.0 + e * e).sqrt() - 1.0);
                        w.sqrt() * w0 * e.signum() * rho.sqrt()
                    }
                    _ => 0.0,
                })
                .collect::<Vec<_>>()
        })
        .flatten()
        .collect();
    for (p, v) in names.iter().zip(x) {
        if p.sd > 0.0 {
            out.push((v - p.x0) / p.sd * 0.3);
        }
    }
    out
}
fn fit(cases: &mut [&mut Case], names: &[P], iters: usize) -> Vec<f64> {
    let mut x: Vec<f64> = names.iter().map(|p| p.x0).collect();
    let free: Vec<usize> = (0..names.len()).filter(|i| names[*i].sd > 0.0).collect();
    let mut r = residuals(cases, names, &x, 1);
    let mut cost: f64 = r.iter().map(|a| a * a).sum();
    let mut lam = 1e-2;
    for _ in 0..iters {
        let mut j = vec![vec![0.0; free.len()]; r.len()];
        for (k, &i) in free.iter().enumerate() {
            let h = names[i].sd * 0.3;
            let mut y = x.clone();
            y[i] += h;
            let q = residuals(cases, names, &y, 1);
            for a in 0..r.len() {
                j[a][k] = (q[a] - r[a]) / h;
            }
        }
        let n = free.len();
        let mut done = false;
        for _ in 0..6 {
            let mut a = vec![vec![0.0; n + 1]; n];
            for u in 0..n {
                for v in 0..n {
                    a[u][v] = (0..r.len()).map(|i| j[i][u] * j[i][v]).sum();
                }
                let d = a[u][u];
                a[u][u] += lam * d + 1e-12;
                a[u][n] = -(0..r.len()).map(|i| j[i][u] * r[i]).sum::<f64>();
            }
            for c in 0..n {
                let p = (c..n)
                    .max_by(|&p, &q| a[p][c].abs().total_cmp(&a[q][c].abs()))
                    .unwrap();
                a.swap(c, p);
                for row in 0..n {
                    if row != c {
                        let f = a[row][c] / a[c][c];
                        for q in c..=n {
                            a[row][q] -= f * a[c][q];
                        }
                    }
                }
            }
            let mut y = x.clone();
            for (k, &i) in free.iter().enumerate() {
                y[i] += a[k][n] / a[k][k];
            }
            let q = residuals(cases, names, &y, 1);
            let c2: f64 = q.iter().map(|a| a * a).sum();
            if c2 < cost {
                let small = (cost - c2) / cost < 1e-3;
                x = y;
                r = q;
                cost = c2;
                lam *= 0.3;
                done = small;
                break;
            }
            lam *= 5.0;
            if lam > 1e3 {
                done = true;
                break;
            }
        }
        if done {
            break;
        }
    }
    x
}
fn sampling(model: &str) -> Sampling {
    if std::env::var("NOSORT").is_ok() {
        return Sampling::Plain;
    }
    match model {
        "llama-2-7b" | "llama-3.1-70b" | "llama-4-scout" | "qwen2.5-7b" => Sampling::TopP,
        _ => Sampling::Plain,
    }
}
fn main() {
    let folder = std::env::args().nth(1).unwrap();
    let mut names = params();
    for a in std::env::args().skip(2) {
        if let Some((n, v)) = a.split_once('=') {
            let p = names
                .iter_mut()
                .find(|p| p.name == n)
                .unwrap_or_else(|| panic!("{n}"));
            let (x, sd) = v.split_once('~').unwrap_or((v, "0"));
            p.x0 = x.parse().unwrap();
            p.sd = sd.parse().unwrap();
        }
    }
    let mode = std::env::args().nth(2).unwrap_or("eval".into());
    let dir = tempfile::tempdir().unwrap();
    let all: Vec<Experiment> = experiments::read(Path::new(&folder), dir.path());
    let mut cases: Vec<Case> = all
        .iter()
        .map(|e| {
            let mut s = experiments::scenario(e, dir.path());
            s.execution.sampling = sampling(e.model);
            Case { e, s }
        })
        .collect();
    if mode == "dump" {
        let d = Path::new("/tmp/exp");
        std::fs::create_dir_all(d).unwrap();
        for e in experiments::read(Path::new(&folder), d) {
            experiments::scenario(&e, d);
        }
        return;
    }
    let t = std::time::Instant::now();
    let in_fit = |e: &Experiment| e.set != "llmss4" && !e.name.contains("170634");
    let mut models: Vec<&str> = all.iter().map(|e| e.model).collect();
    models.sort();
    models.dedup();
    let mut xs: std::collections::BTreeMap<&str, Vec<f64>> = Default::default();
    if mode == "lomo" {
        for m in &models {
            if all.iter().any(|e| e.model == *m && e.set == "blis_tv13") {
                let mut sub: Vec<&mut Case> = cases
                    .iter_mut()
                    .filter(|c| in_fit(c.e) && c.e.model != *m)
                    .collect();
                let x = fit(&mut sub, &names, 6);
                println!(
                    "{m:<16} {}",
                    names
                        .iter()
                        .zip(&x)
                        .filter(|(p, _)| p.sd > 0.0)
                        .map(|(p, v)| format!("{}={v:.3}", p.name))
                        .collect::<Vec<_>>()
                        .join(" ")
                );
                xs.insert(m, x);
            }
        }
    }
    let full = if mode == "eval" {
        names.iter().map(|p| p.x0).collect()
    } else {
        let mut sub: Vec<&mut Case> = cases.iter_mut().filter(|c| in_fit(c.e)).collect();
        fit(&mut sub, &names, 8)
    };
    println!(
        "{:<16} {}",
        "all",
        names
            .iter()
            .zip(&full)
            .filter(|(p, _)| p.sd > 0.0)
            .map(|(p, v)| format!("{}={v:.3}", p.name))
            .collect::<Vec<_>>()
            .join(" ")
    );
    let mut apes: Vec<Vec<f64>> = vec![vec![]; COLS.len()];
    for c in &mut cases {
        let e = c.e;
        let x = if e.set != "llmss4" {
            xs.get(e.model).unwrap_or(&full)
        } else {
            &full
        };
        apply(&mut c.s, &e.set, &names, x);
        let sum = run(&c.s, if e.set == "blis_tv13" { 4 } else { 1 });
        let mut line = format!(
            "{:<32}",
            format!("{} {}", e.set, &e.name[..e.name.len().min(21)])
        );
        for (c, name) in COLS.iter().enumerate() {
            let err = e
                .measured
                .get(*name)
                .and_then(|m| predicted(&sum, name).map(|p| 100.0 * (p / m - 1.0)));
            line += &match err {
                Some(x) => format!("{x:>7.1}"),
                None => "      -".into(),
            };
            if let (Some(x), "blis_tv13") = (err, e.set.as_str()) {
                apes[c].push(x.abs());
            }
        }
        for extra in [
            "requests.finished",
            "queue.depth.mean",
            "queue.depth.max",
            "queue.running.mean",
        ] {
            if let (Some(m), Some(p)) = (e.measured.get(extra), predicted(&sum, extra)) {
                if e.set != "blis16" || e.name.contains("170634") {
                    line += &format!(" {} {p:.1}/{m:.1}", &extra[extra.len() - 8..]);
                }
            }
        }
        if e.set != "llmss4" {
            if let (Some(m), Some(p)) = (e.measured.get("tpot.mean"), predicted(&sum, "tpot.mean"))
            {
                line += &format!(" gap {:+.2} of {:.2}", (m - p) * 1e3, m * 1e3);
            }
            line += &format!(" n {:.0}", sum.queue.running.mean.unwrap());
        }
        println!("{line}");
    }
    let mut line = format!("{:<32}", "APE tv13");
    for a in &mut apes {
        a.sort_by(f64::total_cmp);
        line += &format!(
            "  {:.1}/{:.1}",
            a.iter().sum::<f64>() / a.len() as f64,
            a[a.len() / 2]
        );
    }
    println!("{line}   {:?}", t.elapsed());
}
