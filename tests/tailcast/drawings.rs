//! Drawings as SVG and PNG: what stands in them, and that nothing breaks them.

use rand::RngExt;
use rand::SeedableRng;
use rand_xoshiro::Xoshiro256PlusPlus;
use tailcast::report::chart::{Chart, ChartAxis, Drawing, HeatMap, Mark, Panel, Point, Series, Shape, Unit};
use tailcast::report::draw::{to_png, to_svg};
use tailcast::stats::Interval;

use crate::sample_drawings;

/// Width, height and pixels (red, green, blue, opacity) of a PNG file.
fn decoded(png: &[u8]) -> (u32, u32, Vec<u8>) {
    let mut reader = png::Decoder::new(std::io::Cursor::new(png)).read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    assert_eq!(info.color_type, png::ColorType::Rgba);
    (info.width, info.height, pixels)
}

/// To look at them: the folder that `TAILCAST_PICTURES` names.
fn kept(name: &str, svg: &str, png: &[u8]) {
    if let Some(folder) = std::env::var_os("TAILCAST_PICTURES") {
        let path = std::path::Path::new(&folder).join(name);
        std::fs::write(path.with_extension("svg"), svg).unwrap();
        std::fs::write(path.with_extension("png"), png).unwrap();
    }
}

#[test]
fn a_drawing_of_each_kind_is_a_picture_in_both_formats() {
    for (name, drawing) in sample_drawings::all() {
        let (svg, png) = (to_svg(&drawing), to_png(&drawing));
        kept(name, &svg, &png);
        let (width, height, pixels) = decoded(&png);
        let size = format!(r#"width="{}" height="{}""#, width / 2, height / 2);
        assert!(svg.contains(&size), "{name}: {size}");
        let inked: Vec<u8> = pixels.into_iter().filter(|it| *it != 255).collect();
        let share = inked.len() as f64 / f64::from(3 * width * height);
        assert!((0.005..0.7).contains(&share), "{name}: {share} is not white");
    }
}

fn text_of(name: &str) -> String {
    let mut all = sample_drawings::all().into_iter();
    to_svg(&all.find(|(it, _)| *it == name).unwrap().1)
}

fn assert_holds(svg: &str, words: &[&str]) {
    for word in words {
        // Words stand alone on their line.
        let is_there = svg.lines().any(|line| line.trim() == *word);
        assert!(is_there, "{word:?} is not in\n{svg}");
    }
}

#[test]
fn pictures_say_what_they_show() {
    let question = "How does latency grow with the number of concurrent requests?";
    let curves = text_of("curves");
    assert_holds(
        &curves,
        &[question, "time to first token", "concurrent requests", "latency"],
    );
    assert_holds(
        &curves,
        &["10", "100", "100 ms", "1 s", "median", "p99", "SLO: 500 ms", "knee"],
    );
    let once = curves.lines().filter(|line| line.trim() == "median").count();
    assert_eq!(once, 1, "one legend for both panels");
    assert_holds(&text_of("steps"), &["5 min", "100 %", "burst starts", "running"]);
    assert_holds(&text_of("bars"), &["none", "static", "H100", "policy"]);
    assert_holds(&text_of("heat"), &["20 ms", "1024", "32", "requests per second"]);
    assert_holds(&text_of("pareto"), &["tp=1, 256 seqs", "800", "best"]);
    assert_holds(&text_of("nothing"), &["no data", "latency"]);
}

#[test]
fn names_cannot_break_an_svg_file() {
    let mut drawing = sample_drawings::all().remove(0).1;
    drawing.question = "<script>alert(\"1 & 2\")</script>\u{0}\u{1b}\u{ffff}\nnext".to_owned();
    let svg = to_svg(&drawing);
    assert!(svg.contains("&lt;script&gt;alert("), "{svg}");
    assert!(!svg.contains("<script") && !svg.contains(['\u{0}', '\u{1b}', '\u{ffff}']));
    decoded(&to_png(&drawing));
}

/// A number as no study should make it.
fn nasty_number(random: &mut Xoshiro256PlusPlus) -> f64 {
    const NUMBERS: [f64; 14] = [
        0.0,
        -0.0,
        1.0,
        1.0 + f64::EPSILON,
        -1.0,
        5e-324,
        1e-300,
        1e17,
        -1e299,
        f64::MAX,
        f64::MIN,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
    ];
    match random.random_range(0..4) {
        0 => NUMBERS[random.random_range(0..NUMBERS.len())],
        1 => 10_f64.powf(random.random_range(-12.0..12.0)),
        _ => random.random_range(-1.0..20.0),
    }
}

fn nasty_name(random: &mut Xoshiro256PlusPlus) -> String {
    const NAMES: [&str; 8] = [
        "",
        " ",
        "a",
        "two words",
        "</svg>&\"'",
        "\u{0}\n\t\u{feff}\u{fffe}",
        "émoji 🙂 漢字",
        "x\u{301}",
    ];
    let name = NAMES[random.random_range(0..NAMES.len())];
    name.repeat([1, 1, 1, 60, 1000][random.random_range(0..5)])
}

fn nasty_axis(random: &mut Xoshiro256PlusPlus) -> ChartAxis {
    let unit = [Unit::Plain, Unit::Seconds, Unit::Share][random.random_range(0..3)];
    let title = nasty_name(random);
    match random.random_range(0..3) {
        0 => ChartAxis::linear(title, unit),
        1 => ChartAxis::logarithmic(title, unit),
        _ => {
            let count = [1, 3, 40, 400][random.random_range(0..4)];
            ChartAxis::named(title, (0..count).map(|_| nasty_name(random)).collect())
        }
    }
}

fn nasty_point(random: &mut Xoshiro256PlusPlus) -> Point {
    let interval = random.random_bool(0.3).then(|| Interval {
        low: nasty_number(random),
        high: nasty_number(random),
    });
    Point {
        x: nasty_number(random),
        y: nasty_number(random),
        interval,
        label: nasty_name(random),
    }
}

fn nasty_chart(random: &mut Xoshiro256PlusPlus) -> Chart {
    const SHAPES: [Shape; 6] = [
        Shape::Line,
        Shape::Curve,
        Shape::Steps,
        Shape::Points,
        Shape::Bars,
        Shape::Guide,
    ];
    let series = (0..[0, 1, 3, 20][random.random_range(0..4)])
        .map(|_| Series {
            name: nasty_name(random),
            shape: SHAPES[random.random_range(0..SHAPES.len())],
            points: (0..[0, 1, 2, 30][random.random_range(0..4)])
                .map(|_| nasty_point(random))
                .collect(),
        })
        .collect();
    let marks = (0..[0, 2, 30][random.random_range(0..3)])
        .map(|_| Mark {
            is_vertical: random.random_bool(0.5),
            at: nasty_number(random),
            name: nasty_name(random),
        })
        .collect();
    Chart {
        title: nasty_name(random),
        x: nasty_axis(random),
        y: nasty_axis(random),
        series,
        marks,
    }
}

fn nasty_map(random: &mut Xoshiro256PlusPlus) -> HeatMap {
    let rows = (0..random.random_range(0..9))
        .map(|_| {
            (0..random.random_range(0..12))
                .map(|_| random.random_bool(0.8).then(|| nasty_number(random)))
                .collect()
        })
        .collect();
    HeatMap {
        title: nasty_name(random),
        unit: Unit::Seconds,
        good: None,
        x: nasty_axis(random),
        y: nasty_axis(random),
        rows,
    }
}

pub fn nasty_drawing(random: &mut Xoshiro256PlusPlus) -> Drawing {
    let panels = (0..random.random_range(0..4))
        .map(|_| {
            if random.random_bool(0.7) {
                Panel::Chart(nasty_chart(random))
            } else {
                Panel::HeatMap(nasty_map(random))
            }
        })
        .collect();
    sample_drawings::drawing(&nasty_name(random), &nasty_name(random), panels)
}

#[test]
fn no_drawing_is_too_nasty() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(1);
    for number in 0..60 {
        let drawing = nasty_drawing(&mut random);
        let svg = to_svg(&drawing);
        let is_whole = svg.starts_with("<svg") && svg.ends_with("</svg>\n");
        assert!(is_whole && !svg.contains("NaN"), "{number}");
        // Pictures are made of the same lines and words, but take longer.
        if number % 10 == 0 {
            decoded(&to_png(&drawing));
        }
    }
}

