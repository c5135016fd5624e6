/* Grids of codes (`data-grid`, rows of numbers) in the inspector. Drawn here: as Dash components, each of their hundred
   cells would be looked at on every change of anything on the page. */
(function () {
  "use strict";

  function draw(place) {
    const codes = JSON.parse(place.dataset.grid);
    const table = place.tagName === "TABLE";
    const rows = codes.map((row, r) => row.map((code, c) => (table ? entry : overlay)(code, r, c)));
    place.replaceChildren(...(table ? [body(rows)] : rows.flat()));
    if (!table) place.style.gridTemplate = `repeat(${codes.length}, 1fr) / repeat(${codes[0].length}, 1fr)`;
  }

  function element(tag, properties, ...children) {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  }

  function overlay(code, r, c) {
    const cell = element("span", { className: "over-cell", title: `code ${code}` }, String(code));
    cell.dataset.cell = `${r},${c}`;
    return cell;
  }

  // The tint only helps the eye to find equal codes, their order means nothing. One stop of the Tab key; arrow keys go
  // on (map_inspect.js).
  function entry(code, r, c) {
    const button = element("button", { type: "button", tabIndex: r === 0 && c === 0 ? 0 : -1 }, String(code));
    button.dataset.cell = `${r},${c}`;
    const cell = element("td", { title: `row ${r + 1}, column ${c + 1}: code ${code}` }, button);
    cell.style.setProperty("--hue", (code * 137) % 360);
    return cell;
  }

  const body = (rows) => element("tbody", {}, ...rows.map((cells) => element("tr", {}, ...cells)));

  // What is shown for another image may get new numbers in the same element.
  window.vqscopeAdded("data-grid", draw);
})();
