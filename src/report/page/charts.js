"use strict";
// Draws charts, which it is given as JSON.
const charts = (() => {
  const { value, linearTicks, logarithmicTicks, labels } = numbers;
  const drawn = [];
  const root = document.documentElement;
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

  // ---- colours ----

  const css = name => getComputedStyle(root).getPropertyValue(name).trim();
  // Black is not seen on black.
  const colour = series => series.guide ? css("--dim") : series.colour === "#000000" ? css("--ink") : series.colour;

  // ---- charts ----

  const ratio = () => devicePixelRatio || 1;
  const measure = document.createElement("canvas").getContext("2d");
  measure.font = FONT;
  const width = text => measure.measureText(text).width;
  const fitted = (text, room) => {
    if (width(text) <= room) return text;
    let length = text.length;
    while (length > 0 && width(text.slice(0, length) + "…") > room) length--;
    return length > 0 ? text.slice(0, length).trimEnd() + "…" : "";
  };

  const canStand = (axis, number) => number !== null && Number.isFinite(number) && (!axis.log || number > 0);

  // One column of x for all series, as uPlot wants it: an x that a series has twice gets two rows. A gap is null, no point undefined.
  const aligned = chart => {
    const rows = new Map();
    chart.series.forEach((series, index) => {
      const seen = new Map();
      for (const [x, y] of series.points) {
        if (!canStand(chart.x, x)) continue;
        const turn = seen.get(x) ?? 0;
        seen.set(x, turn + 1);
        const key = `${x} ${turn}`;
        if (!rows.has(key)) rows.set(key, { x, ys: [] });
        rows.get(key).ys[index] = canStand(chart.y, y) ? y : null;
      }
    });
    const sorted = [...rows.values()].sort((left, right) => left.x - right.x);
    return [sorted.map(row => row.x), ...chart.series.map((_, index) => sorted.map(row => row.ys[index]))];
  };

  const place = (u, chart, point) => {
    if (!canStand(chart.x, point[0]) || !canStand(chart.y, point[1])) return null;
    return [u.valToPos(point[0], "x", true), u.valToPos(point[1], "y", true)];
  };

  const ends = (u, chart, point) => {
    if (point.length < 4) return null;
    const clamped = number => {
      const bounded = Math.min(Math.max(number ?? NaN, chart.y.low), chart.y.high);
      return Number.isNaN(bounded) ? null : u.valToPos(bounded, "y", true);
    };
    const both = [clamped(point[2]), clamped(point[3])];
    return both.includes(null) ? null : both;
  };

  const drawMark = (context, kind, [x, y], size) => {
    const corners = {
      square: [[-0.8, -0.8], [0.8, -0.8], [0.8, 0.8], [-0.8, 0.8]],
      triangle: [[0, -1.1], [1, 0.8], [-1, 0.8]],
      diamond: [[0, -1.2], [1.2, 0], [0, 1.2], [-1.2, 0]],
    }[kind];
    context.beginPath();
    if (corners) {
      corners.forEach(([right, down]) => context.lineTo(x + right * size, y + down * size));
      context.closePath();
      context.fill();
    } else if (kind === "disc" || kind === "ring") {
      context.arc(x, y, 0.85 * size, 0, 2 * Math.PI);
      if (kind === "disc") context.fill(); else context.stroke();
    } else {
      const strokes = kind === "cross" ? [[-0.9, -0.9, 0.9, 0.9], [-0.9, 0.9, 0.9, -0.9]] : [[-1.1, 0, 1.1, 0], [0, -1.1, 0, 1.1]];
      for (const [fromX, fromY, toX, toY] of strokes) {
        context.moveTo(x + fromX * size, y + fromY * size);
        context.lineTo(x + toX * size, y + toY * size);
      }
      context.stroke();
    }
  };

  // The rectangle of a bar, in pixels of the canvas.
  const bar = (u, chart, series, point) => {
    const at = place(u, chart, point);
    if (!at) return null;
    const group = Math.abs(u.valToPos(chart.x.low, "x", true) - u.valToPos(chart.x.high, "x", true)) * chart.bars.apart * 0.8;
    const wide = Math.min(group / chart.bars.count, 90 * ratio());
    const zero = canStand(chart.y, 0) ? u.valToPos(Math.min(Math.max(0, chart.y.low), chart.y.high), "y", true) : u.bbox.top + u.bbox.height;
    const left = at[0] - wide * chart.bars.count / 2 + wide * series.bar;
    return [left, Math.min(at[1], zero), Math.max(wide - ratio(), 1), Math.abs(zero - at[1])];
  };

  const drawInterval = (context, x, [low, high]) => {
    const cap = 3.5 * ratio();
    context.lineWidth = 1.2 * ratio();
    context.beginPath();
    context.moveTo(x, low);
    context.lineTo(x, high);
    for (const y of [low, high]) {
      context.moveTo(x - cap, y);
      context.lineTo(x + cap, y);
    }
    context.stroke();
  };

  const drawLine = (u, chart, series, context) => {
    context.lineWidth = (series.guide ? 1 : 2) * ratio();
    context.setLineDash(series.dashes.map(length => length * ratio()));
    context.beginPath();
    let before = null;
    let isAlone = null;
    for (const point of series.points) {
      const at = place(u, chart, point);
      if (at && before) {
        if (series.shape === "steps") context.lineTo(at[0], before[1]);
        context.lineTo(at[0], at[1]);
        isAlone = null;
      } else {
        if (isAlone) context.fillRect(isAlone[0] - ratio(), isAlone[1] - ratio(), 2 * ratio(), 2 * ratio());
        if (at) context.moveTo(at[0], at[1]);
        isAlone = at;
      }
      before = at;
    }
    if (isAlone) context.fillRect(isAlone[0] - ratio(), isAlone[1] - ratio(), 2 * ratio(), 2 * ratio());
    context.stroke();
    context.setLineDash([]);
  };

  // Where points stand close together, their intervals are one band.
  const drawBands = (u, chart, series, context) => {
    let run = [];
    const close = () => {
      context.beginPath();
      run.forEach(([x, low]) => context.lineTo(x, low));
      run.reverse().forEach(([x, , high]) => context.lineTo(x, high));
      context.globalAlpha = 0.2;
      context.fill();
      context.globalAlpha = 1;
      run = [];
    };
    for (const point of series.points) {
      const at = place(u, chart, point);
      const both = at && ends(u, chart, point);
      if (both) run.push([at[0], ...both]); else close();
    }
    close();
  };

  const drawSeries = (u, chart, series, context) => {
    const { shape } = series;
    context.strokeStyle = context.fillStyle = colour(series);
    if (shape === "bars") {
      for (const point of series.points) {
        const rect = bar(u, chart, series, point);
        if (!rect) continue;
        context.fillRect(...rect);
        const both = ends(u, chart, point);
        context.strokeStyle = css("--ink");
        if (both) drawInterval(context, rect[0] + rect[2] / 2, both);
      }
      return;
    }
    if (shape === "line") drawBands(u, chart, series, context);
    else for (const point of series.points) {
      const at = place(u, chart, point);
      const both = at && ends(u, chart, point);
      if (both) drawInterval(context, at[0], both);
    }
    if (shape !== "points") drawLine(u, chart, series, context);
    if (shape === "curve" || shape === "points") {
      context.lineWidth = 2 * ratio();
      for (const point of series.points) {
        const at = place(u, chart, point);
        if (at) drawMark(context, series.mark, at, 4.5 * ratio());
      }
    }
  };

  const LINE = 15;
  // Names of vertical marks stand in lines above the plot, those of horizontal ones at its right.
  const room = chart => {
    const names = vertical => chart.marks.filter(mark => mark.vertical === vertical && mark.name);
    const beside = Math.max(16, ...names(false).map(mark => Math.min(width(mark.name), 150) + 12));
    return [8 + LINE * Math.min(names(true).length, 3), beside, 0, 0];
  };

  const drawMarks = (u, chart, context) => {
    const { left, top, width: wide, height } = u.bbox;
    context.strokeStyle = context.fillStyle = css("--mark");
    context.lineWidth = 1.2 * ratio();
    context.font = FONT.replace("12px", `${12 * ratio()}px`);
    const rowEnds = [-Infinity, -Infinity, -Infinity];
    let lowest = -Infinity;
    const places = chart.marks.filter(mark => canStand(mark.vertical ? chart.x : chart.y, mark.at))
      .map(mark => ({ mark, at: u.valToPos(mark.at, mark.vertical ? "x" : "y", true) }))
      .sort((one, other) => one.at - other.at);
    for (const { mark, at } of places) {
      const [start, length] = mark.vertical ? [left, wide] : [top, height];
      if (at < start - 1 || at > start + length + 1) continue;
      context.setLineDash([6 * ratio(), 4 * ratio()]);
      context.beginPath();
      if (mark.vertical) { context.moveTo(at, top); context.lineTo(at, top + height); }
      else { context.moveTo(left, at); context.lineTo(left + wide, at); }
      context.stroke();
      context.setLineDash([]);
      if (mark.vertical) {
        const name = fitted(mark.name, wide / ratio() / 2);
        const half = width(name) * ratio() / 2;
        const centre = Math.min(Math.max(at, half), left + wide - half + 10 * ratio());
        const row = rowEnds.findIndex(end => end + 10 * ratio() <= centre - half);
        if (row < 0) continue;
        rowEnds[row] = centre + half;
        context.textAlign = "center";
        context.textBaseline = "alphabetic";
        context.fillText(name, centre, top - (5 + row * LINE) * ratio());
      } else {
        const y = Math.max(at, lowest + LINE * ratio());
        lowest = y;
        context.textAlign = "left";
        context.textBaseline = "middle";
        context.fillText(fitted(mark.name, 150), left + wide + 6 * ratio(), y);
      }
    }
  };

  // Beside points, where neither another point nor another label is; all of them show under the pointer anyway.
  const drawLabels = (u, chart, context) => {
    const { left, top, width: wide, height } = u.bbox;
    const shown = chart.series.filter((series, index) => u.series[index + 1].show && !series.guide);
    const all = shown.flatMap(series => series.points.map(point => ({ at: place(u, chart, point), text: point[4] })));
    const points = all.filter(({ at }) => at);
    const labelled = points.filter(({ text }) => text);
    if (labelled.length > 30) return;
    const pixel = ratio();
    const away = 8 * pixel;
    const taken = points.map(({ at: [x, y] }) => [x - 4 * pixel, y - 4 * pixel, x + 4 * pixel, y + 4 * pixel]);
    context.font = FONT.replace("12px", `${12 * pixel}px`);
    context.fillStyle = css("--ink");
    context.textAlign = "left";
    context.textBaseline = "middle";
    for (const { at: [x, y], text } of labelled) {
      const name = fitted(text, 160);
      const [long, high] = [width(name) * pixel, 14 * pixel];
      // Slanted first: a curve passes level places more often.
      const starts = [[x + away / 2, y - 1.5 * away], [x - long - away / 2, y - 1.5 * away], [x - long / 2, y - 1.8 * away],
        [x + away / 2, y + 1.5 * away], [x + away, y], [x - long - away, y], [x - long / 2, y + 1.8 * away]];
      for (const [start, middle] of starts) {
        const rect = [start, middle - high / 2, start + long, middle + high / 2];
        const isInside = rect[0] >= left && rect[1] >= top && rect[2] <= left + wide && rect[3] <= top + height;
        const meets = other => rect[0] < other[2] && other[0] < rect[2] && rect[1] < other[3] && other[1] < rect[3];
        if (!isInside || taken.some(meets)) continue;
        context.fillText(name, start, middle);
        taken.push(rect);
        break;
      }
    }
  };

  const drawAll = (u, chart) => {
    const context = u.ctx;
    const { left, top, width: wide, height } = u.bbox;
    context.save();
    drawMarks(u, chart, context);
    context.beginPath();
    const around = 6 * ratio();
    context.rect(left - around, top - around, wide + 2 * around, height + 2 * around);
    context.clip();
    context.lineJoin = "round";
    chart.series.forEach((series, index) => {
      if (u.series[index + 1].show) drawSeries(u, chart, series, context);
    });
    drawLabels(u, chart, context);
    context.restore();
  };

  // ---- what shows under the pointer ----

  const nearest = (u, chart, x, y) => {
    const REACH = 40 * ratio();
    let found = null;
    let least = REACH;
    chart.series.forEach((series, index) => {
      if (!u.series[index + 1].show || series.guide) return;
      for (const point of series.points) {
        const at = place(u, chart, point);
        if (!at) continue;
        let distance = Math.hypot(at[0] - x, at[1] - y);
        if (series.shape === "bars") {
          const [left, upper, wide, high] = bar(u, chart, series, point);
          const isInside = x >= left && x <= left + wide && y >= upper - REACH && y <= upper + high + REACH;
          distance = isInside ? 0 : Infinity;
        }
        if (distance < least) {
          least = distance;
          found = { series, point, at };
        }
      }
    });
    return found;
  };

  const line = (parent, text, isStrong) => {
    const element = document.createElement(isStrong ? "strong" : "div");
    element.textContent = text;
    parent.append(element);
  };

  const showTip = (u, chart, tip) => {
    const { left, top } = u.cursor;
    const isOver = left !== undefined && left >= 0;
    const found = isOver && nearest(u, chart, left * ratio() + u.bbox.left, top * ratio() + u.bbox.top);
    tip.hidden = !found;
    if (!found) return;
    const { series, point, at } = found;
    tip.replaceChildren();
    if (series.name) line(tip, series.name, true);
    if (point[4]) line(tip, point[4]);
    line(tip, `${chart.x.title || "x"}: ${value(chart.x, point[0])}`);
    line(tip, `${chart.y.title || "y"}: ${value(chart.y, point[1])}`);
    if (point.length >= 4 && point[2] !== null && point[3] !== null) {
      line(tip, `95 %: ${value(chart.y, point[2])} to ${value(chart.y, point[3])}`);
    }
    const x = (at[0] - u.bbox.left) / ratio();
    const y = (at[1] - u.bbox.top) / ratio();
    const wide = u.bbox.width / ratio();
    tip.style.left = `${Math.max(Math.min(x + 12, wide - tip.offsetWidth), 12 - tip.offsetWidth / 2)}px`;
    tip.style.top = `${y - tip.offsetHeight - 10 < -20 ? y + 14 : y - tip.offsetHeight - 10}px`;
  };

  const axisOptions = (chart, axis, isBelow) => ({
    scale: isBelow ? "x" : "y",
    stroke: () => css("--ink"),
    font: FONT,
    grid: { stroke: () => css("--grid"), width: 1, show: !axis.names.length },
    ticks: { show: false },
    gap: 6,
    // The ticks below are what is wanted already.
    filter: (_, splits) => splits,
    splits: (u, _, low, high) => {
      if (axis.names.length) return axis.names.map((_, index) => index).filter(index => index >= low && index <= high);
      const length = (isBelow ? u.bbox.width : u.bbox.height) / ratio() || 400;
      const most = Math.max(2, Math.min(9, Math.floor(length / (isBelow ? 75 : 30))));
      return axis.log ? logarithmicTicks(axis, low, high, most) : linearTicks(axis, low, high, most);
    },
    values: (u, splits) => {
      const slot = isBelow && axis.names.length ? u.bbox.width / ratio() / axis.names.length - 8 : 0;
      return labels(axis, splits).map(text => fitted(text, Math.max(110, slot)));
    },
    ...(isBelow
      ? {
        label: axis.title || undefined,
        labelFont: FONT.replace("12px", "13px"),
        labelSize: 22,
        labelGap: 2,
        rotate: (u, values) => axis.names.length && Math.max(...values.map(width), 0) > u.bbox.width / ratio() / axis.names.length - 6 ? 90 : 0,
        size: (u, values) => {
          const widest = Math.max(...(values ?? []).map(width), 0);
          const isUpright = axis.names.length && widest > u.bbox.width / ratio() / axis.names.length - 6;
          return isUpright ? widest + 16 : 28;
        },
      }
      : { size: (_, values) => Math.max(...(values ?? []).map(width), 16) + 14 }),
  });

  // All charts over the same time show the part that somebody has drawn a box over in one of them.
  const alike = chart => chart.x.title === "time" ? drawn.filter(it => it.chart.x.title === "time") : [];
  const zoomAll = (u, chart) => {
    chart.isZoomed = true;
    const [min, max] = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
    for (const other of alike(chart)) {
      if (other.u === u || min >= max) continue;
      other.chart.isZoomed = true;
      other.u.setScale("x", { min, max });
    }
  };
  const showAll = chart => {
    chart.isZoomed = false;
    for (const other of alike(chart)) {
      if (other.chart === chart) continue;
      other.chart.isZoomed = false;
      other.u.setScale("x", { min: other.chart.x.low, max: other.chart.x.high });
    }
  };

  const options = (chart, tip, wide) => ({
    width: wide,
    height: 320,
    padding: room(chart),
    scales: {
      x: {
        time: false,
        distr: chart.x.log ? 3 : 1,
        // A part that somebody drew a box over; otherwise all.
        range: (u, low, high) => u.data && chart.isZoomed && low !== null && low < high ? [low, high] : [chart.x.low, chart.x.high],
      },
      y: { distr: chart.y.log ? 3 : 1, range: () => [chart.y.low, chart.y.high] },
    },
    axes: [axisOptions(chart, chart.x, true), axisOptions(chart, chart.y, false)],
    series: [
      { label: chart.x.title || "x", value: (_, number) => number === null || number === undefined ? "" : value(chart.x, number) },
      ...chart.series.map(series => ({
        label: series.name || " ",
        stroke: () => colour(series),
        width: 2,
        dash: series.dashes.length ? series.dashes : undefined,
        // Drawn below, with marks, intervals and bars.
        paths: () => null,
        points: { show: false },
        value: (_, number) => number === null || number === undefined ? "" : value(chart.y, number),
      })),
    ],
    // What stands under the pointer is said there; names are read in print too. A curve alone is what the title says.
    legend: { show: chart.series.length > 1 || Boolean(chart.bars), live: false, markers: { width: 0, fill: (_, index) => colour(chart.series[index - 1]) } },
    cursor: {
      y: false,
      points: { size: 9, show: chart.series.length <= 12 && !chart.bars },
      drag: { x: !chart.x.names.length, y: false },
      // Of series without a value at this x, the nearest one they have.
      dataIdx: (u, index, closest) => {
        const column = u.data[index];
        if (index === 0 || (column[closest] ?? null) !== null) return closest;
        for (let away = 1; away < column.length; away++) {
          if ((column[closest - away] ?? null) !== null) return closest - away;
          if ((column[closest + away] ?? null) !== null) return closest + away;
        }
        return closest;
      },
    },
    hooks: {
      draw: [u => drawAll(u, chart)],
      setCursor: [u => showTip(u, chart, tip)],
      setSelect: [u => zoomAll(u, chart)],
    },
  });

  // Draws a chart into an element; gives a function that takes it away.
  const draw = (holder, chart) => {
    const data = aligned(chart);
    if (!data.slice(1).some(column => column.some(it => (it ?? null) !== null))) {
      line(holder, "no data");
      holder.classList.add("empty");
      return () => { holder.textContent = ""; holder.classList.remove("empty"); };
    }
    const tip = document.createElement("div");
    tip.className = "tip";
    tip.hidden = true;
    const wide = () => Math.max(240, holder.clientWidth);
    // uPlot selects first and scales then; a double click shows all again.
    holder.addEventListener("dblclick", () => showAll(chart), true);
    const u = new uPlot(options(chart, tip, wide()), data, holder);
    u.over.append(tip);
    u.over.addEventListener("mouseleave", () => { tip.hidden = true; });
    const resized = new ResizeObserver(() => { if (u.width !== wide()) u.setSize({ width: wide(), height: 320 }); });
    resized.observe(holder);
    drawn.push({ u, chart });
    return () => {
      resized.disconnect();
      drawn.splice(drawn.findIndex(it => it.u === u), 1);
      u.destroy();
    };
  };

  // With other colours.
  const redraw = () => drawn.forEach(({ u }) => u.redraw(false, true));

  return { draw, redraw, count: () => drawn.length };
})();
