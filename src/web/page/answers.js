// Shows answers: the verdict, numbers, tables and figures.
const answers = (() => {
  const { element } = controls;
  const by = id => document.getElementById(id);

  const cell = text => element("td", { textContent: text, className: "number" });
  const table = (caption, columns, rows) => {
    const head = columns.map((title, index) => element("th", { scope: "col", textContent: title, className: index ? "number" : "" }));
    const body = rows.map(([name, ...values]) =>
      element("tr", {}, element("th", { scope: "row", textContent: name }), ...values.map(cell)));
    return element("table", { className: "plain" }, element("caption", { textContent: caption }),
      element("thead", {}, element("tr", {}, ...head)), element("tbody", {}, ...body));
  };

  const UNKNOWN = "–";
  const digits = (value, wanted = 3) => value === null || value === undefined ? UNKNOWN
    : Math.abs(value) >= 1000 ? Math.round(value).toLocaleString("en") : String(Number(value.toPrecision(wanted)));
  const time = seconds => seconds === null || seconds === undefined ? UNKNOWN
    : seconds >= 1 ? `${digits(seconds)} s` : `${digits(seconds * 1000)} ms`;
  const dollars = value => value === null || value === undefined ? UNKNOWN
    : `$${value >= 1 ? value.toLocaleString("en", { maximumFractionDigits: 2 }) : Number(value.toPrecision(2))}`;

  // ---- numbers ----

  const LATENCIES = [["TTFT", "ttft"], ["TPOT", "tpot"], ["E2E", "e2e"], ["Queue wait", "queue_wait"]];

  const showTiles = report => {
    const { latency, queue, cost, constraint } = report;
    const met = metric => report.slo?.find(slo => slo.metric === metric && slo.statistic === "p99");
    const tile = (name, value, slo, note) => {
      const verdict = slo && slo.met !== null ? (slo.met ? "good" : "bad") : "";
      const limit = slo ? `${slo.met === null ? "?" : slo.met ? "✓" : "✗"} SLO ${time(slo.limit_s)}` : "";
      return element("div", { className: `tile ${verdict}` }, element("dt", { textContent: name }), element("dd", {},
        element("b", { textContent: value }), element("small", { textContent: limit || note || "" })));
    };
    by("tiles").replaceChildren(
      tile("TTFT p99", time(latency.ttft.p99), met("ttft"), latency.ttft.p99 === null ? `of ${digits(latency.ttft.count)}, needs 1,000` : ""),
      tile("TPOT p99", time(latency.tpot.p99), met("tpot"), latency.tpot.p99 === null ? `of ${digits(latency.tpot.count)}, needs 1,000` : ""),
      tile("Queue depth p99", digits(queue.depth.p99), null, `mean ${digits(queue.depth.mean)}, most ${digits(queue.depth.max)}`),
      tile("Throughput", `${digits(report.throughput.output_tokens_per_s)}`, null, `output tokens/s, ${digits(report.throughput.requests_per_s)} requests/s`),
      tile("Cost", cost ? `${dollars(cost.fleet_hour)}/h` : UNKNOWN, null, cost ? `${dollars(cost.per_million_tokens)} per 1M tokens` : "no price known"),
      tile("What binds", constraint?.binding?.replaceAll("_", " ").replace("kv", "KV") ?? UNKNOWN, null,
        constraint?.share_of_time && constraint.binding !== "nothing" ? `${digits(100 * constraint.share_of_time, 2)} % of the time` : ""),
    );
  };

  const showTables = report => {
    const rows = LATENCIES.filter(([, key]) => report.latency[key]).map(([name, key]) => {
      const { p50, p90, p95, p99, count } = report.latency[key];
      return [name, ...[p50, p90, p95, p99].map(time), count.toLocaleString("en")];
    });
    by("latencies").replaceChildren(table("–: too few samples for this quantile (p99 needs 1,000)",
      ["latency", "p50", "p90", "p95", "p99", "n"], rows));
    const depths = [["Waiting", report.queue.depth], ["Running", report.queue.running]];
    by("depths").replaceChildren(table("Over time: how many there are, and for how long", ["requests", "mean", "p50", "p90", "p99", "most"],
      depths.map(([name, it]) => [name, ...[it.mean, it.p50, it.p90, it.p99, it.max].map(value => digits(value))])));
  };

  // ---- figures ----

  // What forgets the charts of a place.
  const taken = new Map();

  const showFigures = (id, drawings) => {
    const holder = by(id);
    taken.get(id)?.forEach(forget => forget());
    // The page must not jump while it is filled anew.
    holder.style.minHeight = `${holder.offsetHeight}px`;
    holder.innerHTML = drawings.map(({ html }) => html).join("");
    taken.set(id, [...holder.querySelectorAll("figure")].map(charts.start));
    holder.style.minHeight = "";
  };

  const block = it => {
    if (it.kind === "text") return element("p", { textContent: it.text });
    if (it.kind === "verbatim") return it.text ? element("pre", { textContent: it.text, tabIndex: 0 }) : "";
    if (it.kind === "list") return element("ul", {}, ...it.points.map(textContent => element("li", { textContent })));
    if (it.kind !== "table") return "";
    const holder = element("div", { className: "scroll", tabIndex: 0 },
      table(it.caption, it.columns.map(({ title }) => title), it.rows));
    holder.setAttribute("role", "region");
    holder.setAttribute("aria-label", it.caption || it.columns[0]?.title || "table");
    return holder;
  };

  // What is folded up is made when it is unfolded.
  const shows = new Map();
  const showInFull = (id, show) => {
    const fold = by(`${id}-more`);
    if (!shows.has(id)) fold.addEventListener("toggle", () => fold.open && shows.get(id)());
    shows.set(id, show);
    if (fold.open) show();
  };

  const showVerdict = (tone, text) => {
    const sign = { good: "✓ ", bad: "✗ " }[tone] ?? "";
    by("verdict").className = `verdict ${tone}`;
    if (by("verdict").textContent !== sign + text) by("verdict").textContent = sign + text;
  };

  return {
    showRun: answer => {
      const { report, page, facts, warnings, scenario } = answer;
      const goal = report.slo?.length ? "" : " (no objective is asked for)";
      const tails = ["ttft", "tpot"].map(metric => `${metric.toUpperCase()} p99 ${time(report.latency[metric].p99)}`);
      const verdict = (report.complete ? page.verdict : "stopped early: it takes long to simulate") + goal;
      showVerdict(page.tone, [verdict, ...tails].join(" · "));
      showTiles(report);
      showTables(report);
      by("line").textContent = scenario.line;
      by("why").textContent = facts.find(([name]) => name === "Why")?.[1] ?? "";
      by("warnings").replaceChildren(...new Set(warnings.concat(page.sections[0].blocks.filter(it => it.kind === "list").slice(
        report.slo?.length ? 1 : 0, -1).flatMap(it => it.points))).values().map(textContent => element("li", { textContent })));
      const drawings = page.sections[1].blocks.filter(it => it.kind === "drawing");
      showFigures("latency-figures", drawings.filter(it => !it.is_over_time));
      showFigures("queue-figures", drawings.filter(it => it.is_over_time));
      showInFull("facts", () => by("facts").replaceChildren(...facts.flatMap(([name, value]) =>
        [element("dt", { textContent: name }), element("dd", { textContent: value })])));
      const costs = page.sections.find(section => section.heading === "What it costs");
      const unknown = [{ kind: "text", text: "No price is known: say what a GPU costs." }];
      showInFull("costs", () => by("costs").replaceChildren(...(costs?.blocks ?? unknown).map(block)));
      showInFull("assumed", () => by("assumed").replaceChildren(...page.sections.at(-1).blocks.map(block)));
      by("vllm").textContent = scenario.vllm_serve ?? "";
      by("vllm").hidden = !scenario.vllm_serve;
      by("remarks").replaceChildren(...scenario.remarks.map(textContent => element("li", { textContent })));
    },
    showCurve: (answer, load) => {
      const { report } = answer;
      const figure = answer.page.sections.flatMap(section => section.blocks).find(it => it.kind === "drawing");
      showFigures("knee-figures", figure ? [figure] : []);
      const unit = report.load === "concurrency" ? "requests at once" : "requests/s";
      const parts = [report.knee === null ? "The knee is not among these loads" : `Knee at ${digits(report.knee)} ${unit}`];
      if (report.slo_met_up_to !== null) parts.push(`objectives met up to ${digits(report.slo_met_up_to)} ${unit}`);
      if (load) parts.push(`now ${digits(load)} ${unit}`);
      by("knee-note").textContent = `${parts.join(" · ")} · ${report.points.length} loads`;
    },
    showVerdict,
  };
})();
