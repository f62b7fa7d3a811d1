// Sorting, filtering, reading values off charts, and choosing light or dark. The page shows the same numbers without
// this script.
"use strict";
(() => {
  const THEME = "few-shot-report-theme";
  const remembered = () => { try { return localStorage.getItem(THEME); } catch { return null; } };
  const remember = (theme) => { try { localStorage.setItem(THEME, theme); } catch { /* not stored: it holds for this page only */ } };
  const root = document.documentElement;
  if (["light", "dark"].includes(remembered())) root.dataset.theme = remembered();

  function addThemeButton() {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "theme";
    const isDark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const update = () => { button.textContent = isDark() ? "Light" : "Dark"; button.setAttribute("aria-label", `Use ${button.textContent.toLowerCase()} colours`); };
    button.addEventListener("click", () => { root.dataset.theme = isDark() ? "light" : "dark"; remember(root.dataset.theme); update(); });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", update);
    update();
    document.querySelector("header")?.append(button);
  }

  // Sorting: ascending, descending, original order. Rows of means stay last, block headings first.
  function valueOf(row, column) {
    const cell = row.cells[column];
    const text = (cell.querySelector(".value") || cell).textContent.trim();
    if (!text || text === "-" || text === "–") return null;
    const number = Number(text.replace(/%$/, "").replace("−", "-"));
    return Number.isNaN(number) ? text : number;
  }

  function compare(a, b) {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), "en", { numeric: true });
  }

  function sortTable(table, column, direction) {
    for (const body of table.tBodies) {
      body.originalRows ||= [...body.rows];
      const fixed = (row) => row.matches(".block, .mean");
      const rows = body.originalRows.filter((row) => !fixed(row));
      if (direction) {
        const keyed = rows.map((row) => [valueOf(row, column), row]);
        keyed.sort(([a], [b]) => (a === null) - (b === null) || (a === null ? 0 : direction * compare(a, b)));
        rows.splice(0, rows.length, ...keyed.map(([, row]) => row));
      }
      const block = body.originalRows.filter((row) => row.matches(".block"));
      const mean = body.originalRows.filter((row) => row.matches(".mean"));
      body.append(...block, ...rows, ...mean);
    }
  }

  function makeSortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const next = { ascending: "descending", descending: null }[head.getAttribute("aria-sort")];
        const order = next === undefined ? "ascending" : next;
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        if (order) head.setAttribute("aria-sort", order);
        sortTable(table, column, { ascending: 1, descending: -1 }[order] || 0);
      });
    });
    table.addEventListener("newnumbers", () => {
      if (!heads.some((head) => head.hasAttribute("aria-sort"))) return;
      heads.forEach((head) => head.removeAttribute("aria-sort"));
      sortTable(table, 0, 0);
    });
  }

  function makeFilter(form) {
    const rows = [...document.getElementById(form.dataset.filters).tBodies[0].rows];
    const texts = rows.map((row) => row.textContent.toLowerCase());
    form.hidden = false;
    const apply = () => {
      const words = form.elements.text.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      rows.forEach((row, index) => {
        const fits = ["method", "shots", "status"].every((name) => !form.elements[name].value || row.dataset[name] === form.elements[name].value);
        row.hidden = !(fits && words.every((word) => texts[index].includes(word)));
        shown += !row.hidden;
      });
      form.querySelector("output").value = `${shown} of ${rows.length} runs`;
    };
    form.addEventListener("input", apply);
    form.addEventListener("submit", (event) => event.preventDefault());
    if (form.elements.text.value || [...form.querySelectorAll("select")].some((select) => select.value)) apply();
  }

  // Charts: a slider (or the pointer) chooses an x; the table below shows the value of every line there.
  function nearest(values, x) {
    let best = 0;
    values.forEach((value, index) => { if (Math.abs(value - x) < Math.abs(values[best] - x)) best = index; });
    return best;
  }

  function addSlider(figure, data) {
    const xs = [...new Set(data.series.flatMap((line) => line.x))].sort((a, b) => a - b);
    const svg = figure.querySelector(".plot svg");
    const table = figure.querySelector(".lines");
    const [left, top, width, height] = data.area;
    const [low, high] = data.range;
    const cursor = document.createElementNS("http://www.w3.org/2000/svg", "line");
    cursor.setAttribute("class", "cursor");
    cursor.setAttribute("y1", top);
    cursor.setAttribute("y2", top + height);
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: 0, max: xs.length - 1, step: 1, value: 0 });
    slider.setAttribute("aria-label", `${data.x_label} at which values are shown`);
    slider.style.marginLeft = `${(100 * left) / svg.viewBox.baseVal.width}%`;
    slider.style.width = `${(100 * width) / svg.viewBox.baseVal.width}%`;
    figure.querySelector(".plot").after(slider);
    const head = document.createElement("th");
    head.scope = "col";
    table.tHead.rows[0].append(head);
    const cells = [...table.tBodies[0].rows].map((row) => row.insertCell());
    const short = { "False positive rate": "FPR", "Iteration": "iteration" }[data.x_label] || data.x_label;
    const show = () => {
      const x = xs[slider.value];
      const place = left + (width * (x - low)) / (high - low);
      cursor.setAttribute("x1", place);
      cursor.setAttribute("x2", place);
      const position = `${short} ${Number.isInteger(high) && high > 1 ? x : x.toFixed(2)}`;
      head.textContent = `at ${position}`;
      slider.setAttribute("aria-valuetext", position);
      data.series.forEach((line, index) => { cells[index].textContent = line.y[nearest(line.x, x)].toFixed(4); });
    };
    slider.value = data.range[1] === 1 ? nearest(xs, 0.1) : xs.length - 1;
    svg.append(cursor);
    slider.addEventListener("input", show);
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const at = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      slider.value = nearest(xs, low + ((at - left) / width) * (high - low));
      show();
    });
    [...table.tBodies[0].rows].forEach((row, index) => {
      const line = document.getElementById(`${data.key}-line-${index}`);
      const point = (on) => { figure.classList.toggle("pointed", on); line.classList.toggle("near", on); };
      row.addEventListener("pointerenter", () => point(true));
      row.addEventListener("pointerleave", () => point(false));
    });
    show();
  }

  function openForPrinting() {
    let opened = [];
    addEventListener("beforeprint", () => {
      opened = [...document.querySelectorAll("details:not([open])")];
      opened.forEach((details) => { details.open = true; });
    });
    addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
  }

  function linkPaperSwitches() {
    // One choice applies to all result sets.
    const switches = [...document.querySelectorAll(".paper-switch")];
    switches.forEach((box) => box.addEventListener("change", () => switches.forEach((other) => { other.checked = box.checked; })));
  }

  addEventListener("DOMContentLoaded", () => {
    addThemeButton();
    document.querySelectorAll("table.sortable").forEach(makeSortable);
    document.querySelectorAll("form.filter").forEach(makeFilter);
    const charts = JSON.parse(document.getElementById("charts")?.textContent || "[]");
    charts.forEach((data) => addSlider(document.querySelector(`[data-chart="${data.key}"]`), data));
    openForPrinting();
    linkPaperSwitches();
  });
})();
