//! A page in a real browser: no error, charts drawn, tables that sort, values under the pointer, light and dark.
//!
//! `.ci/full` installs the browser and runs these; without one they fail.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::command::Workplace;
use crate::sample_page;

/// Does what a reader does, and leaves what it saw in the page.
const READER: &str = r#"<script>
addEventListener("load", () => setTimeout(() => {
  const first = () => document.querySelector("table.sortable tbody td").textContent;
  const seen = { before: first() };
  const heading = document.querySelectorAll("table.sortable th")[1];
  heading.querySelector("button").click();
  seen.ascending = [first(), heading.getAttribute("aria-sort")];
  heading.querySelector("button").click();
  seen.descending = [first(), heading.getAttribute("aria-sort")];
  const last = () => [...document.querySelectorAll("table.sortable tbody tr")].at(-1).cells[0].textContent;
  seen.unknown = last();
  // The picture that there is room for, its plot, and what happens to a pointer over it.
  const picture = chart => [...chart.querySelectorAll(".picture")].find(it => it.getBoundingClientRect().width > 0);
  const plot = chart => {
    const shown = picture(chart);
    const { left, top, width } = shown.getBoundingClientRect();
    const number = [...chart.querySelectorAll(".picture")].indexOf(shown);
    const unit = width / shown.viewBox.baseVal.width;
    const [x, y, wide, high] = JSON.parse(chart.querySelector("script").textContent).plots[number].map(it => it * unit);
    return { left: left + x, top: top + y, wide, high };
  };
  const point = (chart, type, right, down) => {
    const { left, top, wide, high } = plot(chart);
    const place = { clientX: left + wide * right, clientY: top + high * down, bubbles: true, pointerId: 1, button: 0 };
    chart.dispatchEvent(new PointerEvent(type, place));
  };
  const charts = [...document.querySelectorAll(".chart:has(script)")];
  seen.tips = charts.map(chart => {
    const tip = chart.querySelector(".tip");
    const legend = [...chart.closest("figure").querySelectorAll(".legend button")].map(it => it.textContent).join(" ");
    for (let column = 0; column < 30; column++) {
      for (let row = 0; row < 20; row++) {
        point(chart, "pointermove", (column + 0.5) / 30, (row + 0.5) / 20);
        if (!tip.hidden && tip.textContent) {
          const { left, right } = tip.getBoundingClientRect();
          return [tip.innerText, legend, left >= 0 && right <= innerWidth];
        }
      }
    }
    return null;
  });
  const ticks = chart => [...picture(chart).querySelectorAll(".ticks text")].map(it => it.textContent.trim());
  const data = chart => JSON.parse(chart.querySelector("script").textContent);
  const overTime = charts.filter(it => it.matches(".zooms") && data(it).x.title === "time");
  const views = () => overTime.map(it => picture(it).querySelector(".stretched").getAttribute("viewBox"));
  seen.whole = [ticks(overTime[0]), views()];
  point(overTime[0], "pointerdown", 0.5, 0.5);
  point(overTime[0], "pointermove", 0.6, 0.5);
  point(overTime[0], "pointerup", 0.6, 0.5);
  seen.part = [ticks(overTime[0]), views()];
  seen.selected = String(getSelection());
  overTime[0].querySelector(".whole").click();
  seen.wholeAgain = [ticks(overTime[0]), views()];
  const entry = document.querySelector(".legend button");
  const named = `.picture [data-series="${entry.dataset.series}"]`;
  const elements = () => [...entry.closest("figure").querySelectorAll(named)].map(it => it.style.display);
  entry.click();
  seen.off = [elements(), entry.getAttribute("aria-pressed")];
  entry.click();
  seen.on = [elements(), entry.getAttribute("aria-pressed")];
  const words = picture(charts[0]).querySelector("text");
  seen.ink = [0, 1].map(() => {
    document.getElementById("theme").click();
    return getComputedStyle(words).fill;
  });
  seen.paper = [0, 1].map(() => {
    document.getElementById("theme").click();
    return getComputedStyle(document.body).backgroundColor;
  });
  seen.wide = document.documentElement.scrollWidth - innerWidth;
  const pre = document.createElement("pre");
  pre.id = "seen";
  pre.textContent = JSON.stringify(seen);
  document.body.append(pre);
}, 500));
</script>"#;

/// What the browser printed, and what it complained of.
fn browse(page: &Path, arguments: &[&str]) -> (String, String) {
    let profile = tempfile::tempdir().unwrap();
    let ended = Command::new("chromium")
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            "--enable-logging=stderr",
            "--v=0",
            "--virtual-time-budget=10000",
        ])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .args(arguments)
        .arg(format!("file://{}", page.display()))
        .output()
        .expect("chromium is needed: .ci/full installs it");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert!(ended.status.success(), "{said}");
    let complaints = said.lines().filter(|line| line.contains("CONSOLE"));
    let complaints = complaints.collect::<Vec<_>>().join("\n");
    (String::from_utf8_lossy(&ended.stdout).into_owned(), complaints)
}

/// A part of the time is shown in all charts over time, and the whole again; series go and come back.
fn assert_charts_answer(seen: &Value) {
    let (whole, part) = (&seen["whole"], &seen["part"]);
    assert_eq!(&seen["wholeAgain"], whole);
    assert_ne!(part[0], whole[0], "other times below the chart");
    let views = |of: &Value| of[1].as_array().unwrap().clone();
    assert!(views(whole).len() > 1);
    let pairs = views(whole).into_iter().zip(views(part));
    assert!(pairs.clone().all(|(whole, part)| whole != part), "{whole} {part}");
    assert_eq!(seen["selected"], "", "words are selected by dragging");
    let all_are = |of: &Value, what: &str| of.as_array().unwrap().iter().all(|it| it == what);
    assert!(all_are(&seen["off"][0], "none") && seen["off"][1] == "false", "{seen}");
    assert!(all_are(&seen["on"][0], "") && seen["on"][1] == "true", "{seen}");
    assert!(!seen["off"][0].as_array().unwrap().is_empty());
    assert_ne!(seen["ink"][0], seen["ink"][1]);
}

