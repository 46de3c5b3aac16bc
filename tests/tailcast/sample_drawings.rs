//! A drawing of each kind, as studies make them.

use tailcast::report::chart::{Chart, ChartAxis, Drawing, Good, HeatMap, Mark, Panel, Point, Series, Shape, Unit};
use tailcast::stats::Interval;

pub fn all() -> Vec<(&'static str, Drawing)> {
    vec![
        ("curves", curves()),
        ("steps", steps()),
        ("distributions", distributions()),
        ("bars", bars()),
        ("pareto", pareto()),
        ("heat", heat()),
        ("many", many()),
        ("nothing", nothing()),
    ]
}

pub fn drawing(question: &str, note: &str, panels: Vec<Panel>) -> Drawing {
    Drawing {
        question: question.to_owned(),
        note: note.to_owned(),
        panels,
    }
}

pub fn series(name: &str, shape: Shape, points: impl IntoIterator<Item = (f64, f64)>) -> Series {
    Series {
        name: name.to_owned(),
        shape,
        points: points.into_iter().map(|(x, y)| Point::at(x, y)).collect(),
    }
}

fn mark(is_vertical: bool, at: f64, name: &str) -> Mark {
    Mark {
        is_vertical,
        at,
        name: name.to_owned(),
    }
}

fn with_intervals(mut series: Series, share: f64) -> Series {
    for point in &mut series.points {
        point.interval = Some(Interval {
            low: point.y * (1.0 - share),
            high: point.y * (1.0 + share),
        });
    }
    series
}

fn curves() -> Drawing {
    let concurrencies = (0..9).map(|power| f64::from(1 << power));
    let latency = |base: f64, slope: f64| {
        concurrencies
            .clone()
            .map(move |users| (users, base + slope * users * users / 64.0))
            .collect::<Vec<_>>()
    };
    let panel = |title: &str, base: f64| {
        Panel::Chart(Chart {
            title: title.to_owned(),
            x: ChartAxis::logarithmic("concurrent requests", Unit::Plain),
            y: ChartAxis::logarithmic("latency", Unit::Seconds),
            series: vec![
                with_intervals(series("median", Shape::Curve, latency(base, 0.001)), 0.08),
                with_intervals(series("p90", Shape::Curve, latency(1.5 * base, 0.003)), 0.1),
                with_intervals(series("p99", Shape::Curve, latency(2.2 * base, 0.009)), 0.25),
            ],
            marks: vec![
                mark(false, 0.5, "SLO: 500 ms"),
                mark(false, 0.45, "warning: 450 ms"),
                mark(true, 100.0, "knee"),
                mark(true, 128.0, "max_num_seqs"),
            ],
        })
    };
    drawing(
        "How does latency grow with the number of concurrent requests?",
        "Llama 3.1 8B on one H100; 5 runs of 10,000 requests each; bars: 95 % confidence",
        vec![panel("time to first token", 0.04), panel("end-to-end latency", 2.0)],
    )
}

fn steps() -> Drawing {
    let wave = |phase: f64, most: f64| {
        (0..400).map(move |second| {
            let time = f64::from(second) * 3.0;
            let height = (time / 150.0 + phase).sin().max(-0.2) + 0.3 * (time / 11.0).sin().abs();
            (time, (most * height.max(0.0)).round())
        })
    };
    let mut usage = series("KV blocks in use", Shape::Line, wave(0.5, 55.0));
    for point in &mut usage.points {
        point.y = (0.3 + point.y / 120.0).min(1.0);
        point.interval = Some(Interval {
            low: point.y - 0.05,
            high: (point.y + 0.05).min(1.0),
        });
    }
    drawing(
        "Where does the queue come from?",
        "",
        vec![
            Panel::Chart(Chart {
                title: "requests in the server".to_owned(),
                x: ChartAxis::linear("time", Unit::Seconds),
                y: ChartAxis::linear("requests", Unit::Plain),
                series: vec![
                    series("running", Shape::Steps, wave(0.0, 80.0)),
                    series("waiting", Shape::Steps, wave(2.0, 30.0)),
                ],
                marks: vec![mark(true, 300.0, "burst starts"), mark(true, 420.0, "burst ends")],
            }),
            Panel::Chart(Chart {
                title: "memory".to_owned(),
                x: ChartAxis::linear("time", Unit::Seconds),
                y: ChartAxis::linear("KV blocks in use", Unit::Share),
                series: vec![usage],
                marks: vec![mark(false, 1.0, "full")],
            }),
        ],
    )
}

fn distributions() -> Drawing {
    let tail = |median: f64, spread: f64| {
        (1..200).map(move |step| {
            let share = f64::from(step) / 200.0;
            let logit = (share / (1.0 - share)).ln();
            (median * (spread * logit).exp(), share)
        })
    };
    drawing(
        "How are latencies distributed?",
        "The share of requests that had their first token after this time, or earlier.",
        vec![Panel::Chart(Chart {
            title: String::new(),
            x: ChartAxis::logarithmic("time to first token", Unit::Seconds),
            y: ChartAxis::linear("share of requests", Unit::Share),
            series: vec![
                series("vllm", Shape::Line, tail(0.09, 0.3)),
                series("sarathi", Shape::Line, tail(0.12, 0.5)),
                series("static batching", Shape::Line, tail(0.8, 0.9)),
            ],
            marks: vec![mark(true, 0.5, "SLO: 500 ms"), mark(false, 0.99, "p99")],
        })],
    )
}

