// Ties it together: a change is asked about at once with few requests, then with many, then the curve.
(() => {
  const by = id => document.getElementById(id);
  const root = document.documentElement;

  // A change is answered before anybody notices the wait; what is shown then is refined.
  const QUICK = { budget: 25, least: 300, most: 1500, limit: 2000 };
  const FULL = { budget: 6000, least: 2000, most: 10000, limit: 15000 };
  const POINT = { budget: 500, least: 500, most: 2000, limit: 15000 };
  const PAUSE = 350;
  // Whoever drags a slider sees answers meanwhile, unless they take longer than this.
  const PATIENCE = 150;
  const FACTORS = [0.25, 0.5, 0.7, 0.85, 1, 1.15, 1.35, 1.7, 2.2];

  let served;
  let scenario;
  let catalogue;
  // Requests simulated in a millisecond, as they were lately; of a fast policy at first.
  let speed = 50;
  let stop = new AbortController();
  // When what is shown was changed last, and when the question that nobody has answered yet was asked.
  let changedAt = null;
  let askedAt = null;
  // Whether somebody writes a scenario that is not asked about yet.
  let isWriting = false;

  // ---- questions ----

  const requests = ({ budget, least, most }) => {
    const many = Math.min(Math.max(speed * budget, least), most);
    // Round numbers, so that the same question is asked again.
    const step = many >= 1000 ? 500 : 100;
    return Math.max(step, Math.floor(many / step) * step);
  };
  // A trace has no more rows than it has; a price that nobody gave is that of the list.
  const question = (size, extra = controls.written("cost") ? {} : { cost: {} }) => {
    const key = controls.written("workload.trace") ? "workload.trace.limit" : "workload.requests";
    return { ...state.asked({ [key]: requests(size), ...extra }), limit_ms: size.limit };
  };

  const problemShown = problem => {
    by("error").hidden = !problem;
    by("error").textContent = problem ? `error: ${problem.message}` : "";
    const isShownThere = controls.blame(problem?.key ?? null, problem?.message);
    if (!problem) return;
    if (!isShownThere) by("error").scrollIntoView({ block: "nearest" });
    answers.showVerdict("bad", "no answer: the scenario is refused");
    by("behind").textContent = "Numbers below are those of the scenario before.";
  };

  const show = (answer, size) => {
    const { report, wall_ms: wall } = answer;
    const count = report.requests.arrived;
    // What has become slower is asked less at once, what has become faster more in time.
    const now = count / Math.max(wall, 1);
    speed = Math.min(now, 0.5 * speed + 0.5 * now);
    problemShown(null);
    scenario = answer.scenario;
    // What was changed meanwhile stays as it is until it is answered too.
    if (changedAt === null) controls.show(scenario);
    if (!isWriting) by("toml").value = scenario.toml;
    answers.showRun(answer);
    by("behind").textContent = `${count.toLocaleString("en")} requests simulated in ${Math.round(wall)} ms`
      + (size === QUICK ? "; more follow" : "");
    root.dataset.requests = count;
  };

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
    answers.showCurve(await ask("/api/curve", { ...question(POINT, {}), kind, loads, now }, signal), now);
    root.dataset.curve = "done";
  };

  const refresh = async () => {
    stop.abort();
    stop = new AbortController();
    const { signal } = stop;
    const since = changedAt;
    changedAt = null;
    askedAt = performance.now();
    delete root.dataset.curve;
    root.dataset.stage = "asking";
    by("results").setAttribute("aria-busy", "true");
    try {
      const quick = await ask("/api/run", question(QUICK), signal);
      show(quick, QUICK);
      await paint();
      askedAt = null;
      root.dataset.stage = "quick";
      // From the change to the painted answer; `.ci/page` reads it.
      if (since !== null) performance.measure("change", { start: since, end: performance.now() });
      by("results").setAttribute("aria-busy", "false");
      if (changedAt !== null) { refresh(); return; }
      await keepAddress(signal);
      await pause(PAUSE, signal);
      show(await ask("/api/run", question(FULL), signal), FULL);
      root.dataset.stage = "full";
      await curve(signal);
    } catch (problem) {
      if (signal.aborted || problem.name === "AbortError") return;
      askedAt = null;
      by("results").setAttribute("aria-busy", "false");
      if (changedAt !== null) { refresh(); return; }
      if (root.dataset.stage === "full") { by("knee-note").textContent = problem.message; return; }
      if (problem.isBusy) { await new Promise(done => setTimeout(done, 1000)); if (!signal.aborted) refresh(); return; }
      problemShown(problem);
      root.dataset.stage = "refused";
      keepAddress(signal).catch(() => {});
    }
  };

  const soon = () => {
    changedAt ??= performance.now();
    if (askedAt !== null && performance.now() - askedAt < PATIENCE) return;
    // All changes of one event are one question.
    queueMicrotask(() => { if (changedAt !== null) refresh(); });
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
  by("copy-toml").addEventListener("click", () => copy(scenario.toml, "The TOML"));
  by("copy-vllm").addEventListener("click", () => copy(by("vllm").textContent, "The command"));
  by("toml").addEventListener("input", () => { isWriting = true; });
  by("apply").addEventListener("click", () => {
    isWriting = false;
    state.replace(by("toml").value);
    soon();
  });
  by("reset").addEventListener("click", () => {
    isWriting = false;
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
  });
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
    scenario = served;
    controls.show(served);
    await takeAddress();
    await refresh();
  };
  start().catch(problem => {
    by("error").hidden = false;
    by("error").textContent = `error: ${problem.message}`;
  });
})();