#[test]
#[ignore = "needs chromium, which .ci/full installs"]
fn a_page_works_in_a_browser() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    let html = sample_page::page().to_html();
    std::fs::write(&path, html.replace("</body>", &format!("{READER}</body>"))).unwrap();
    for size in ["--window-size=1200,900", "--window-size=500,900"] {
        let (dom, complaints) = browse(&path, &["--dump-dom", size]);
        assert_eq!(complaints, "", "{size}");
        let charts = html.matches("type=\"application/json\"").count();
        let drawn = format!("data-charts=\"{charts}\"");
        assert!(dom.contains(&drawn), "{size}: not {drawn}");
        let start = dom.find("<pre id=\"seen\">").expect("the reader came to its end");
        let seen = dom[start..].split(['>', '<']).nth(2).unwrap();
        let seen = seen.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let seen: Value = serde_json::from_str(&seen).unwrap();
        assert_eq!(seen["before"], "continuous");
        assert_eq!(seen["ascending"], serde_json::json!(["sarathi", "ascending"]));
        assert_eq!(seen["descending"], serde_json::json!(["static", "descending"]));
        assert_eq!(seen["unknown"], "none");
        assert_ne!(seen["paper"][0], seen["paper"][1]);
        assert_eq!(seen["wide"], 0, "{size}: the page is wider than the window");
        let tips = seen["tips"].as_array().unwrap();
        assert_eq!(tips.len(), charts);
        assert!(tips.iter().all(Value::is_array), "{tips:?}");
        let latency = tips[0][0].as_str().unwrap();
        for part in ["p99", "concurrent requests: ", "latency: ", "95 %: "] {
            assert!(latency.contains(part), "{latency}");
        }
        assert!(tips[0][1].as_str().unwrap().contains("p99"), "{tips:?}");
        assert!(tips.iter().all(|tip| tip[2] == true), "out of the window: {tips:?}");
        assert_charts_answer(&seen);
    }
}

#[test]
#[ignore = "needs chromium, which .ci/full installs"]
fn a_page_follows_the_reader_into_the_dark() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("page.html");
    std::fs::write(&path, sample_page::page().to_html()).unwrap();
    let mean = |name: &str, scheme: &str| {
        let picture = folder.path().join(name);
        let screenshot = format!("--screenshot={}", picture.display());
        let scheme = format!("--blink-settings=preferredColorScheme={scheme}");
        let (_, complaints) = browse(&path, &["--window-size=1100,2600", &scheme, &screenshot]);
        assert_eq!(complaints, "");
        let file = std::io::BufReader::new(std::fs::File::open(&picture).unwrap());
        let mut reader = png::Decoder::new(file).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let channels = reader.output_color_type().0.samples();
        reader.next_frame(&mut pixels).unwrap();
        let greens = pixels.iter().skip(1).step_by(channels);
        greens.clone().map(|it| f64::from(*it)).sum::<f64>() / greens.count() as f64
    };
    let (light, dark) = (mean("light.png", "1"), mean("dark.png", "0"));
    assert!(light > 220.0 && dark < 60.0, "{light} {dark}");
}

#[test]
#[ignore = "needs chromium, which .ci/full installs"]
fn the_pages_of_all_verbs_work_in_a_browser() {
    let place = Workplace::new();
    place.write(
        "study.toml",
        "seeds = 2\nset = { \"workload.requests\" = 2200 }\n[[axis]]\nkey = \"workload.arrivals.rate\"\nvalues = [5, \
         10, 20]\n\
         [[axis]]\nkey = \"workload.prompt.median\"\nvalues = [200, 800]\n",
    );
    let small = ["--set", "workload.requests=2200", "--html", "page.html"];
    let with = |verb: &[&'static str]| -> Vec<&'static str> { verb.iter().copied().chain(small).collect() };
    let policies = "batching.policy=none,static,continuous";
    let sweep = ["sweep", "study.toml", "--out", "r.csv"];
    assert_eq!(place.run(&sweep).code, Some(0));
    // The verb, and how many charts its page has: heat maps are tables.
    for (arguments, charts) in [
        (with(&["run"]), 10),
        (with(&["compare", "--vary", policies, "--seeds", "2"]), 16),
        (with(&["curve", "--rate", "5..20"]), 5),
        (with(&["capacity", "--seeds", "2", "--explain"]), 0),
        (with(&["plan", "--seeds", "2"]), 4),
        (vec!["report", "r.csv", "--html", "page.html"], 20),
    ] {
        let ended = place.run(&arguments);
        assert_eq!(ended.code, Some(0), "{arguments:?}: {}", ended.stderr);
        let page = place.path("page.html");
        assert!(std::fs::metadata(&page).unwrap().len() < 1_000_000);
        let (dom, complaints) = browse(&page, &["--dump-dom", "--window-size=1200,900"]);
        assert_eq!(complaints, "", "{arguments:?}");
        let drawn = format!("data-charts=\"{charts}\"");
        let start = dom.find("data-charts=").map_or("none", |at| &dom[at..at + 20]);
        assert!(dom.contains(&drawn), "{arguments:?}: {start}, not {drawn}");
    }
}