/// Neither the size of the data nor its ends may matter.
#[test]
fn large_and_constant_data_can_be_drawn() {
    let wave = |count: u32| (0..count).map(|at| (f64::from(at), f64::from(at).sin()));
    for points in [
        wave(0).collect::<Vec<_>>(),
        wave(1).collect(),
        wave(100_000).collect(),
        vec![(3.0, 7.0); 500],
    ] {
        for shape in [Shape::Line, Shape::Steps, Shape::Curve, Shape::Bars] {
            let chart = Chart {
                title: String::new(),
                x: ChartAxis::linear("x", Unit::Plain),
                y: ChartAxis::linear("y", Unit::Plain),
                series: vec![sample_drawings::series("it", shape, points.clone())],
                marks: Vec::new(),
            };
            let drawing = sample_drawings::drawing("?", "", vec![Panel::Chart(chart)]);
            let svg = to_svg(&drawing);
            let most = if matches!(shape, Shape::Line | Shape::Steps) {
                200_000
            } else {
                60_000_000
            };
            assert!(svg.len() < most, "{shape:?}: {} bytes", svg.len());
        }
    }
}

#[test]
fn a_page_is_one_small_file_that_fetches_nothing() {
    let html = crate::sample_page::page().to_html();
    assert!(html.len() < 1_000_000, "{} bytes", html.len());
    for word in ["src=", "<link", "url(", "@import"] {
        assert!(!html.contains(word), "{word}");
    }
    assert!(html.contains("default-src 'none'"));
    assert!(html.contains("<polyline"), "charts need no script");
    for word in [
        "&lt;b&gt;nothing&lt;/b&gt;",
        "data-number=\"0.31\"",
        "class=\"verdict good\"",
        "20 ms",
    ] {
        assert!(html.contains(word), "{word}");
    }
}

#[test]
fn no_page_is_too_nasty() {
    let mut random = Xoshiro256PlusPlus::seed_from_u64(2);
    for _ in 0..50 {
        let mut page = crate::sample_page::page();
        let block = tailcast::report::page::Block::Drawing(nasty_drawing(&mut random));
        page.sections[0].blocks = vec![block];
        page.sections.truncate(1);
        let html = page.to_html();
        assert!(html.ends_with("</html>\n"));
        let json = html.split("application/json\">").skip(1);
        for chart in json.map(|rest| rest.split("</script>").next().unwrap()) {
            let chart: serde_json::Value = serde_json::from_str(chart).unwrap();
            let (low, high) = (chart["x"]["low"].as_f64(), chart["x"]["high"].as_f64());
            assert!(low < high, "{low:?} {high:?}");
        }
    }
}
