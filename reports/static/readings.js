// Tables under other readings, from the numbers inside the page (reports/page/switches.py describes them). Without this
// script the page shows the default reading.
"use strict";
(() => {
  const fixed = (units, percent) => (percent ? `${(units / 100).toFixed(2)}%` : (units / 10000).toFixed(4));
  const signed = (units, percent) =>
    `${units < 0 ? "−" : "+"}${percent ? `${(Math.abs(units) / 100).toFixed(2)} pp` : (Math.abs(units) / 10000).toFixed(4)}`;
  const units = (text) => (/\d/.test(text) ? Math.round(Number(text.replace("%", "")) * (text.includes("%") ? 100 : 10000)) : null);

  function element(name, kind, text) {
    const made = document.createElement(name);
    made.className = kind;
    made.textContent = text;
    return made;
  }

  function fill(cell, token, percent) {
    const [, mean, spread, best, paper, difference, marks] = token.match(/^(-|\d+)(?:,(\d+))?(\*?)(?:~(\d+),(-?\d*))?((?:\|.*)?)$/);
    const number = mean === "-" ? null : Number(mean);
    cell.querySelector(".value").replaceWith(element(best ? "strong" : "span", "value", number === null ? "-" : fixed(number, percent)));
    cell.querySelectorAll(".spread, .part").forEach((old) => old.remove());
    const last = cell.querySelector(".paper");
    const add = (...parts) => (last ? last.before(...parts) : cell.append(...parts));
    if (spread) add(" ", element("span", "spread", `(${fixed(Number(spread))})`));
    marks.split("|").slice(1).forEach((mark) => add(element("span", "part", mark)));
    if (!last) return;
    if (paper) last.querySelector(".published").textContent = fixed(Number(paper), percent);
    else last.querySelector(".published").textContent = last.dataset.published;
    const published = units(last.querySelector(".published").textContent);
    const apart = difference === undefined ? (number === null ? null : number - published) : (difference === "" ? null : Number(difference));
    last.querySelector(".difference").textContent = apart === null ? "−" : signed(apart, percent);
  }

  function addSwitches(form, data) {
    const section = form.closest(".set");
    const names = Object.keys(data.defaults);
    const tables = [...section.querySelectorAll(".table[data-number]")].map((box) => ({
      box,
      number: box.dataset.number,
      cells: [...box.querySelectorAll("tbody td")],
      heading: box.querySelector("h4"),
    }));
    section.querySelectorAll(".table .paper").forEach((paper) => { paper.dataset.published = paper.querySelector(".published").textContent; });
    const key = (values) => names.filter((name) => name in values && values[name] !== data.defaults[name]).map((name) => `${name}=${values[name]}`).join(" ");
    const show = () => {
      const values = {};
      for (const name of names) {
        // A field has an effect if its other values make a reading together with what is chosen before it.
        const other = [...form.elements[name].options].at(-1).value;
        form.elements[name].disabled = !(key({ ...values, [name]: other }) in data.readings);
        if (!form.elements[name].disabled) values[name] = form.elements[name].value;
      }
      const chosen = key(values);
      const reading = data.readings[chosen];
      for (const { box, number, cells, heading } of tables) {
        const [tokens, notes] = reading.tables[number].map((place) => data.texts[place]);
        tokens.split(";").forEach((token, index) => fill(cells[index], token, number === data.percent));
        box.querySelector(".notes").replaceChildren(...notes.split("\n").filter(Boolean).map((note) => element("p", "note", note)));
        box.querySelector(".downloads").hidden = Boolean(chosen);
        heading.querySelector(".chosen")?.remove();
        if (chosen) heading.append(element("span", "chosen", ` (${chosen})`));
        box.querySelector("table").dispatchEvent(new Event("newnumbers"));
      }
      form.querySelector(".reading").textContent = chosen ? `${reading.words} As a command: tables --reading ${chosen}` : reading.words;
      form.elements[names.length].disabled = !chosen;
    };
    form.addEventListener("input", show);
    form.addEventListener("reset", () => setTimeout(show));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.hidden = false;
    show();
  }

  addEventListener("DOMContentLoaded", () => {
    const sets = JSON.parse(document.getElementById("readings")?.textContent || "{}");
    document.querySelectorAll("form.readings").forEach((form) => addSwitches(form, sets[form.closest(".set").id]));
  });
})();
