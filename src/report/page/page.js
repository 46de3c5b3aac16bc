"use strict";
// Makes the figures of the page answer, and switches between light and dark.
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
  document.getElementById("theme").addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; });
  document.querySelectorAll("figure").forEach(charts.start);
  root.dataset.charts = charts.count();
})();
