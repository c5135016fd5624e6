/* The decode lab: the cell in hand, and the palette of code pictures that gives it another code. */
(function () {
  "use strict";

  const RETRY = 2000; // ms before a picture is asked for again
  const list = () => document.getElementById("lab-palette");

  function tile(code, data) {
    const element = document.createElement("div");
    const place = code % data.page;
    element.className = "palette-tile tile-picture";
    element.dataset.code = code;
    element.title = `code ${code}`;
    element.tabIndex = -1;
    element.setAttribute("role", "option");
    element.setAttribute("aria-label", `code ${code}`);
    element.style.setProperty("--page", `var(--atlas-${Math.floor(code / data.page)})`);
    element.style.setProperty("--row", Math.floor(place / data.columns));
    element.style.setProperty("--column", place % data.columns);
    return element;
  }

  /** Tiles are cut from the picture by CSS, which has to know its address and the size of a tile in it. */
  function load(address, page, data) {
    const img = new Image();
    img.onload = () => {
      list().style.setProperty(`--atlas-${page}`, `url("${img.src}")`);
      list().style.setProperty("--edge", img.naturalWidth / data.columns);
      list().dataset.pages = Number(list().dataset.pages) + 1;
    };
    img.onerror = () => setTimeout(() => list().dataset.index === data.index && (img.src = address), RETRY);
    img.src = address;
  }

  function draw(data) {
    Object.assign(list().dataset, { index: data.index, pages: 0 });
    list().style.setProperty("--columns", data.columns);
    list().replaceChildren(...data.codes.map((code) => tile(code, data)));
    data.pictures.forEach((address, page) => load(address, page, data));
  }

  /** The tile that has the one stop of the Tab key. */
  function reach(tile) {
    list()
      .querySelectorAll('[tabindex="0"]')
      .forEach((other) => (other.tabIndex = -1));
    tile.tabIndex = 0;
  }

  /** The code that the cell in hand has is the chosen one, and is in sight. */
  function mark(code) {
    const own = [...list().children].find((one) => Number(one.dataset.code) === code);
    for (const one of list().children) one.setAttribute("aria-selected", String(one === own));
    reach(own || list().firstElementChild);
    if (!own) return;
    const above = own.offsetTop - list().scrollTop; // of the list alone: scrollIntoView would move the page, too
    if (above >= 0 && above + own.offsetHeight <= list().clientHeight) return;
    list().scrollTop = own.offsetTop - (list().clientHeight - own.offsetHeight) / 2;
  }

  function showPalette(data, code) {
    if (!data) {
      list().replaceChildren();
      delete list().dataset.index;
      return;
    }
    if (list().dataset.index !== data.index) draw(data);
    mark(code);
  }

  const set = (store, data) => window.dash_clientside.set_props(store, { data });

  // The cell in hand: changed at once, not by a callback, as the next click on a code is already meant for it.
  let cell = [0, 0];
  const takeCell = (taken) => {
    cell = taken;
  };
  function take(button) {
    cell = button.dataset.labCell.split(",").map(Number);
    set("lab-cell", cell);
    window.dash_clientside.set_props("lab-code", { value: Number(button.textContent) }); // steps begin at its own code
  }

  /** A code, or "second" or "own", goes to the cell in hand: with it, as that may be another a moment later. */
  const give = (code) => set("lab-given", { code, cell });

  /** The view (dashboard/state_lab.py) with what was given; only of the image that the known codes are of. */
  function giveCode({ code, cell: [row, column] }, known, kept) {
    const query = new URLSearchParams(kept ? kept.query : "");
    if (!known || query.get("point") !== known.point) return window.dash_clientside.no_update;
    const r = Math.min(row, known.codes.length - 1);
    const c = Math.min(column, known.codes[r].length - 1);
    const own = known.codes[r][c];
    const chosen = { own, second: known.second[r][c] }[code] ?? code;
    if (!Number.isInteger(chosen) || chosen < 0 || chosen >= known.size) return window.dash_clientside.no_update;
    const others = (query.get("edits") || "").split(",").filter((edit) => edit && !edit.startsWith(`${r}.${c}.`));
    query.set("edits", [...others, ...(chosen === own ? [] : [`${r}.${c}.${chosen}`])].join(","));
    return { query: `?${query}` };
  }

  function undoEdits(_clicks, kept) {
    const query = new URLSearchParams(kept ? kept.query : "");
    query.delete("edits");
    return { query: `?${query}` };
  }

  const choose = (tile) => give(Number(tile.dataset.code));

  function move(event) {
    const own = event.target.closest(".palette-tile");
    if (!own || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(own);
      return;
    }
    const tiles = [...list().children];
    const next = tiles.findIndex((one) => one.offsetTop > tiles[0].offsetTop);
    const row = next < 0 ? tiles.length : next;
    const here = tiles.indexOf(own);
    const there = {
      ArrowLeft: here - 1,
      ArrowRight: here + 1,
      ArrowUp: here - row,
      ArrowDown: here + row,
      Home: 0,
      End: tiles.length - 1,
    }[event.key];
    if (there === undefined) return;
    event.preventDefault();
    if (!tiles[there]) return;
    reach(tiles[there]);
    tiles[there].focus();
  }

  // The grid is drawn anew after each choice: the focus, where a cell had it, goes to the cell's successor.
  let focused = null;
  document.addEventListener("focusin", (event) => (focused = event.target.dataset.labCell));
  window.vqscopeAdded("data-lab-cell", (cell) => {
    if (cell.dataset.labCell === focused && document.activeElement === document.body) cell.focus({ preventScroll: true });
  });

  document.addEventListener("keydown", move);
  document.addEventListener("keydown", (event) => {
    const { id, value } = event.target;
    if (id === "lab-code" && event.key === "Enter" && !event.isComposing && value !== "") give(Number(value)); // number_field.js presses it
  });
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest(".palette-tile");
    const taken = event.target.closest(".lab-cell");
    const kind = event.target.closest("[data-lab-give]");
    if (chosen) choose(chosen);
    if (taken) take(taken);
    if (kind) give(kind.dataset.labGive);
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, {
    showPalette,
    takeCell,
    giveCode,
    undoEdits,
  });
})();
