/* The points and ellipses of a map of the plane, on a canvas under Plotly's axes. Plotly draws hundreds of thousands of points
   with WebGL, which without a GPU takes many seconds, again for each change; here a change takes a fraction of one. The
   figure's traces say what there is (`meta`, marker and line); Plotly itself draws none of them, only for a saved picture. */
(function () {
  "use strict";

  const FAINT = 0.06; // opacity of points that are not selected
  const map = () => window.vqscopeMap;
  const { Pane, viewOf } = window.vqscopePane;
  const points = window.vqscopePoints;

  const states = new WeakMap(); // gd -> { pane, frame: what is drawn on it }

  const addressFor = (gd) => points.addressOf(map().mapOf(gd), map().wanted.loaded.index);

  /** The points of a map in the order of the index, null until they are there. */
  const cloudOf = (gd) => (map().wanted.loaded ? points.cloudAt(addressFor(gd)) : null);

  // The points of the map that a page is opened with come while the page is being made.
  document.addEventListener("vqscope-service", ({ detail: { state, index } }) => {
    if (state !== "ready" || location.pathname !== "/" || map().wanted.loaded) return;
    points.cloudAt(points.addressOf(new URLSearchParams(location.search).get("map") || "pca", index));
  });

  function stateOf(gd) {
    if (!states.has(gd)) states.set(gd, { pane: new Pane(), frame: null });
    const state = states.get(gd);
    state.pane.under(gd);
    return state;
  }

  /** What is to be said of the points of a map: that they come, why they do not, or nothing. */
  function tell(gd) {
    if (map().inSpace(gd)) return busy(gd);
    const { loaded } = map().wanted;
    const { pane } = stateOf(gd);
    const n = loaded && Object.values(loaded.datasets).reduce((sum, dataset) => sum + dataset.n, 0);
    pane.tell(loaded ? points.troubleOf(addressFor(gd)) : "", isAwaited(gd) ? points.comingOf(addressFor(gd)) : null, n);
    busy(gd);
  }

  /** Whether the points of a map of the plane are on their way, and have been for a while. */
  function isAwaited(gd) {
    return !map().inSpace(gd) && Boolean(map().wanted.loaded) && points.comingOf(addressFor(gd)) !== null;
  }

  function busy(gd) {
    gd.closest(".map-panel").setAttribute("aria-busy", String(map().graphs().some(isAwaited)));
  }

  /** What is drawn: points of the data sets that are on, with their colours, and their ellipses. */
  function contents(gd) {
    const shown = map().tracesOf(gd, "points").map((trace) => ({ trace, colours: map().bytesOf(gd, trace) }));
    return { cloud: cloudOf(gd), shown, lines: map().tracesOf(gd, "ellipse"), mask: map().maskFor(gd) };
  }

  /** What a frame depends on, besides the view: one of equal parts need not be drawn again. */
  function keyOf(gd, { cloud, shown, mask }) {
    const { ellipses } = map().wanted;
    return [cloud, mask, ellipses[map().mapOf(gd)], ...shown.flatMap(({ trace, colours }) => [trace, colours.lut])];
  }

  /** At the next frame, once. A graph may show a map of the plane, then one in space, then another of the plane. */
  function layout(gd) {
    if (map().inSpace(gd)) return clear(gd);
    const state = stateOf(gd);
    state.pane.soon(() => {
      if (map().graphs().includes(gd) && !map().inSpace(gd)) draw(gd, state);
    });
  }

  function clear(gd) {
    if (!states.has(gd)) return;
    busy(gd);
    states.get(gd).pane.element.remove();
    states.delete(gd);
    delete gd.dataset.drawn;
    delete gd.dataset.colour;
  }

  function draw(gd, state) {
    const [view, drawn] = [viewOf(gd), contents(gd)];
    tell(gd);
    if (!state.pane.draw(view, keyOf(gd, drawn), (context, ratio) => paint(gd, context, { ...drawn, view, ratio }))) return;
    state.frame = drawn;
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
    if (!stateOf(gd).pane.follow(viewOf(gd))) layout(gd);
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
  points.add({ maps: () => map().graphs().map(map().mapOf), tell: () => map().graphs().forEach(tell), changed: () => map().sync() });
})();
