// Ties it together: a change is asked about at once with few requests, then with many, then the curve.
(() => {
  const by = id => document.getElementById(id);
  const root = document.documentElement;

  // A change is answered before anybody notices the wait; what is shown then is refined.
  const QUICK = { budget: 35, least: 300, most: 2000, limit: 2000 };
  const FULL = { budget: 6000, least: 2000, most: 10000, limit: 15000 };
  const POINT = { budget: 500, least: 500, most: 2000, limit: 15000 };
  const DEBOUNCE = 10;
  const PAUSE = 350;
  const FACTORS = [0.25, 0.5, 0.7, 0.85, 1, 1.15, 1.35, 1.7, 2.2];

  let served;
  let catalogue;
  // Requests simulated in a millisecond, as they were lately; of a fast policy at first.
  let speed = 50;
  let stop = new AbortController();
  let timer;
  let changedAt = null;

  // ---- questions ----

  const requests = ({ budget, least, most }) => {
    const many = Math.min(Math.max(speed * budget, least), most);
    // Round numbers, so that the same question is asked again.
    const step = many >= 1000 ? 500 : 100;
    return Math.max(step, Math.floor(many / step) * step);
  };
  // A trace has no more rows than it has; a price that nobody gave is that of the list.
  const question = size => {
    const key = controls.written("workload.trace") ? "workload.trace.limit" : "workload.requests";
    const more = { [key]: size.count, ...(controls.written("cost") ? {} : { cost: {} }) };
    return { ...state.asked(more), limit_ms: size.limit };
  };
  const sized = size => ({ ...size, count: requests(size) });

  const problemShown = problem => {
    by("error").hidden = !problem;
    by("error").textContent = problem ? `error: ${problem.message}` : "";
    controls.blame(problem?.key ?? null, problem?.message);
    if (!problem) return;
    answers.showVerdict("bad", "no answer: the scenario is refused");
    by("behind").textContent = "Numbers below are those of the scenario before.";
  };

  const show = (answer, size) => {
    const { report, wall_ms: wall } = answer;
    const count = report.requests.arrived;
    // Short runs say little about speed.
    if (wall > 1) speed = 0.5 * speed + 0.5 * count / wall;
    problemShown(null);
    // The page's own additions are no part of what is taken along.
    controls.show(withoutAdditions(answer.scenario));
    answers.showRun(answer);
    by("behind").textContent = `${count.toLocaleString("en")} requests simulated in ${Math.round(wall)} ms`
      + (size === QUICK ? "; more follow" : "");
    root.dataset.requests = count;
  };

  const withoutAdditions = scenario => {
    const next = structuredClone(scenario);
    if (!plainScenario) return next;
    const own = structuredClone(plainScenario.written);
    return { ...next, written: own };
  };
  let plainScenario = null;

  const paint = () => new Promise(done => requestAnimationFrame(() => setTimeout(done)));
  const pause = (time, signal) => new Promise((done, stopped) => {
    const waiting = setTimeout(done, time);
    signal.addEventListener("abort", () => { clearTimeout(waiting); stopped(new DOMException("stopped", "AbortError")); });
  });

  const curve = async signal => {
    const now = controls.load();
    if (!now) {
      by("knee-note").textContent = "A curve is drawn of scenarios with one rate or one number of clients.";
      return;
    }
    by("knee-note").textContent = "Simulating other loads …";
    const kind = controls.isClosed() ? "concurrency" : "rate";
    const loads = FACTORS.map(factor => kind === "rate" ? factor * now : Math.max(1, Math.round(factor * now)));
    const { cost: _, ...set } = question(sized(POINT)).set;
    const asked = { ...question(sized(POINT)), set, kind, loads };
    answers.showCurve(await ask("/api/curve", asked, signal), now);
    root.dataset.curve = "done";
  };

  const refresh = async () => {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    const since = changedAt;
    changedAt = null;
    delete root.dataset.curve;
    root.dataset.stage = "asking";
    by("results").setAttribute("aria-busy", "true");
    try {
      const plain = ask("/api/scenario", state.asked({}), signal);
      const quick = ask("/api/run", question(sized(QUICK)), signal);
      plain.catch(() => {});
      plainScenario = await plain;
      show(await quick, QUICK);
      await paint();
      root.dataset.stage = "quick";
      // From the change to the painted answer; `.ci/page` reads it.
      if (since !== null) performance.measure("change", { start: since, end: performance.now() });
      by("results").setAttribute("aria-busy", "false");
      by("toml").value = plainScenario.toml;
      await keepAddress(signal);
      await pause(PAUSE, signal);
      show(await ask("/api/run", question(sized(FULL)), signal), FULL);
      root.dataset.stage = "full";
      await curve(signal);
    } catch (problem) {
      if (signal.aborted || problem.name === "AbortError") return;
      by("results").setAttribute("aria-busy", "false");
      if (root.dataset.stage === "full") { by("knee-note").textContent = problem.message; return; }
      if (problem.isBusy) { await new Promise(done => setTimeout(done, 1000)); if (!signal.aborted) refresh(); return; }
      problemShown(problem);
      root.dataset.stage = "refused";
      keepAddress(signal).catch(() => {});
    }
  };

  const soon = () => {
    changedAt ??= performance.now();
    clearTimeout(timer);
    timer = setTimeout(refresh, DEBOUNCE);
  };

  // ---- what is taken along ----

  const servedText = () => served.names_files ? null : served.toml;
  const link = async () => location.origin + location.pathname + await state.fragment(servedText());
  let kept = location.hash;
  const keepAddress = async signal => {
    const fragment = await state.fragment(servedText());
    if (signal.aborted) return;
    kept = fragment;
    history.replaceState(null, "", fragment);
  };

  const copy = async (text, what) => {
    try {
      await navigator.clipboard.writeText(text);
      by("copied").textContent = `${what} copied`;
    } catch {
      by("copied").textContent = `The browser does not let ${what} be copied`;
    }
    setTimeout(() => { by("copied").textContent = ""; }, 3000);
  };
  by("copy-link").addEventListener("click", async () => copy(await link(), "The link"));
  by("copy-toml").addEventListener("click", () => copy(plainScenario?.toml ?? "", "The TOML"));
  by("copy-vllm").addEventListener("click", () => copy(by("vllm").textContent, "The command"));
  by("apply").addEventListener("click", () => { state.replace(by("toml").value); soon(); });
  by("reset").addEventListener("click", () => {
    state.replace(null);
    controls.show(served);
    soon();
  });

  // ---- light and dark ----

  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  by("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try { localStorage.setItem("tailcast-theme", root.dataset.theme); } catch { /* It is forgotten, then. */ }
    charts.redraw();
  });
  dark.addEventListener("change", charts.redraw);
  try {
    const theme = localStorage.getItem("tailcast-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
  } catch { /* The system's, then. */ }

  // ---- the start ----

  const takeAddress = async () => {
    try {
      await state.take(location.hash, servedText());
    } catch {
      by("warnings").replaceChildren(controls.element("li", { textContent: "The link holds no scenario; this is the one that is served" }));
    }
  };
  addEventListener("hashchange", async () => {
    if (location.hash === kept) return;
    await takeAddress();
    soon();
  });
  by("controls").addEventListener("submit", event => event.preventDefault());

  const start = async () => {
    [served, catalogue] = await Promise.all([ask("/api/scenario"), ask("/api/catalogue")]);
    controls.make(by("groups"), catalogue, (key, value) => { state.put(key, value); soon(); });
    controls.show(served);
    await takeAddress();
    await refresh();
  };
  start().catch(problem => {
    by("error").hidden = false;
    by("error").textContent = `error: ${problem.message}`;
  });
})();
