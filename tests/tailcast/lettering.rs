//! Words in pictures: none is cut off at the edge, and none hides another, whatever is drawn.

use rand::{RngExt, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::answer::{
    Base, CompareQuestion, Control, CurveQuestion, LoadKind, MeasuredPoints, PlanQuestion, ReportQuestion, RunQuestion,
};
use tailcast::config::Layers;
use tailcast::report::chart::{Chart, ChartAxis, Drawing, HeatMap, Mark, Panel, Point, Series, Shape, Unit};
use tailcast::report::draw::{Lettering, lettering};
use tailcast::report::page::{Block, Page};

use crate::command::Workplace;
use crate::drawings::nasty_drawing;
use crate::sample_drawings;

/// Letters reach a hair further than they are told to [px].
const HAIR: f64 = 0.5;

fn faults(picture: &Lettering) -> Vec<String> {
    let (width, height) = picture.size;
    let mut found = Vec::new();
    for (number, (text, rect)) in picture.words.iter().enumerate() {
        let [left, top, right, bottom] = *rect;
        if left < -HAIR || top < -HAIR || right > width + HAIR || bottom > height + HAIR {
            found.push(format!("{text:?} at {rect:.0?} is cut off at {width} x {height}"));
        }
        for (other, [other_left, other_top, other_right, other_bottom]) in &picture.words[..number] {
            let is_beside = left + HAIR >= *other_right || other_left + HAIR >= right;
            let is_apart = top + HAIR >= *other_bottom || other_top + HAIR >= bottom;
            if !is_beside && !is_apart {
                found.push(format!("{text:?} at {rect:.0?} hides {other:?}"));
            }
        }
    }
    found
}

/// Asserts of drawings as files, in a window, and on a telephone.
fn assert_can_be_read(drawings: impl IntoIterator<Item = (String, Drawing)>) {
    let mut found = Vec::new();
    for (name, drawing) in drawings {
        for (number, picture) in lettering(&drawing).iter().enumerate() {
            let faults = faults(picture).into_iter().take(2);
            found.extend(faults.map(|fault| format!("{name}, picture {number}: {fault}")));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn no_words_are_cut_off_or_hidden_in_a_drawing_of_each_kind() {
    let all = sample_drawings::all().into_iter();
    assert_can_be_read(all.map(|(name, drawing)| (name.to_owned(), drawing)));
}

#[test]
fn no_words_are_cut_off_or_hidden_in_any_drawing() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(3);
    assert_can_be_read((0..400).map(|number| (format!("drawing {number}"), nasty_drawing(&mut random))));
}

fn name(random: &mut Xoshiro256PlusPlus) -> String {
    const NAMES: [&str; 8] = [
        "SLO on p99",
        "knee",
        "now",
        "the queue grows from here on",
        "max_num_seqs",
        "configuration number 7, tensor parallel",
        "workload.prompt.median [tokens]",
        "tp=2",
    ];
    NAMES[random.random_range(0..NAMES.len())].to_owned()
}

fn number(random: &mut Xoshiro256PlusPlus, size: f64) -> f64 {
    let number = size * random.random_range(0.5..2.0);
    // Some at the same place.
    if random.random_bool(0.4) { size } else { number }
}

fn axis(random: &mut Xoshiro256PlusPlus) -> ChartAxis {
    let unit = [Unit::Plain, Unit::Seconds, Unit::Share][random.random_range(0..3)];
    match random.random_range(0..4) {
        0 => ChartAxis::logarithmic(name(random), unit),
        1 => ChartAxis::named(
            name(random),
            (0..random.random_range(1..30)).map(|_| name(random)).collect(),
        ),
        _ => ChartAxis::linear(name(random), unit),
    }
}

/// A chart with much in little room.
fn crowded_chart(random: &mut Xoshiro256PlusPlus) -> Chart {
    let x = axis(random);
    let y = axis(random);
    let sign = if x.is_logarithmic || random.random_bool(0.7) {
        1.0
    } else {
        -1.0
    };
    let size = sign * 10_f64.powi(random.random_range(-9..12));
    let shapes = [Shape::Line, Shape::Curve, Shape::Steps, Shape::Points, Shape::Bars];
    let series = (0..random.random_range(1..14)).map(|_| Series {
        name: name(random),
        shape: shapes[random.random_range(0..shapes.len())],
        points: (0..random.random_range(1..40))
            .map(|place| {
                let across = if x.names.is_empty() {
                    number(random, size)
                } else {
                    f64::from(place)
                };
                let mut point = Point::at(across, number(random, size));
                if random.random_bool(0.5) {
                    point.label = name(random);
                }
                point
            })
            .collect(),
    });
    let series = series.collect();
    let marks = (0..random.random_range(0..12)).map(|_| Mark {
        is_vertical: random.random_bool(0.6),
        at: number(random, size),
        name: name(random),
    });
    let marks = marks.collect();
    Chart {
        title: name(random),
        marks,
        x,
        y,
        series,
    }
}

fn crowded_map(random: &mut Xoshiro256PlusPlus) -> HeatMap {
    let (columns, rows) = (random.random_range(1..30), random.random_range(1..20));
    let mut names = |count: usize| (0..count).map(|_| name(random)).collect::<Vec<_>>();
    let (x, y) = (names(columns), names(rows));
    let size = 10_f64.powi(random.random_range(-9..12));
    let values = (0..rows).map(|_| (0..columns).map(|_| Some(number(random, size))).collect());
    HeatMap {
        rows: values.collect(),
        title: name(random),
        unit: Unit::Plain,
        good: None,
        x: ChartAxis::named(name(random), x),
        y: ChartAxis::named(name(random), y),
    }
}

#[test]
fn no_words_are_cut_off_or_hidden_where_much_stands_in_little_room() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(4);
    let drawings = (0..400).map(|number| {
        let panels = (0..random.random_range(1..4)).map(|_| {
            if random.random_bool(0.8) {
                Panel::Chart(crowded_chart(&mut random))
            } else {
                Panel::HeatMap(crowded_map(&mut random))
            }
        });
        let panels = panels.collect();
        let drawing = sample_drawings::drawing("Is there room?", &name(&mut random), panels);
        (format!("drawing {number}"), drawing)
    });
    assert_can_be_read(drawings.collect::<Vec<_>>());
}

fn of_page(verb: &str, page: Page) -> Vec<(String, Drawing)> {
    let blocks = page.sections.into_iter().flat_map(|section| section.blocks);
    let drawings = blocks.filter_map(|block| match block {
        Block::Drawing(drawing) => Some((format!("{verb}: {}", drawing.question), drawing)),
        _ => None,
    });
    drawings.collect()
}

const SCENARIO: &str = r#"
name = "one server"
[model]
name = "llama-3.1-8b"
[server]
gpu = "l40s"
[workload]
requests = 1500
arrivals = { process = "poisson", rate = 6.0 }
prompt = { dist = "lognormal", median = 400, sigma = 0.8, max = 4000 }
output = { dist = "lognormal", median = 100, sigma = 0.6, max = 1000 }
[slo]
"ttft.p99" = "2s"
"tpot.p99" = "60ms"
"#;

#[test]
fn no_words_are_cut_off_or_hidden_in_figures_of_runs() {
    let control = Control::default();
    let base = || Base::from_toml(SCENARIO);
    let run = RunQuestion::of(base()).answer(&control).unwrap();
    let drawings = run.drawings().unwrap();
    let mut all = of_page("run", run.to_page(&drawings));
    let compare = CompareQuestion {
        scenarios: vec![base()],
        vary: vec!["batching.policy=none,static,continuous".to_owned()],
        seeds: Some(2),
        ..CompareQuestion::default()
    };
    let mut compare = compare.answer(&control).unwrap();
    let drawings = compare.drawings().unwrap();
    all.extend(of_page("compare", compare.to_page(&drawings)));
    let curve = CurveQuestion {
        base: base(),
        kind: LoadKind::Rate,
        loads: vec![1.0, 2.0, 4.0, 8.0, 16.0],
        seeds: 2,
        refinements: 1,
        finds_ranges: false,
        measured: MeasuredPoints::default(),
    };
    all.extend(of_page("curve", curve.answer(&control).unwrap().to_page()));
    let plan = PlanQuestion {
        base: base(),
        seeds: Some(1),
        over: Vec::new(),
        today: None,
    };
    all.extend(of_page("plan", plan.answer(&control).unwrap().to_page()));
    all.extend(of_page("report", swept()));
    assert!(all.len() > 15, "{}", all.len());
    assert_can_be_read(all);
}

fn swept() -> Page {
    let place = Workplace::new();
    place.write(
        "study.toml",
        "seeds = 2\nset = { \"workload.requests\" = 1100 }\n[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [5, \
         10, 20]\n[[axis]]\nkey = \"workload.prompt.median\"\nvalues = [200, 800]\n",
    );
    assert_eq!(place.run(&["sweep", "study.toml", "--out", "r.csv"]).code, Some(0));
    let question = ReportQuestion {
        results: place.path("r.csv"),
        study: None,
        changes: Layers::default(),
    };
    question.answer(&Control::default()).unwrap().to_page()
}
