"use strict";
// Sorts tables by the heading that is clicked.
(() => {
  const sort = (table, column, heading) => {
    const isDown = heading.getAttribute("aria-sort") === "ascending";
    table.querySelectorAll("thead th").forEach(it => it.setAttribute("aria-sort", "none"));
    heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
    const key = row => row.cells[column].dataset.number;
    const text = row => row.cells[column].textContent;
    const compare = (left, right) => {
      const [one, other] = [key(left), key(right)];
      // What is unknown stays at the end.
      if (one === undefined !== (other === undefined)) return one === undefined ? 1 : -1;
      const order = one === undefined ? text(left).localeCompare(text(right), undefined, { numeric: true }) : Number(one) - Number(other);
      return isDown ? -order : order;
    };
    table.tBodies[0].append(...[...table.tBodies[0].rows].sort(compare));
  };

  // What is cut off at the side says so.
  const look = () => document.querySelectorAll(".scroll").forEach(it => {
    it.classList.toggle("cut", it.scrollWidth > it.clientWidth + 1);
  });
  addEventListener("resize", look);
  look();

  document.querySelectorAll("table.sortable").forEach(table => {
    table.querySelectorAll("thead th").forEach((heading, column) => {
      heading.querySelector("button").addEventListener("click", () => sort(table, column, heading));
    });
  });
})();
