/* The codebook: tiles cut from a few pictures, moving among them by key, and the choice of one. */
(function () {
  "use strict";

  const SETTLE = 250; // ms without another key before the code under the focus is looked up
  const RETRY = 2000; // ms before a picture is asked for again, doubled each time
  const ORDERS = {
    similar: (a, b) => a.rank - b.rank,
    use: (a, b) => b.images - a.images || a.code - b.code,
    rare: (a, b) => a.images - b.images || a.code - b.code,
  };
  const grid = () => document.getElementById("codebook-grid");
  const tileOf = (code) => document.getElementById("code-" + code);
  const count = (n) => n.toLocaleString("en-US");
  let settling = null;

  function words(one) {
    if (!one.images) return `Code ${one.code}, dead: no image contains it`;
    const label = one.label === null ? [] : [`${one.label.replace(/\/[^/]*$/, "")}: ${one.labelName}`];
    const goes = [...(one.dataset === null ? [] : [one.dataset]), ...label];
    const use = `Code ${one.code}, in ${count(one.images)} images, ${(100 * one.share).toFixed(1)} %`;
    return goes.length ? `${use}, goes with ${goes.join(" and ")}` : use;
  }

  function tile(one, data, most, show) {
    const element = document.createElement("div");
    const place = one.code % data.page;
    const text = words(one);
    element.id = "code-" + one.code;
    element.className = one.images ? "code-tile" : "code-tile dead";
    element.dataset.code = one.code;
    element.title = text;
    element.tabIndex = -1;
    element.setAttribute("role", "option");
    element.setAttribute("aria-label", text);
    element.setAttribute("aria-selected", "false");
    const picture = document.createElement("span");
    picture.className = "tile-picture";
    picture.style.setProperty("--page", `var(--atlas-${show}-${Math.floor(one.code / data.page)})`);
    picture.style.setProperty("--row", Math.floor(place / data.columns));
    picture.style.setProperty("--column", place % data.columns);
    const use = document.createElement("span");
    use.className = "tile-use";
    use.style.setProperty("--use", `${(100 * one.images) / most}%`);
    element.append(picture, use);
    const mark = data.marks[one.dataset];
    if (mark) {
      const swatch = document.createElement("span");
      swatch.className = "swatch";
      swatch.dataset.symbol = mark[1];
      swatch.style.setProperty("--swatch", mark[0]);
      element.append(swatch);
    }
    return element;
  }

  /** Ask for the pictures that the tiles, and the prototypes of the panel, are cut from. */
  function load(data, show) {
    const holder = document.getElementById("codebook-atlas");
    new Set([show, "prototype"]).forEach((kind) =>
      data.pictures[kind].forEach((address, page) => {
        const known = holder.querySelector(`[data-atlas="${kind}-${page}"]`);
        if (known && known.getAttribute("src") === address) return;
        const img = document.createElement("img");
        img.className = "pixels sprite";
        img.alt = "";
        Object.assign(img.dataset, { atlas: `${kind}-${page}`, show: kind, columns: data.columns });
        img.src = address;
        if (known) known.replaceWith(img);
        else holder.append(img);
      }),
    );
  }

  function drawCodes(data, order, goesWith, zoom, show, code) {
    if (!data) return "";
    load(data, show);
    const chosen = data.codes.filter((one) => goesWith === "all" || one.dataset === goesWith || one.label === goesWith);
    const most = Math.max(1, ...data.codes.map((one) => one.images));
    grid().dataset.show = show;
    grid().style.setProperty("--size", zoom);
    grid().replaceChildren(...[...chosen].sort(ORDERS[order]).map((one) => tile(one, data, most, show)));
    markTile(code);
    return chosen.length === data.codes.length ? "" : `${count(chosen.length)} of ${count(data.codes.length)} codes`;
  }

  /** The tile of the code is the chosen one, and the one that Tab reaches; without a code it is the first. */
  function markTile(code) {
    const wanted = code === null || code === undefined ? null : tileOf(code);
    grid()
      .querySelectorAll('[aria-selected="true"], [tabindex="0"]')
      .forEach((other) => {
        other.setAttribute("aria-selected", "false");
        other.tabIndex = -1;
      });
    const reached = wanted || grid().firstElementChild;
    if (reached) reached.tabIndex = 0;
    if (!wanted) return;
    wanted.setAttribute("aria-selected", "true");
    if (!grid().contains(document.activeElement)) wanted.scrollIntoView({ block: "nearest" });
  }

  function markCode(code) {
    markTile(code);
    // What the panel shows is about to be replaced; the focus must not be lost with it.
    const panel = document.getElementById("codebook-panel");
    if (panel.contains(document.activeElement)) panel.focus();
    panel.scrollTop = 0;
  }

  function choose(code) {
    clearTimeout(settling);
    window.dash_clientside.set_props("codebook-code", { data: Number(code) });
  }

  function columns(tiles) {
    const next = tiles.findIndex((one) => one.offsetTop > tiles[0].offsetTop);
    return next < 0 ? tiles.length : next;
  }

  function move(event) {
    const own = event.target.closest(".code-tile");
    if (!own || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.key === "Enter" || event.key === " ") {
      event.preventDefault();
      choose(own.dataset.code);
      return;
    }
    const tiles = [...grid().children];
    const here = tiles.indexOf(own);
    const row = columns(tiles);
    const step = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -row, ArrowDown: row, PageUp: -5 * row, PageDown: 5 * row };
    const ends = { Home: 0, End: tiles.length - 1 };
    if (!(event.key in step) && !(event.key in ends)) return;
    event.preventDefault();
    const there = event.key in ends ? ends[event.key] : here + step[event.key];
    const tile = tiles[event.key.startsWith("Page") ? Math.min(Math.max(there, here % row), tiles.length - 1) : there];
    if (!tile || tile === own) return;
    own.tabIndex = -1;
    tile.tabIndex = 0;
    tile.focus();
    clearTimeout(settling);
    settling = setTimeout(() => choose(tile.dataset.code), SETTLE);
  }

  // Tiles are cut from these pictures by CSS, which has to know their address and the size of a tile in them.
  function cut(img) {
    const columns = Number(img.dataset.columns);
    if (img.dataset.atlas !== undefined) {
      const page = document.getElementById("page-codebook");
      page.style.setProperty(`--atlas-${img.dataset.atlas}`, `url("${img.src}")`);
      page.style.setProperty(`--edge-${img.dataset.show}`, img.naturalWidth / columns);
      page.style.setProperty("--columns", columns);
    } else {
      const sheet = img.parentElement;
      sheet.style.setProperty("--sheet", `url("${img.src}")`);
      sheet.style.setProperty("--width", img.naturalWidth);
      sheet.style.setProperty("--edge", (img.naturalWidth + 1) / columns - 1); // a pixel lies between two patches
    }
  }

  function again(img) {
    if (document.body.dataset.api !== "ready") return; // the shell asks again once the service is back
    const wait = Number(img.dataset.wait || RETRY);
    img.dataset.wait = Math.min(2 * wait, 30000);
    setTimeout(() => (img.src = img.src), wait);
  }

  const sprite = (event) => event.target instanceof HTMLImageElement && event.target.classList.contains("sprite");
  document.addEventListener("load", (event) => sprite(event) && cut(event.target), true);
  document.addEventListener("error", (event) => sprite(event) && again(event.target), true);
  document.addEventListener("keydown", move);
  document.addEventListener("click", (event) => {
    const chosen = event.target.closest(".code-tile, [data-choose]");
    if (chosen) choose(chosen.dataset.choose || chosen.dataset.code);
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { drawCodes, markCode });
})();