fn bars() -> Drawing {
    let policies = ["none", "static", "continuous batching", "chunked prefill", "sarathi"];
    let heights = |factor: f64| (0..5).map(move |at| (f64::from(at), factor * f64::from(at + 1)));
    drawing(
        "Which policy serves most within the objective?",
        "Bars: 95 % confidence over 5 seeds.",
        vec![Panel::Chart(Chart {
            title: String::new(),
            x: ChartAxis::named("policy", policies.map(str::to_owned).to_vec()),
            y: ChartAxis::linear("requests per second", Unit::Plain),
            series: vec![
                with_intervals(series("H100", Shape::Bars, heights(3.1)), 0.1),
                with_intervals(series("A100", Shape::Bars, heights(1.7)), 0.1),
                with_intervals(series("L40S", Shape::Bars, heights(0.8)), 0.1),
            ],
            marks: vec![mark(false, 12.0, "needed: 12/s")],
        })],
    )
}

fn pareto() -> Drawing {
    let mut all = series(
        "all",
        Shape::Points,
        (0..120).map(|index| {
            let place = f64::from(index * 37 % 120) / 120.0;
            let above = f64::from(index * 61 % 97) / 97.0;
            (
                2.0 + 14.0 * place,
                900.0 * (1.0 - 0.8 * place * place) * (0.4 + 0.6 * above),
            )
        }),
    );
    all.points.truncate(80);
    let mut front = series(
        "best",
        Shape::Curve,
        (0..6).map(|step| {
            let place = f64::from(step) / 5.0;
            (2.0 + 14.0 * place, 905.0 * (1.0 - 0.8 * place * place))
        }),
    );
    for (index, point) in front.points.iter_mut().enumerate() {
        point.label = format!("tp={}, 256 seqs", 1 << (index / 2));
    }
    drawing(
        "What does a faster answer cost?",
        "",
        vec![Panel::Chart(Chart {
            title: String::new(),
            x: ChartAxis::linear("mean time per output token [ms]", Unit::Plain),
            y: ChartAxis::linear("tokens per second and GPU", Unit::Plain),
            series: vec![all, front],
            marks: Vec::new(),
        })],
    )
}

fn heat() -> Drawing {
    let names = |all: &[&str]| all.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let rows = |spread: f64| {
        (0..4)
            .map(|row| {
                (0..6)
                    .map(|column| {
                        let is_known = (row, column) != (3, 0);
                        is_known.then(|| 0.02 * spread.powf(f64::from(row + column) / 8.0))
                    })
                    .collect()
            })
            .collect()
    };
    let map = |title: &str, unit, spread| {
        Panel::HeatMap(HeatMap {
            title: title.to_owned(),
            unit,
            good: Some(Good::Low),
            x: ChartAxis::named("requests per second", names(&["1", "2", "4", "8", "16", "32"])),
            y: ChartAxis::named(
                "prompt",
                names(&["256", "1024", "4096", "a very long name of a prompt"]),
            ),
            rows: rows(spread),
        })
    };
    drawing(
        "Where is the objective missed?",
        "Colours of the left panel by logarithm.",
        vec![
            map("p99 time to first token", Unit::Seconds, 3000.0),
            map("share of requests outside", Unit::Share, 15.0),
        ],
    )
}

fn many() -> Drawing {
    let all = (0..20).map(|number| {
        let name = format!("series {number} with a name that is longer than anyone wants to read it");
        let name = if number % 3 == 0 {
            name
        } else {
            format!("series {number}")
        };
        let points = (0..12).map(move |x| (f64::from(x), f64::from(x * number + number)));
        series(&name, Shape::Curve, points)
    });
    let wordy = (0..12).map(|number| format!("configuration number {number}, tensor parallel"));
    let over = (0..12).map(|at| (f64::from(at), 1e9 / f64::from(1 << at)));
    drawing(
        "What happens with far more series than anybody should put into one figure, and with a question that is longer \
         than the line?",
        "A note that is long as well, because people want to say what they did: the model, the GPU, the number of \
         runs, the seed, and what they had for lunch.",
        vec![
            Panel::Chart(Chart {
                title: "twenty".to_owned(),
                x: ChartAxis::linear("steps", Unit::Plain),
                y: ChartAxis::linear("value", Unit::Plain),
                series: all.collect(),
                marks: Vec::new(),
            }),
            Panel::Chart(Chart {
                title: "long names below".to_owned(),
                x: ChartAxis::named("configuration", wordy.collect()),
                y: ChartAxis::logarithmic("tokens", Unit::Plain),
                series: vec![series("bars", Shape::Bars, over)],
                marks: Vec::new(),
            }),
        ],
    )
}

fn nothing() -> Drawing {
    drawing(
        "What is there to see?",
        "",
        vec![
            Panel::Chart(Chart {
                title: String::new(),
                x: ChartAxis::linear("time", Unit::Seconds),
                y: ChartAxis::logarithmic("latency", Unit::Seconds),
                series: vec![series("left out", Shape::Line, [(1.0, 0.0), (2.0, f64::NAN)])],
                marks: Vec::new(),
            }),
            Panel::HeatMap(HeatMap {
                title: "an empty map".to_owned(),
                unit: Unit::Plain,
                good: None,
                x: ChartAxis::named("x", Vec::new()),
                y: ChartAxis::named("y", Vec::new()),
                rows: Vec::new(),
            }),
        ],
    )
}
