"use strict";
// Makes charts answer, which are pictures in the page: values under the pointer, series taken away, a part of the time as wide as all.
const charts = (() => {
  const { value, linearTicks, logarithmicTicks, labels } = numbers;
  // Charts in the page, with their numbers.
  const all = [];
  const svg = (name, attributes, parent) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, it] of Object.entries(attributes)) element.setAttribute(key, it);
    parent.append(element);
    return element;
  };

  // ---- places ----

  const canStand = (axis, number) => number !== null && (!axis.log || number > 0);
  const transformed = (axis, number) => axis.log ? Math.log10(number) : number;
  const share = (axis, number) => {
    const [low, high] = [transformed(axis, axis.low), transformed(axis, axis.high)];
    return (transformed(axis, number) - low) / (high - low);
  };
  const valueAt = (axis, at) => {
    const [low, high] = [transformed(axis, axis.low), transformed(axis, axis.high)];
    const number = low + at * (high - low);
    return axis.log ? 10 ** number : number;
  };

  // The picture that is shown of a chart: its plot in units of the picture, and how many of them are a pixel.
  const shown = chart => {
    const at = chart.pictures.findIndex(it => it.getBoundingClientRect().width > 0);
    if (at < 0) return null;
    const picture = chart.pictures[at];
    const [left, top, width, height] = chart.data.plots[at];
    const rect = picture.getBoundingClientRect();
    return { picture, left, top, width, height, rect, unit: picture.viewBox.baseVal.width / rect.width };
  };

  // Where a point is, as shares of the axes; of the horizontal one, of the part that is shown.
  const along = (chart, x) => (share(chart.data.x, x) - chart.part[0]) / (chart.part[1] - chart.part[0]);
  const place = (chart, view, [x, y]) => {
    if (!canStand(chart.data.x, x) || !canStand(chart.data.y, y)) return null;
    const [right, up] = [along(chart, x), share(chart.data.y, y)];
    if (right < -1e-6 || right > 1 + 1e-6) return null;
    return [view.left + right * view.width, view.top + (1 - up) * view.height];
  };

  // The rectangle of a bar, which may stand upon others.
  const bar = (chart, view, series, [x, y], base) => {
    const { bars } = chart.data;
    const wide = Math.min(view.width * bars.apart * 0.8 / bars.count, 900);
    const foot = Math.min(Math.max(share(chart.data.y, chart.data.y.log ? chart.data.y.low : base), 0), 1);
    const ends = [1 - foot, 1 - share(chart.data.y, base + y)].map(it => view.top + it * view.height);
    const left = view.left + along(chart, x) * view.width - wide * bars.count / 2 + wide * series.bar;
    return [left, Math.min(...ends), left + wide, Math.max(...ends)];
  };

  // ---- what shows under the pointer ----

  const isOff = (chart, series) => chart.off.has(series.number);
  const REACH = 40;

  const nearest = (chart, view, x, y) => {
    let found = null;
    let least = REACH * view.unit;
    for (const series of chart.data.series) {
      if (series.guide || isOff(chart, series)) continue;
      for (const [number, point] of series.points.entries()) {
        const base = series.bases?.[number] ?? 0;
        const at = place(chart, view, base ? [point[0], base + point[1]] : point);
        if (!at) continue;
        let distance = Math.hypot(at[0] - x, at[1] - y);
        if (series.bar !== null) {
          const [left, top, right, bottom] = bar(chart, view, series, point, base);
          const reach = series.bases ? 0 : least;
          const isOver = x >= left && x <= right && y >= top - reach && y <= bottom + reach;
          distance = isOver ? 0 : Infinity;
          at[0] = (left + right) / 2;
        }
        if (distance < least) {
          least = distance;
          found = { series, point, at };
        }
      }
    }
    return found;
  };

  const line = (parent, text, name = "div") => {
    const element = document.createElement(name);
    element.textContent = text;
    parent.append(element);
  };

  const hideTip = chart => {
    chart.tip.hidden = true;
    chart.spot?.remove();
  };
  const showTip = (chart, view, x, y) => {
    hideTip(chart);
    const found = nearest(chart, view, x, y);
    if (!found) return;
    const { tip, data } = chart;
    const { series, point, at } = found;
    tip.hidden = false;
    tip.replaceChildren();
    if (series.name) line(tip, series.name, "strong");
    if (point[4]) line(tip, point[4]);
    line(tip, `${data.x.title || "x"}: ${value(data.x, point[0])}`);
    line(tip, `${data.y.title || "value"}: ${value(data.y, point[1])}`);
    if (point.length >= 4 && point[2] !== null && point[3] !== null) {
      line(tip, `95 %: ${value(data.y, point[2])} to ${value(data.y, point[3])}`);
    }
    if (series.bar === null) chart.spot = svg("circle", { class: "spot", cx: at[0], cy: at[1], r: 6 * view.unit }, view.picture);
    const [right, down] = at.map(it => it / view.unit);
    tip.style.left = `${Math.max(Math.min(right + 12, view.rect.width - tip.offsetWidth), 0)}px`;
    tip.style.top = `${down - tip.offsetHeight - 12 < 0 ? down + 16 : down - tip.offsetHeight - 12}px`;
  };

  // ---- a part of the axis ----

  // What stands below the plot of a picture, for the part that is shown.
  const writeTicks = (chart, at) => {
    const group = chart.pictures[at].querySelector(".ticks");
    const [line, text] = [group?.querySelector("polyline"), group?.querySelector("text")];
    if (!line || !text) return;
    const [left, top, width, height] = chart.data.plots[at];
    const axis = { ...chart.data.x, low: valueAt(chart.data.x, chart.part[0]), high: valueAt(chart.data.x, chart.part[1]) };
    const most = Math.max(2, Math.min(9, Math.floor(width / 800)));
    const ticks = axis.log ? logarithmicTicks(axis, axis.low, axis.high, most) : linearTicks(axis, axis.low, axis.high, most);
    const words = labels(axis, ticks);
    group.replaceChildren(...ticks.flatMap((tick, number) => {
      const x = Math.round(left + along(chart, tick) * width);
      const [grid, word] = [line, text].map(it => it.cloneNode());
      grid.setAttribute("points", `${x},${top} ${x},${top + height}`);
      word.setAttribute("x", x);
      word.textContent = words[number];
      return [grid, word];
    }));
  };

  const showPart = (chart, from, to) => {
    const isWhole = from <= 0 && to >= 1;
    chart.part = isWhole ? [0, 1] : [Math.max(from, 0), Math.min(to, 1)];
    const [start, end] = chart.part;
    chart.pictures.forEach((picture, at) => {
      const [left, , width] = chart.data.plots[at];
      const inside = picture.querySelector(".stretched");
      const whole = chart.wholes[at];
      if (inside) {
        const [x, y, wide, high] = whole.view;
        // Around the plot there is an edge, which is as wide as ever.
        const edge = (inside.width.baseVal.value - width) / 2 / width;
        const zoom = wide / (1 + 2 * edge);
        inside.setAttribute("viewBox", `${x + zoom * (edge + start - edge * (end - start))} ${y} ${wide * (end - start)} ${high}`);
      }
      if (isWhole) picture.querySelector(".ticks")?.replaceChildren(...whole.ticks); else writeTicks(chart, at);
      for (const name of picture.querySelectorAll(".place")) {
        const was = Number(name.dataset.at);
        const now = (was - start) / (end - start);
        name.style.display = now < 0 || now > 1 ? "none" : "";
        if (isWhole) name.removeAttribute("transform"); else {
          const middle = Number(name.querySelector("text").getAttribute("x"));
          name.setAttribute("transform", `translate(${Math.round(left + now * width - middle)} 0)`);
        }
      }
    });
    chart.holder.classList.toggle("part", !isWhole);
    hideTip(chart);
  };

  // All charts over the same time show the same part of it.
  const alike = chart => chart.data.x.title === "time" ? all.filter(it => it.data.zooms && it.data.x.title === "time") : [chart];
  const showBetween = (chart, low, high) => {
    for (const it of alike(chart)) showPart(it, share(it.data.x, low), share(it.data.x, high));
  };
  const showWhole = chart => {
    for (const it of alike(chart)) showPart(it, 0, 1);
  };

  // ---- the pointer ----

  const listen = chart => {
    const { holder } = chart;
    let drag = null;
    const where = (event, view) => [(event.clientX - view.rect.left) * view.unit, (event.clientY - view.rect.top) * view.unit];
    const bounded = (x, view) => Math.min(Math.max(x, view.left), view.left + view.width);
    const endDrag = () => {
      drag?.box.remove();
      drag = null;
    };
    holder.addEventListener("pointermove", event => {
      const view = shown(chart);
      if (!view) return;
      const [x, y] = where(event, view);
      if (!drag) { showTip(chart, view, x, y); return; }
      hideTip(chart);
      drag.to = bounded(x, view);
      drag.box.setAttribute("x", Math.min(drag.from, drag.to));
      drag.box.setAttribute("width", Math.abs(drag.to - drag.from));
    });
    holder.addEventListener("pointerleave", () => hideTip(chart));
    if (!chart.data.zooms) return;
    holder.classList.add("zooms");
    const whole = document.createElement("button");
    whole.type = "button";
    whole.className = "whole";
    whole.textContent = "Show all";
    whole.addEventListener("click", () => showWhole(chart));
    holder.append(whole);
    holder.addEventListener("pointerdown", event => {
      if (event.target === whole) return;
      const view = shown(chart);
      if (!view || event.button !== 0) return;
      const [x, y] = where(event, view);
      if (x < view.left || x > view.left + view.width || y < view.top || y > view.top + view.height) return;
      const box = svg("rect", { class: "select", x, y: view.top, width: 0, height: view.height }, view.picture);
      drag = { from: x, to: x, box };
      try { holder.setPointerCapture(event.pointerId); } catch { /* A pointer that is no more: it ends like others. */ }
    });
    holder.addEventListener("pointerup", () => {
      const view = shown(chart);
      if (!drag || !view) return;
      const [from, to] = [drag.from, drag.to].sort((left, right) => left - right);
      endDrag();
      // Less is a click.
      if (to - from < 5 * view.unit) return;
      const at = x => chart.part[0] + (x - view.left) / view.width * (chart.part[1] - chart.part[0]);
      showBetween(chart, valueAt(chart.data.x, at(from)), valueAt(chart.data.x, at(to)));
    });
    holder.addEventListener("pointercancel", endDrag);
    holder.addEventListener("dblclick", () => showWhole(chart));
  };

  // ---- legends ----

  const toggle = (figure, button, off) => {
    const isOn = button.getAttribute("aria-pressed") === "true";
    button.setAttribute("aria-pressed", String(!isOn));
    const number = Number(button.dataset.series);
    if (isOn) off.add(number); else off.delete(number);
    for (const it of figure.querySelectorAll(`.picture [data-series="${number}"]`)) it.style.display = isOn ? "none" : "";
  };

  // A cell of a heat map says what it is the value of.
  const nameCell = ({ target }) => {
    const table = target.closest("td:not(.none)")?.closest("table");
    if (!table || target.title) return;
    const [row, column] = [target.parentElement.cells[0], table.tFoot.rows[0].cells[target.cellIndex]];
    const { x, y, what } = table.dataset;
    target.title = `${x}: ${column.textContent}\n${y}: ${row.textContent}\n${what}: ${target.textContent}`;
  };

  // Makes the charts of a figure answer; gives a function that forgets them.
  const start = figure => {
    const off = new Set();
    const ours = [...figure.querySelectorAll(".chart")].filter(it => it.querySelector("script")).map(holder => {
      const pictures = [...holder.querySelectorAll(".picture")];
      const wholes = pictures.map(picture => {
        const view = picture.querySelector(".stretched")?.getAttribute("viewBox").split(" ").map(Number);
        return { view, ticks: [...picture.querySelector(".ticks")?.children ?? []] };
      });
      const tip = document.createElement("div");
      tip.className = "tip";
      tip.hidden = true;
      holder.append(tip);
      return { holder, pictures, wholes, tip, off, part: [0, 1], data: JSON.parse(holder.querySelector("script").textContent) };
    });
    ours.forEach(listen);
    all.push(...ours);
    for (const it of figure.querySelectorAll(".heat")) it.addEventListener("pointerover", nameCell);
    for (const button of figure.querySelectorAll(".legend button")) button.addEventListener("click", () => toggle(figure, button, off));
    return () => ours.forEach(it => all.splice(all.indexOf(it), 1));
  };

  return { start, count: () => all.length };
})();
