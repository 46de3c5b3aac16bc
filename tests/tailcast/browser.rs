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
  seen.tips = [...document.querySelectorAll(".uplot")].map(chart => {
    const over = chart.querySelector(".u-over");
    const box = over.getBoundingClientRect();
    const tip = over.querySelector(".tip");
    const point = (type, x, y) => over.dispatchEvent(new MouseEvent(type, { clientX: x, clientY: y, bubbles: true }));
    point("mouseenter", box.left + 1, box.top + 1);
    for (let column = 0; column < 30; column++) {
      for (let row = 0; row < 20; row++) {
        point("mousemove", box.left + box.width * (column + 0.5) / 30, box.top + box.height * (row + 0.5) / 20);
        if (!tip.hidden && tip.textContent) {
          const legend = [...chart.querySelectorAll(".u-label")].map(it => it.textContent).join(" ");
          return [tip.innerText, legend];
        }
      }
    }
    return null;
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
        // One of them has no data.
        let drawn = format!("data-charts=\"{}\"", charts - 1);
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
        assert_eq!(tips.len(), charts - 1);
        assert!(tips.iter().all(Value::is_array), "{tips:?}");
        let latency = tips[0][0].as_str().unwrap();
        for part in ["p99", "concurrent requests: ", "latency: ", "95 %: "] {
            assert!(latency.contains(part), "{latency}");
        }
        assert!(tips[0][1].as_str().unwrap().contains("p99"), "{tips:?}");
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
        (with(&["run"]), 9),
        (with(&["compare", "--vary", policies, "--seeds", "2"]), 15),
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
