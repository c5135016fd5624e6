/* The maps: what is drawn after a figure has arrived. Everything here works on the traces' and the layout's `meta`. */
(function () {
  "use strict";

  const SPLITS = ["train", "val", "test"];
  const SPLIT_NAMES = { train: "training", val: "validation", test: "test" };
  const THUMBNAIL = 140; // CSS pixels at most
  const noUpdate = () => window.dash_clientside.no_update;

  const SLOTS = ["#map-graph", "#map-graph-2"];

  // What the maps should show. Each figure is brought to it by sync(), whenever either has changed.
  const wanted = { on: null, ellipses: {}, sample: null, loaded: null }; // ellipses: by name of the map
  const parts = []; // of other files: { attached(gd), layout(gd), turned(gd): in space, from another side }
  let hovered = null;

  /** The label in words, as the service words it (backend/labels.py). */
  function labelName(about, label) {
    const name = (value) => about.labels[String(value)] || String(value);
    if (!about.multiLabel || label < 0) return name(label);
    // A bit mask: bit c is set where class c is present.
    const present = [];
    for (let c = 0; 2 ** c <= label; c++) if (Math.floor(label / 2 ** c) % 2) present.push(name(c));
    return present.join(" + ") || "none";
  }

  function inSlot(slot) {
    const gd = document.querySelector(`${SLOTS[slot]} .js-plotly-plot`);
    return gd && gd._fullLayout && gd.data && gd.data.length && !gd.closest("[hidden]") ? gd : null;
  }

  /** The maps that are drawn, the first one first. */
  const graphs = () => SLOTS.map((_, slot) => inSlot(slot)).filter(Boolean);
  const mapOf = (gd) => gd.layout.meta.map;
  const inSpace = (gd) => gd.layout.meta.dimensions === 3;

  /** Traces of a role of the data sets that are on. */
  const tracesOf = (gd, role) => gd.data.filter(({ meta }) => meta.role === role && isOn(meta.dataset));

  /** Whether what something was made from is what it would be made from now. */
  const same = (parts, others) => parts.length === others.length && parts.every((part, i) => part === others[i]);

  const isOn = (name) => wanted.on === null || wanted.on.includes(name);

  function sync() {
    const none = document.getElementById("map-none-on");
    if (!none) return; // the page has not been opened yet
    graphs().forEach((gd) => tell("layout", gd));
    none.hidden = wanted.on === null || wanted.on.length > 0;
  }

  const tell = (what, gd) => parts.forEach((part) => part[what] && part[what](gd));

  function attach(slot) {
    const gd = inSlot(slot);
    if (!gd) return void requestAnimationFrame(() => attach(slot));
    if (!gd.hasAttribute("data-attached")) {
      gd.setAttribute("data-attached", "");
      gd.on("plotly_relayouting", hideCard);
      gd.on("plotly_afterplot", () => inSlot(slot) && tell("layout", gd));
      tell("attached", gd);
    }
    sync();
  }

  /** Show an image { dataset, split, position, label } beside the mouse. */
  function showCard(image, mouse) {
    if (!image || !wanted.loaded) return;
    const { dataset, split, position } = image;
    const path = [dataset, split, position].map(encodeURIComponent).join("/");
    const url = `/pictures/${path}/image?v=${wanted.loaded.index}`;
    const id = { ...image, about: wanted.loaded.datasets[dataset], name: `${dataset}/${split}/${position}`, url };
    const card = document.getElementById("hover-card");
    if (hovered !== id.name) {
      hovered = id.name;
      window.vqscopeMap.expect(hovered);
      showPicture(id);
      const place = `${SPLIT_NAMES[id.split]} image ${id.position.toLocaleString("en-GB")}`;
      const lines = [labelName(id.about, id.label), id.dataset, place];
      if (!id.about.available) lines.push("picture not available");
      document.getElementById("hover-text").replaceChildren(...lines.map((line) => Object.assign(document.createElement("div"), { textContent: line })));
      card.dataset.point = id.name;
    }
    card.hidden = false;
    place(card, mouse);
  }

  function showPicture({ about, url }) {
    const img = document.getElementById("hover-image");
    // The picture of the point before must never stand beside the name of this one.
    img.removeAttribute("src");
    img.hidden = !about.available;
    if (!about.available) return;
    img.width = img.height = about.size <= THUMBNAIL ? about.size * Math.floor(THUMBNAIL / about.size) : THUMBNAIL;
    img.src = url;
  }

  function place(card, mouse) {
    const gap = 16;
    const { width, height } = card.getBoundingClientRect();
    const right = mouse.clientX + gap + width < window.innerWidth - 4;
    const x = right ? mouse.clientX + gap : mouse.clientX - gap - width;
    const y = Math.min(Math.max(4, mouse.clientY - height / 2), window.innerHeight - height - 4);
    card.style.transform = `translate(${Math.round(x)}px, ${Math.round(y)}px)`;
  }

  function hideCard() {
    hovered = null;
    window.vqscopeMap.expect(null);
    document.getElementById("hover-card").hidden = true;
  }

  function switchDatasets(checked, _only, _all, _none, ids) {
    if (!ids.length) return [[], noUpdate()];
    const context = window.dash_clientside.callback_context;
    const source = context.triggered_id;
    const pressed = context.triggered.length === 1 && context.triggered[0].value; // a click, not a new row
    let next = checked;
    if (pressed && source === "map-all") next = ids.map(() => true);
    if (pressed && source === "map-none") next = ids.map(() => false);
    if (pressed && source && source.type === "dataset-only") next = ids.map((id) => id.name === source.name);
    wanted.on = ids.filter((_, i) => next[i]).map((id) => id.name);
    sync();
    return [next, wanted.on];
  }

  function drawMap(figure, loaded, seen) {
    wanted.loaded = loaded;
    if (figure && loaded && figure.data.length) {
      window.vqscopeMap.follow("map-graph", loaded.map, seen || null);
      attach(0);
    }
    return noUpdate();
  }

  function drawSecond(figure, shown) {
    if (figure && shown && figure.data.length) {
      attach(1);
    }
    // The first one has another size now.
    requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
    sync();
  }

  function drawEllipses(...stored) {
    // Of one map those of the first, while a second one of the same name is on its way out.
    wanted.ellipses = Object.fromEntries(stored.filter(Boolean).reverse().map((ellipses) => [ellipses.map, ellipses]));
    sync();
  }

  /** Back, forward and links from other pages change the address: told on where it is not the page's own. */
  function askAddress(search, pathname, query, asked) {
    if (pathname !== "/" || typeof query !== "string" || search === query) return noUpdate();
    return { search, turn: asked ? asked.turn + 1 : 0 };
  }

  /** What other files of the map page need. */
  window.vqscopeMap = { SPLITS, wanted, graphs, mapOf, inSpace, isOn, tracesOf, same, sync, showCard, hideCard, turned: (gd) => tell("turned", gd), add: (part) => parts.push(part) };

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, {
    switchDatasets,
    drawMap,
    drawSecond,
    drawEllipses,
    askAddress,
  });
})();
