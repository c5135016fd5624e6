/* Colours of the points by a column. The column comes as an array of all images, in the order of the index. */
(function () {
  "use strict";

  const OPACITY = 0.8; // of points whose colour is read, as against the crowd of a data set
  const MISSING_SHARE = 0.002; // of the colour scale of numbers, at its lower end
  const TYPES = { "<f4": Float32Array, "|u1": Uint8Array, "<u2": Uint16Array, "<u4": Uint32Array };

  // plan: see dashboard/colouring.py, null: a colour for each data set.
  // columns: address -> { scale, high, of(trace): array of places on the scale }.
  const colours = (plan) => ({ plan, columns: new Map(), asked: new Set() });
  let shown = colours(null);
  let next = null; // what is to be shown once its columns are there

  /** An array of NumPy's format of one dimension; its data start at a multiple of 64 bytes. */
  function readNpy(buffer) {
    const view = new DataView(buffer);
    const start = view.getUint8(6) === 1 ? 10 : 12;
    const length = start === 10 ? view.getUint16(8, true) : view.getUint32(8, true);
    const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, start, length));
    const type = TYPES[(/'descr': '([^']+)'/.exec(header) || [])[1]];
    if (!type) throw new Error(`a column of an unknown type came: ${header.slice(0, 80)}`);
    return new type(buffer, start + length);
  }

  const map = () => window.vqscopeMap;

  async function load(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw Object.assign(new Error((await answer.json()).detail), { status: answer.status });
    return readNpy(await answer.arrayBuffer());
  }

  const AGAIN = 2000; // ms before what the service could not answer is asked again
  const passing = ({ status }) => !status || status === 429 || status >= 500;

  /** As `load`, asked again while the service is away or busy and `wanted` says so; null once nobody wants it. */
  async function insist(path, wanted) {
    for (;;) {
      try {
        return await load(path);
      } catch (error) {
        if (!passing(error)) throw error;
      }
      await new Promise((resolve) => setTimeout(resolve, AGAIN));
      if (!wanted()) return null;
    }
  }

  /** Colours of equal breadth, each without a gradient; a place on the scale is the number of the colour + ½. */
  function steps(colours) {
    const n = colours.length;
    return colours.flatMap((colour, i) => [[i / n, colour], [(i + 1) / n, colour]]);
  }

  function slots(column, { slots, slotOf, missing }) {
    const colours = [...slots, missing];
    const none = 2 ** (8 * column.BYTES_PER_ELEMENT) - 1;
    const place = (value) => (value === none ? slots.length : (slotOf[value] ?? slots.length - 1)) + 0.5;
    return { scale: steps(colours), high: colours.length, place };
  }

  function numbers({ scale, missing }) {
    const { low, high, colours } = scale;
    const share = (1 - MISSING_SHARE) / (colours.length - 1);
    const gradient = colours.map((colour, i) => [i + 1 < colours.length ? MISSING_SHARE + i * share : 1, colour]);
    const place = (value) => {
      if (Number.isNaN(value)) return 0;
      const t = high > low ? (value - low) / (high - low) : 0.5;
      return MISSING_SHARE + (1 - MISSING_SHARE) * Math.min(1, Math.max(0, t));
    };
    return { scale: [[0, missing], [MISSING_SHARE, missing], ...gradient], high: 1, place };
  }

  function colouring(column, asked) {
    const { scale, high, place } = asked.slots ? slots(column, asked) : numbers(asked);
    const made = new Map();
    const of = (trace) => {
      const key = `${trace.meta.dataset} ${JSON.stringify(trace.meta.runs)}`;
      if (!made.has(key)) {
        const { runs } = trace.meta;
        const places = new Float32Array(runs.reduce((n, [first, end]) => n + end - first, 0));
        let k = 0;
        runs.forEach(([first, end]) => {
          for (let row = first; row < end; row++) places[k++] = place(column[row]);
        });
        made.set(key, places);
      }
      return made.get(key);
    };
    return { scale, high, of };
  }

  /** Address of the column that a map is coloured by; a map may have one of its own, or none. */
  function pathOf(gd, plan) {
    const name = map().mapOf(gd);
    if (!plan || (plan.maps && !plan.maps.includes(name))) return null;
    return plan.path.replace("{map}", encodeURIComponent(name));
  }

  const SHADES = 512; // that a scale of numbers is drawn in
  const made = new WeakMap(); // places of points on a scale, or a trace's meta -> { lut, of, opacity }

  /** How the points of a trace are coloured: bytes of all colours, place among them of each point (null: all the first). */
  function bytesOf(gd, trace) {
    const found = shown.columns.get(pathOf(gd, shown.plan));
    const key = found ? found.of(trace) : trace.meta;
    if (!made.has(key)) made.set(key, found ? shades(found, key) : single(trace.meta.look));
    return made.get(key);
  }

  const single = ({ color, opacity }) => ({ lut: Uint8Array.from(window.vqscopeRaster.bytes(color)), of: null, opacity });

  function shades({ scale, high }, places) {
    const n = high > 1 ? high : SHADES; // of values each has its colour, of numbers there is a gradient
    const of = Uint16Array.from(places, (place) => Math.min(n - 1, Math.floor((place / high) * n)));
    const lut = new Uint8Array(4 * n);
    for (let k = 0; k < n; k++) lut.set(colourAt(scale, (k + 0.5) / n), 4 * k);
    return { lut, of, opacity: OPACITY };
  }

  function colourAt(scale, t) {
    const next = Math.max(1, scale.findIndex(([end]) => end >= t));
    const [[low, before], [high, after]] = [scale[next - 1], scale[next]];
    const share = high > low ? (t - low) / (high - low) : 0;
    const [from, to] = [before, after].map(window.vqscopeRaster.bytes);
    return from.map((value, i) => Math.round(value + share * (to[i] - value)));
  }

  /** The legend shows the labels of the data sets that are on. */
  function layout() {
    document.querySelectorAll("[data-colours-of]").forEach((part) => {
      part.hidden = !map().isOn(part.dataset.coloursOf);
    });
    advance();
  }

  /** Ask for the columns that the maps lack; show the next colours once all are there. */
  function advance() {
    const wished = next || shown;
    const missing = map().graphs().map((gd) => pathOf(gd, wished.plan)).filter((path) => path && !wished.columns.has(path));
    missing.filter((path) => !wished.asked.has(path)).forEach((path) => fill(path, wished));
    const body = document.querySelector(".map-body");
    if (missing.length) delete body.dataset.colour;
    else body.dataset.colour = wished.plan ? wished.plan.path : "dataset";
    if (!next || missing.length) return;
    shown = next;
    next = null;
    map().sync();
  }

  async function fill(path, wished) {
    wished.asked.add(path);
    const column = await insist(path, () => wished === next || wished === shown);
    if (!column) return;
    wished.columns.set(path, colouring(column, wished.plan));
    if (wished === next) advance();
    else map().sync(); // of a map that came later, or of colours that are not wanted any more
  }

  function drawColours(plan) {
    next = colours(plan);
    advance();
  }

  /** What a map is coloured by, null: by the data sets. */
  const planOf = (gd) => (pathOf(gd, shown.plan) ? shown.plan : null);

  Object.assign(window.vqscopeMap, { bytesOf, load, insist, planOf, pathOf: (gd) => pathOf(gd, shown.plan) });
  window.vqscopeMap.add({ layout });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { drawColours });
})();
