/* The inspector: what it shows of an image, small pictures that open in it, cells of the code grid, the grid over the image. */
(function () {
  "use strict";

  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };
  const PARTS = { image: "map-inspector", neighbours: "map-neighbours", standing: "map-standing" };
  const DWELL = 80; // milliseconds that the mouse rests on a point before its image is asked for
  const FRESH = 10000; // milliseconds for which what was asked for ahead is good
  const map = () => window.vqscopeMap;
  const path = (name) => `/inspector/${name.split("/").map(encodeURIComponent).join("/")}`;

  let open = null; // name of the image, DATASET/SPLIT/POSITION
  let turn = 0; // of opening an image; what comes for an earlier one is too late
  let loaded = null; // version of the index that the page shows
  let index = null; // and of that which the image was asked of
  let failed = false; // whether a part of it could not be had
  let untold = false; // whether the page does not know yet what was chosen last

  async function ask(address) {
    try {
      const answer = await fetch(address);
      if (answer.ok) return await answer.json();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // TypeError: no connection, as the banner says
    }
    return { markup: "", failed: true };
  }

  const askAll = (name) => Object.fromEntries(Object.keys(PARTS).map((part) => [part, ask(`${path(name)}/${part}`)]));

  let ahead = null; // { name, index, since, asked } of the image that is likely to be opened next
  let resting = 0; // timer

  /** The mouse is on the point of an image (null: on none): if it rests there, a click is near. */
  function expect(name) {
    clearTimeout(resting);
    if (name === null || name === open || (ahead && ahead.name === name)) return;
    resting = setTimeout(async () => {
      ahead = { name, index: loaded, since: performance.now(), asked: askAll(name) };
      const { markup } = await ahead.asked.image;
      const parsed = Object.assign(document.createElement("template"), { innerHTML: markup });
      parsed.content.querySelectorAll("img").forEach((img) => (new Image().src = img.getAttribute("src")));
    }, DWELL);
  }

  /** What is, or was, asked for of an image. */
  function askedOf(name) {
    clearTimeout(resting);
    const known = ahead;
    ahead = null;
    const good = known && known.name === name && known.index === loaded && performance.now() - known.since < FRESH;
    return good ? known.asked : askAll(name);
  }

  function ring(sample) {
    map().wanted.sample = sample;
    map().sync();
  }

  /** Show an image, or none (null). */
  async function show(name) {
    const mine = ++turn;
    open = name;
    failed = false;
    index = loaded;
    if (name === null) {
      Object.values(PARTS).forEach((id) => (document.getElementById(id).innerHTML = document.getElementById(id).dataset.markup));
      return ring(null);
    }
    const put = (part, found) => {
      if (mine !== turn) return;
      document.getElementById(PARTS[part]).innerHTML = found.markup;
      failed ||= Boolean(found.failed);
    };
    const asked = askedOf(name);
    const { sample, ...image } = await asked.image;
    put("image", image);
    // Nothing of another image beside this one; what takes longer comes when it is there.
    for (const part of ["neighbours", "standing"]) put(part, { markup: "" });
    // The ring comes after the inspector itself, which drawing the map would hold up.
    requestAnimationFrame(() => setTimeout(() => mine === turn && ring(sample || null)));
    await Promise.all(["neighbours", "standing"].map(async (part) => put(part, await asked[part])));
  }

  /** Someone has chosen an image. What the page makes of that (its address) waits, as it would hold up the inspector. */
  async function inspect(name) {
    untold = true;
    const shown = show(name);
    const mine = turn;
    try {
      await shown;
    } finally {
      if (mine === turn) untold = false;
    }
    if (mine !== turn) return;
    window.dash_clientside.set_props("map-selected", { data: name });
  }

  /** What is shown follows the address, an index that was replaced, a service that is back, a map that was fitted. */
  function followInspector(selected, api, first, second) {
    const none = window.dash_clientside.no_update;
    if (!first || untold) return none; // what is loading comes back to this image
    loaded = first.index;
    const { sample } = map().wanted;
    const lacks = (shown) => shown && sample && !(shown.map in sample.places);
    const again = index !== loaded || lacks(first) || lacks(second) || (failed && api && api.state === "ready");
    if ((selected || null) !== open || (open && again)) show(selected || null);
    return none;
  }

  function clearSelected(clicks) {
    if (!clicks) return window.dash_clientside.no_update;
    untold = false;
    show(null);
    return null;
  }

  async function choose(cell) {
    const body = cell.closest(".inspector-body");
    body.querySelectorAll("[data-cell]").forEach((other) => other.toggleAttribute("data-chosen", other.dataset.cell === cell.dataset.cell));
    const found = await ask(`${path(body.dataset.point)}/cells/${cell.dataset.cell.replace(",", "/")}`);
    if (cell.hasAttribute("data-chosen")) body.querySelector(".cell").innerHTML = found.markup;
  }

  document.addEventListener("click", (event) => {
    const picture = event.target.closest("[data-inspect]");
    if (picture) inspect(picture.dataset.inspect);
    const cell = event.target.closest(".inspector-body [data-cell]");
    if (cell) choose(cell);
    const mark = event.target.closest("[data-mark-code]");
    if (mark) {
      window.dash_clientside.set_props("map-code", { value: Number(mark.dataset.markCode) });
      window.dash_clientside.set_props("map-colour", { value: "code" });
    }
  });

  // The table of codes is one stop of the Tab key; arrow keys move within.
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const cell = step && event.target.closest(".codes [data-cell]");
    if (!cell) return;
    const [row, column] = cell.dataset.cell.split(",").map(Number);
    const next = cell.closest(".codes").querySelector(`[data-cell="${row + step[0]},${column + step[1]}"]`);
    if (!next) return;
    event.preventDefault();
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  function showCodes(clicks) {
    const button = document.getElementById("map-codes-over");
    const shown = Boolean(clicks) && button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    document.getElementById("map-inspector").classList.toggle("with-codes", shown);
  }

  Object.assign(window.vqscopeMap, { inspect, expect });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { showCodes, followInspector, clearSelected });
})();
