"use strict";
// The controls of a scenario: each sets a key, and shows what the key is.
const controls = (() => {
  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // ---- what is written, and what is taken for granted ----

  let scenario = { written: {}, settings: [] };
  const written = key => key.split(".").reduce((table, name) => table?.[name], scenario.written);
  const resolved = key => scenario.settings.find(it => it.key === key)?.value;
  const number = key => {
    const value = Number(written(key) ?? resolved(key));
    return Number.isFinite(value) ? value : null;
  };
  const text = key => String(written(key) ?? resolved(key) ?? "");
  const isOn = key => String(written(key) ?? resolved(key)) === "true";

  // A length of time in milliseconds, as scenarios write it.
  const UNITS = { us: 1e-3, µs: 1e-3, ms: 1, s: 1e3, m: 6e4, min: 6e4, h: 3.6e6 };
  const milliseconds = time => {
    const parts = /^\s*([\d.]+)\s*([a-zµ]+)\s*$/.exec(String(time ?? ""));
    return parts && UNITS[parts[2]] ? Number(parts[1]) * UNITS[parts[2]] : null;
  };

  // The number that a distribution of lengths is about.
  const MIDDLES = { fixed: "value", lognormal: "median", gamma: "mean", exponential: "mean" };
  const lengths = key => ({
    read: () => written(key)?.[MIDDLES[written(key)?.dist]] ?? null,
    write: value => {
      const now = written(key);
      const middle = MIDDLES[now.dist];
      // What is longest stays longer than what is usual.
      const most = now.max !== undefined && now.max < 2 * value ? { max: 8 * value } : {};
      return [key, { ...now, [middle]: value, ...most }];
    },
  });

  const isClosed = () => written("workload.arrivals")?.process === "closed";
  const load = {
    read: () => isClosed() ? written("workload.arrivals.concurrency") : written("workload.arrivals.rate") ?? null,
    write: value => isClosed()
      ? ["workload.arrivals", { ...written("workload.arrivals"), concurrency: Math.max(1, Math.round(value)) }]
      : ["workload.arrivals", { ...written("workload.arrivals"), rate: value }],
  };
  // Open and closed loops are about as busy at first: so many users as requests come in some seconds.
  const process = {
    read: () => written("workload.arrivals")?.process ?? "",
    write: value => {
      const now = load.read() ?? 8;
      if (value === "closed") return ["workload.arrivals", { process: value, concurrency: Math.max(1, Math.round(4 * now)) }];
      const rate = isClosed() ? Math.max(0.1, now / 4) : now;
      return ["workload.arrivals", value === "gamma" ? { process: value, rate, cv: 2 } : { process: value, rate }];
    },
  };
  const objective = name => ({
    read: () => milliseconds(written("slo")?.[name] ?? name.split(".").reduce((table, part) => table?.[part], written("slo"))),
    write: value => {
      const [metric, statistic] = name.split(".");
      const { [name]: _, [metric]: nested, ...others } = written("slo") ?? {};
      const { [statistic]: __, ...rest } = nested ?? {};
      return ["slo", {
        ...others,
        ...(Object.keys(rest).length ? { [metric]: rest } : {}),
        ...(value === null ? {} : { [name]: `${value}ms` }),
      }];
    },
  });
  const price = name => ({
    write: value => {
      const { [name]: _, ...others } = written("cost") ?? {};
      return ["cost", { ...others, ...(value === null ? {} : { [name]: value }) }];
    },
  });
  const plain = key => ({ read: () => number(key), write: value => [key, value] });
  const word = key => ({ read: () => text(key), write: value => [key, value] });
  const isStatic = () => text("batching.policy") === "static";
  const seqs = () => isStatic() ? "batching.max_batch_size" : "batching.max_num_seqs";

  const LIST = [
    ["Model", [
      { key: "model.name", label: "Model", choices: it => it.models.map(({ name, title }) => [name, title]) },
      { key: "model.weights", label: "Weights", words: true },
      { key: "model.kv_cache", label: "KV cache", words: true },
    ]],
    ["Server", [
      { key: "server.gpu", label: "GPU", choices: it => it.gpus.map(({ name, title }) => [name, title]) },
      { key: "server.tensor_parallel", label: "GPUs that share the model", ...plain("server.tensor_parallel"), whole: true,
        choices: () => [1, 2, 4, 8, 16].map(count => [String(count), String(count)]) },
    ]],
    ["Batching", [
      { key: "batching.policy", label: "Policy", words: true },
      { key: "batching.max_num_seqs", label: "Requests in a batch at most", unit: "max_num_seqs", from: 1, to: 4096, whole: true,
        read: () => number(seqs()), write: value => [seqs(), value] },
      { key: "batching.max_num_batched_tokens", label: "Tokens in a step at most", unit: "max_num_batched_tokens",
        from: 64, to: 65536, whole: true, ...plain("batching.max_num_batched_tokens") },
      { key: "batching.prefix_caching", label: "Prefix caching", isSwitch: true,
        read: () => isOn("batching.prefix_caching"), write: value => ["batching.prefix_caching", value] },
    ]],
    ["Traffic", [
      { key: "workload.arrivals.process", label: "Arrivals", ...process,
        choices: () => [["poisson", "open: at random (Poisson)"], ["constant", "open: evenly"], ["gamma", "open: in bursts (gamma, cv 2)"],
          ["closed", "closed: each after its answer"]] },
      { key: "workload.arrivals", label: "Load", unit: "requests/s", from: 0.1, to: 2000, ...load,
        named: () => isClosed() ? ["Requests at once", "concurrency"] : ["Rate", "requests/s"] },
      { key: "workload.prompt", label: "Prompt", unit: "tokens", from: 1, to: 131072, whole: true, ...lengths("workload.prompt"),
        named: () => ["Prompt", `tokens, ${MIDDLES[written("workload.prompt")?.dist] ?? "as written"}`] },
      { key: "workload.output", label: "Output", unit: "tokens", from: 1, to: 16384, whole: true, ...lengths("workload.output"),
        named: () => ["Output", `tokens, ${MIDDLES[written("workload.output")?.dist] ?? "as written"}`] },
    ]],
    ["Fleet", [
      { key: "fleet.servers", label: "Servers", from: 1, to: 64, whole: true,
        read: () => written("fleet.pool") ? null : number("fleet.servers") ?? 1, write: value => ["fleet.servers", value] },
      { key: "fleet.router", label: "Router", words: true, read: () => text("fleet.router") || "least_outstanding",
        write: value => ["fleet.router", value] },
    ]],
    ["Objectives", [
      { key: "slo.ttft.p99", label: "TTFT p99 at most", unit: "ms", from: 10, to: 60000, isOptional: true, ...objective("ttft.p99") },
      { key: "slo.tpot.p99", label: "TPOT p99 at most", unit: "ms", from: 1, to: 1000, isOptional: true, ...objective("tpot.p99") },
    ]],
    ["Prices", [
      { key: "cost.gpu_hour", label: "A GPU costs", unit: "$ an hour", from: 0.1, to: 20, isOptional: true, without: "as listed",
        ...price("gpu_hour"), read: () => written("cost.gpu_hour") ?? null },
      { key: "cost.commitment", label: "Rented", words: true, ...price("commitment"),
        read: () => text("cost.commitment") || "on_demand" },
    ]],
  ];

  // ---- a control ----

  const made = [];
  let onChange = () => {};

  const words = (catalogue, key) => {
    const setting = catalogue.settings[key] ?? {};
    const list = setting.enum ?? setting.anyOf?.find(it => it.enum)?.enum ?? [];
    return list.map(name => [name, name]);
  };

  const tidy = value => Number(value.toPrecision(3));

  // Where a number stands on a scale on which each step is as many times as much.
  const STEPS = 240;
  const ofSlider = (it, step) => {
    const value = it.from * (it.to / it.from) ** (step / STEPS);
    return it.whole ? Math.max(it.from, Math.round(tidy(value))) : tidy(value);
  };
  const toSlider = (it, value) => Math.round(STEPS * Math.log(Math.max(value, it.from) / it.from) / Math.log(it.to / it.from));

  const changed = (it, value) => {
    const [key, laid] = it.write(value);
    // What is laid over it by a shorter key would hide this one, and the other way round.
    onChange(key, laid);
    const path = key.split(".");
    const last = path.pop();
    const table = path.reduce((inner, name) => inner[name] ??= {}, scenario.written);
    table[last] = laid;
    if (key === "workload.arrivals" || key === "batching.policy") show();
  };

  const select = (it, id, catalogue) => {
    const input = element("select", { id });
    const list = it.words ? words(catalogue, it.key) : it.choices(catalogue);
    for (const [value, title] of list) input.append(element("option", { value, textContent: title }));
    input.addEventListener("change", () => changed(it, it.whole ? Number(input.value) : input.value));
    return {
      inputs: [input],
      show: value => {
        const shown = String(value ?? "");
        if (![...input.options].some(option => option.value === shown)) {
          input.append(element("option", { value: shown, textContent: shown || "as written" }));
        }
        input.value = shown;
      },
    };
  };

  const toggle = (it, id) => {
    const input = element("input", { id, type: "checkbox" });
    input.addEventListener("change", () => changed(it, input.checked));
    return { inputs: [input], show: value => { input.checked = value; } };
  };

  const amount = (it, id) => {
    const box = element("input", { id, type: "number", min: it.from, step: "any", inputMode: "decimal" });
    const slider = element("input", { type: "range", min: 0, max: STEPS, step: 1 });
    const label = () => `${it.label}${it.unit ? ` (${it.unit})` : ""}, slider`;
    slider.setAttribute("aria-label", label());
    const say = value => slider.setAttribute("aria-valuetext", value === null ? "none" : `${value} ${it.unit ?? ""}`);
    slider.addEventListener("input", () => {
      const value = ofSlider(it, Number(slider.value));
      box.value = value;
      say(value);
      changed(it, value);
    });
    box.addEventListener("input", () => {
      if (box.value === "" && !it.isOptional) return;
      const value = box.value === "" ? null : Number(box.value);
      if (value !== null) slider.value = toSlider(it, value);
      say(value);
      changed(it, value);
    });
    return {
      inputs: [box, slider],
      show: (value, isWritable) => {
        const isEdited = document.activeElement === box || document.activeElement === slider;
        for (const input of [box, slider]) input.disabled = !isWritable;
        if (isEdited) return;
        box.value = value ?? "";
        box.placeholder = value === null ? it.isOptional ? it.without ?? "none" : "as written" : "";
        slider.value = value === null ? 0 : toSlider(it, value);
        say(value);
      },
    };
  };

  const make = (it, catalogue) => {
    const id = `control-${it.key.replaceAll(".", "-")}`;
    const kind = it.words || it.choices ? select : it.isSwitch ? toggle : amount;
    if (!it.read) Object.assign(it, word(it.key));
    const { inputs, show: showValue } = kind(it, id, catalogue);
    const problem = element("p", { id: `${id}-problem`, className: "problem", hidden: true });
    const name = element("span", { textContent: it.label });
    const unit = element("small", { textContent: it.unit ?? "" });
    const label = element("label", { htmlFor: id, title: it.help ?? "" }, name, " ", unit);
    const row = element("div", { className: `control${it.isSwitch ? " switch" : ""}` }, label, ...inputs, problem);
    const title = catalogue.settings[it.key]?.description ?? catalogue.settings[it.key]?.anyOf?.[0].description;
    if (title) row.title = title;
    made.push({
      it, row,
      show: () => {
        const [title, counted] = it.named?.() ?? [it.label, it.unit ?? ""];
        [name.textContent, unit.textContent] = [title, counted];
        const value = it.read();
        showValue(value ?? null, value !== null || it.isOptional === true);
      },
      blame: message => {
        problem.hidden = !message;
        problem.textContent = message ?? "";
        for (const input of inputs) {
          if (message) { input.setAttribute("aria-invalid", "true"); input.setAttribute("aria-describedby", problem.id); }
          else { input.removeAttribute("aria-invalid"); input.removeAttribute("aria-describedby"); }
        }
      },
    });
    return row;
  };

  const show = () => made.forEach(control => control.show());

  return {
    element,
    make: (holder, catalogue, change) => {
      onChange = change;
      for (const [title, list] of LIST) {
        holder.append(element("fieldset", {}, element("legend", { textContent: title }), ...list.map(it => make(it, catalogue))));
      }
    },
    // Shows another scenario.
    show: next => {
      scenario = structuredClone(next);
      show();
    },
    // Says at the control that it is about what is wrong; nothing, if there is no problem. Gives whether there is one.
    blame: (key, message) => {
      const names = ({ it }) => key && (it.key === key || it.write && key.startsWith(`${it.key}.`) || `${it.key}.`.startsWith(`${key}.`));
      const guilty = message && made.find(names);
      made.forEach(control => control.blame(control === guilty ? message.split("\n")[0] : null));
      return Boolean(guilty);
    },
    written,
    isClosed,
    load: () => load.read(),
  };
})();
