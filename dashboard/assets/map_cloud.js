/* The points and ellipses of a map of the plane, on a canvas under Plotly's axes. Plotly draws hundreds of thousands of points
   with WebGL, which without a GPU takes many seconds, again for each change; here a change takes a fraction of one. The
   figure's traces say what there is (`meta`, marker and line); Plotly itself draws none of them, only for a saved picture. */
(function () {
  "use strict";

  const FAINT = 0.06; // opacity of points that are not selected
  const RETRY = 3000; // milliseconds
  const QUICK = 25; // milliseconds that a frame may take to be drawn anew at each move of the mouse
  const PATIENCE = 150; // milliseconds of waiting for points of which nothing is said
  const SIZE = 12; // bytes of a point, see dashboard/routes_map.py
  const ADVICE = "If it stays so, see whether the service runs (vqscope serve, or vqscope explore), or reload the page.";
  const map = () => window.vqscopeMap;

  const clouds = new Map(); // address -> { x, y, label }, null while they come
  const coming = new Map(); // address -> bytes that are there, of those that have been waited for
  const troubles = new Map(); // address -> why they are not there yet
  const states = new WeakMap(); // gd -> what is drawn on it

  const addressOf = (name, index) => `/points/${encodeURIComponent(name)}?v=${index}`;
  const addressFor = (gd) => addressOf(map().mapOf(gd), map().wanted.loaded.index);

  /** The points of a map in the order of the index, null until they are there. */
  function cloudOf(gd) {
    if (!map().wanted.loaded) return null;
    const address = addressFor(gd);
    if (!clouds.has(address)) load(address);
    return clouds.get(address);
  }

  /** See dashboard/routes_map.py for the form. */
  async function load(address) {
    clouds.set(address, null);
    let bytes = 0; // that have come
    const announce = () => {
      coming.set(address, bytes);
      map().graphs().forEach(tell);
    };
    const patience = setTimeout(announce, PATIENCE);
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      troubles.delete(address);
      const buffer = await received(answer, (length) => {
        bytes = length;
        if (coming.has(address)) announce();
      });
      const n = buffer.byteLength / SIZE;
      const current = (known) => map().graphs().some((gd) => known.startsWith(`/points/${encodeURIComponent(map().mapOf(gd))}?`));
      [...clouds.keys()].filter((known) => !current(known)).forEach((known) => clouds.delete(known));
      clouds.set(address, { x: new Float32Array(buffer, 0, n), y: new Float32Array(buffer, 4 * n, n), label: new Int32Array(buffer, 8 * n, n) });
    } catch (error) {
      troubles.set(address, `The points could not be fetched (${error.message}). Trying again every ${RETRY / 1000} seconds … ${ADVICE}`);
      setTimeout(() => {
        clouds.delete(address);
        map().sync();
      }, RETRY);
    }
    clearTimeout(patience);
    coming.delete(address);
    map().sync();
  }

  /** The bytes of an answer; `onward` is told how many have come. */
  async function received(answer, onward) {
    const pieces = [];
    let length = 0;
    const reader = answer.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      pieces.push(piece.value);
      length += piece.value.length;
      onward(length);
    }
    const all = new Uint8Array(length);
    pieces.reduce((start, piece) => (all.set(piece, start), start + piece.length), 0);
    return all.buffer;
  }

  // The points of the map that a page is opened with come while the page is being made.
  document.addEventListener("vqscope-service", ({ detail: { state, index } }) => {
    if (state !== "ready" || location.pathname !== "/" || map().wanted.loaded) return;
    const address = addressOf(new URLSearchParams(location.search).get("map") || "pca", index);
    if (!clouds.has(address)) load(address);
  });

  /** The canvas of a map, in a window over the plot's area, and lines for what is awaited and what is wrong. */
  function stateOf(gd) {
    if (!states.has(gd)) {
      const pane = Object.assign(document.createElement("div"), { className: "map-cloud" });
      const canvas = document.createElement("canvas");
      const words = Object.assign(document.createElement("p"), { className: "map-cloud-note", role: "status", hidden: true });
      const awaited = Object.assign(document.createElement("label"), { className: "map-cloud-awaited", hidden: true });
      const bar = Object.assign(document.createElement("progress"), { max: 1 });
      awaited.append(document.createElement("span"), bar);
      pane.append(canvas, awaited, words);
      states.set(gd, { pane, canvas, words, awaited, bar, key: [], view: null, frame: null, cost: 0, asked: false });
    }
    const state = states.get(gd);
    const around = gd.querySelector(".svg-container");
    if (around.firstChild !== state.pane) around.prepend(state.pane); // under all that Plotly draws
    return state;
  }

  /** What is to be said of the points of a map: that they come, why they do not, or nothing. */
  function tell(gd) {
    if (map().inSpace(gd)) return busy(gd);
    const { words, awaited, bar } = stateOf(gd);
    const address = map().wanted.loaded ? addressFor(gd) : null;
    const trouble = troubles.get(address) || "";
    if (words.textContent !== trouble) words.textContent = trouble;
    words.hidden = !trouble;
    awaited.hidden = !isAwaited(gd);
    if (!awaited.hidden) {
      const n = Object.values(map().wanted.loaded.datasets).reduce((sum, dataset) => sum + dataset.n, 0);
      const share = Math.min(1, coming.get(address) / SIZE / n);
      awaited.firstChild.textContent = `Loading ${n.toLocaleString("en-GB")} points …` + (share ? ` ${Math.floor(100 * share)} %` : "");
      if (share) bar.value = share;
      else bar.removeAttribute("value");
    }
    busy(gd);
  }

  /** Whether the points of a map of the plane are on their way, and have been for a while. */
  function isAwaited(gd) {
    if (map().inSpace(gd) || !map().wanted.loaded) return false;
    return coming.has(addressFor(gd)) && !troubles.has(addressFor(gd));
  }

  function busy(gd) {
    gd.closest(".map-panel").setAttribute("aria-busy", String(map().graphs().some(isAwaited)));
  }

  /** Where the plot's area is and what part of the map it shows, now. */
  function viewOf(gd) {
    const { xaxis, yaxis } = gd._fullLayout;
    const [[left, right], [bottom, top]] = [xaxis.range, yaxis.range];
    const [width, height] = [xaxis._length, yaxis._length];
    return { left, top, perX: width / (right - left), perY: height / (top - bottom), width, height, x: xaxis._offset, y: yaxis._offset };
  }

  /** What is drawn: points of the data sets that are on, with their colours, and their ellipses. */
  function contents(gd) {
    const shown = map().tracesOf(gd, "points").map((trace) => ({ trace, colours: map().bytesOf(gd, trace) }));
    return { cloud: cloudOf(gd), shown, lines: map().tracesOf(gd, "ellipse"), mask: map().maskFor(gd) };
  }

  /** What a frame depends on: one of equal parts need not be drawn again. */
  function keyOf(gd, view, { cloud, shown, mask }) {
    const { ellipses } = map().wanted;
    const parts = shown.flatMap(({ trace, colours }) => [trace, colours.lut]);
    return [cloud, mask, ellipses[map().mapOf(gd)], window.devicePixelRatio, ...Object.values(view), ...parts];
  }

  /** At the next frame, once. A graph may show a map of the plane, then one in space, then another of the plane. */
  function layout(gd) {
    if (map().inSpace(gd)) return clear(gd);
    const state = stateOf(gd);
    if (state.asked) return;
    state.asked = true;
    requestAnimationFrame(() => {
      state.asked = false;
      if (map().graphs().includes(gd) && !map().inSpace(gd)) draw(gd, state);
    });
  }

  function clear(gd) {
    if (!states.has(gd)) return;
    busy(gd);
    states.get(gd).pane.remove();
    states.delete(gd);
    delete gd.dataset.drawn;
    delete gd.dataset.colour;
  }

  function draw(gd, state) {
    const [view, drawn] = [viewOf(gd), contents(gd)];
    tell(gd);
    const key = keyOf(gd, view, drawn);
    if (map().same(key, state.key)) return;
    const begun = performance.now();
    const { canvas, pane } = state;
    Object.assign(pane.style, { left: `${view.x}px`, top: `${view.y}px`, width: `${view.width}px`, height: `${view.height}px` });
    const ratio = Math.min(2, window.devicePixelRatio);
    const [width, height] = [Math.max(1, Math.round(view.width * ratio)), Math.max(1, Math.round(view.height * ratio))];
    Object.assign(canvas, { width, height });
    canvas.style.transform = "";
    paint(gd, canvas.getContext("2d"), { ...drawn, view, ratio });
    Object.assign(state, { key, view, frame: drawn, cost: performance.now() - begun });
    delete gd.dataset.drawn;
    if (!drawn.cloud) return;
    gd.dataset.drawn = drawn.shown.map(({ trace }) => trace.meta.dataset).join(" ");
    gd.dataset.colour = map().pathOf(gd) || "dataset";
  }

  /** Points, then ellipses, at `ratio` pixels of the canvas to one of the page. */
  function paint(gd, context, { cloud, view, shown, lines, mask, ratio }) {
    const { width, height } = context.canvas;
    const scaled = { left: view.left, top: view.top, perX: view.perX * ratio, perY: view.perY * ratio };
    if (cloud) {
      const raster = new window.vqscopeRaster.Raster(width, height);
      const put = (chosen, which, opacity) =>
        shown.forEach(({ trace, colours: { lut, of, opacity: usual } }) => {
          const look = { shape: trace.marker.symbol, size: trace.marker.size * ratio, opacity: opacity || usual, colours: lut, colourOf: of };
          raster.scatter(cloud.x, cloud.y, trace.meta.runs, scaled, look, chosen, which);
        });
      if (mask) put(mask, 0, FAINT);
      put(mask, 1);
      context.putImageData(raster.image(), 0, 0);
    }
    lines.forEach((trace) => line(context, trace, outlineOf(gd, trace), scaled, ratio));
  }

  function outlineOf(gd, trace) {
    const ellipses = map().wanted.ellipses[map().mapOf(gd)];
    return (ellipses && ellipses.outlines[trace.meta.dataset]) || { x: [], y: [] };
  }

  function line(context, trace, { x, y }, { left, top, perX, perY }, ratio) {
    if (!x.length) return;
    context.beginPath();
    x.forEach((value, i) => context.lineTo((value - left) * perX, (top - y[i]) * perY));
    context.closePath();
    context.fillStyle = trace.fillcolor;
    context.fill();
    context.strokeStyle = trace.line.color;
    context.lineWidth = trace.line.width * ratio;
    context.stroke();
  }

  /** While the mouse moves the map: drawn anew if that is quick, else the last frame moves with it. */
  function follow(gd) {
    if (map().inSpace(gd)) return;
    const state = stateOf(gd);
    if (!state.view || state.cost < QUICK) return void layout(gd);
    const [was, is] = [state.view, viewOf(gd)];
    const [x, y] = [(was.left - is.left) * is.perX, (is.top - was.top) * is.perY];
    state.canvas.style.transform = `translate(${x}px, ${y}px) scale(${is.perX / was.perX}, ${is.perY / was.perY})`;
    state.key = []; // whatever comes of it is drawn
  }

  function attached(gd) {
    gd.on("plotly_relayouting", () => follow(gd));
  }

  /** The points that a view shows of some data sets, `scale` times as large; the address of a PNG. */
  function picture(gd, view, scale, names) {
    const [width, height] = [view.width, view.height].map((length) => Math.round(length * scale));
    const canvas = Object.assign(document.createElement("canvas"), { width, height });
    const { shown, ...drawn } = contents(gd);
    const meant = shown.filter(({ trace }) => names.includes(trace.meta.dataset));
    paint(gd, canvas.getContext("2d"), { ...drawn, shown: meant, lines: [], view, ratio: scale });
    return canvas.toDataURL();
  }

  /** What was drawn last: cloud, shown, lines and mask; null: nothing yet. */
  const frameOf = (gd) => stateOf(gd).frame;

  Object.assign(window.vqscopeMap, { cloudOf, viewOf, outlineOf, frameOf, picture });
  window.vqscopeMap.add({ attached, layout });
})();
