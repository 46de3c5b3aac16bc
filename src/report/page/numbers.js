"use strict";
// Numbers as the pictures write them, and those that stand beside axes.
const numbers = (() => {
  // ---- numbers, as the pictures write them ----

  const RUNGS = {
    plain: [[1e15, 1, ""], [1e12, 1e12, "T"], [1e9, 1e9, "G"], [1e6, 1e6, "M"], [1e3, 1e3, "k"], [0, 1, ""]],
    seconds: [[259200, 86400, " d"], [10800, 3600, " h"], [120, 60, " min"], [1, 1, " s"], [1e-3, 1e-3, " ms"],
      [1e-6, 1e-6, " µs"], [0, 1e-9, " ns"]],
    share: [[0, 0.01, " %"]],
  };
  const rung = (unit, size) => RUNGS[unit].find(([from]) => Math.abs(size) * 1.000001 >= from) || RUNGS[unit].at(-1);
  const tidy = (value, digits) => {
    const text = value !== 0 && (Math.abs(value) >= 1e6 || Math.abs(value) < 1e-5)
      ? value.toExponential(Math.min(digits, 15)).replace("+", "")
      : value.toFixed(Math.max(0, Math.min(digits, 15)));
    return text.replace(/(\.\d*?)0+(e|$)/, "$1$2").replace(/\.(e|$)/, "$1").replace(/^-0$/, "0");
  };
  const magnitude = value => value === 0 ? 0 : Math.floor(Math.log10(Math.abs(value)) + 1e-12);
  const written = (unit, value) => {
    if (value === null || Number.isNaN(value)) return "-";
    const [, one, name] = rung(unit, Number(value.toPrecision(3)));
    const count = Number((value / one).toPrecision(3));
    return tidy(count, Math.max(0, 2 - magnitude(count))) + name;
  };
  const value = (axis, number) => axis.names.length ? axis.names[Math.round(number)] ?? "" : written(axis.unit, number);

  // ---- numbers beside axes ----

  const LONG_STEPS = [30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 172800];
  const linearTicks = (axis, low, high, most) => {
    const least = (high - low) / most;
    const isLong = axis.unit === "seconds" && Math.max(Math.abs(low), Math.abs(high)) >= 120 && least > 20;
    const decade = 10 ** Math.floor(Math.log10(least));
    const step = isLong && LONG_STEPS.find(it => it >= least) || decade * [1, 2, 5, 10].find(it => it * decade >= least * 0.999999);
    const ticks = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + step * 1e-9 && ticks.length < 50; at++) ticks.push(at * step);
    return ticks;
  };
  const logarithmicTicks = (axis, low, high, most) => {
    const between = (from, to, one, digits) => {
      const found = [];
      const [start, end] = [Math.max(from, low), Math.min(to, high)];
      if (!(start < end)) return found;
      for (let power = Math.floor(Math.log10(start / one)); power <= Math.log10(end / one); power++) {
        for (const digit of digits) {
          const tick = digit * 10 ** power * one;
          if (tick >= start * (1 - 1e-9) && tick <= end * (1 + 1e-9)) found.push(tick);
        }
      }
      return found;
    };
    const round = digits => axis.unit !== "seconds" ? between(0, Infinity, 1, digits) : [
      ...between(0, 54, 1, digits), ...between(60, 3240, 60, digits),
      ...between(3600, 77760, 3600, digits), ...between(86400, Infinity, 86400, digits)];
    const fine = round([1, 2, 5]);
    if (fine.length < 3) return linearTicks(axis, low, high, most);
    const coarse = round([1]);
    for (const ticks of [fine, round([1, 3]), coarse]) if (ticks.length <= most) return ticks;
    const apart = Math.ceil(coarse.length / most);
    return coarse.filter((_, index) => index % apart === 0);
  };
  const labels = (axis, ticks) => {
    if (axis.names.length) return ticks.map(tick => axis.names[tick] ?? "");
    if (axis.log) return ticks.map(tick => {
      const long = axis.unit === "seconds" && [[86400, "d"], [3600, "h"], [60, "min"]].find(([one]) => tick >= one && tick / one % 1 < 1e-9);
      return long ? `${written("plain", tick / long[0])} ${long[1]}` : written(axis.unit, tick);
    });
    const largest = Math.max(...ticks.map(Math.abs), 0);
    // Thousands are shorter than "0.8k" and "1.2k".
    const isShort = axis.unit === "plain" && largest >= 1e3 && largest < 1e4;
    const [, one, name] = isShort ? [0, 1, ""] : rung(axis.unit, largest);
    const step = ticks.length > 1 ? ticks[1] - ticks[0] : Math.abs(ticks[0]) || 1;
    return ticks.map(tick => Math.abs(tick) < step * 1e-6 ? "0" : tidy(tick / one, Math.max(0, -magnitude(step / one * 1.000001))) + name);
  };

  return { value, linearTicks, logarithmicTicks, labels };
})();
