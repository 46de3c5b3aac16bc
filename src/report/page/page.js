"use strict";
// Draws the charts that the page carries as JSON, and switches between light and dark.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const { redraw } = charts;
  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  document.getElementById("theme").addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    redraw();
  });
  dark.addEventListener("change", redraw);
  let before;
  addEventListener("beforeprint", () => {
    before = root.dataset.theme;
    root.dataset.theme = "light";
    redraw();
  });
  addEventListener("afterprint", () => {
    if (before) root.dataset.theme = before; else delete root.dataset.theme;
    redraw();
  });

  for (const holder of document.querySelectorAll(".chart:not(.empty)")) {
    charts.draw(holder, JSON.parse(holder.querySelector("script").textContent));
  }
  root.dataset.charts = charts.count();
})();
