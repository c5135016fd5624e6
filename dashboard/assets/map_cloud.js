/* The points and ellipses of a map, on a canvas under Plotly's axes. Plotly draws hundreds of thousands of points
   with WebGL, which without a GPU takes many seconds, again for each change; here a change takes a fraction of one. The
   figure's traces say what there is (`meta`, marker and line); Plotly itself draws none of them, only for a saved picture. */
(function () {
  "use strict";

  const FAINT = 0.06; // opacity of points that are not selected
  const LIVELY = 40; // milliseconds that a frame may take while a map is turned: of more points so many are left out
  const map = () => window.vqscopeMap;
  const { Pane, viewOf } = window.vqscopePane;
  const points = window.vqscopePoints;

  const states = new WeakMap(); // gd -> { pane, frame: what is drawn on it, whole: milliseconds that all of it takes }

  const addressFor = (gd) => points.addressOf(map().mapOf(gd), map().wanted.loaded.index);

  /** The points of a map in the order of the index as they are seen, null until they are there; in space see map_space.js. */
  function cloudOf(gd) {
    const cloud = map().wanted.loaded ? map().withLabels(gd, points.cloudAt(addressFor(gd))) : null;
    return cloud && map().inSpace(gd) ? map().pointsSeen(gd, cloud) : cloud;
  }

  // The points of the map that a page is opened with come while the page is being made.
  document.addEventListener("vqscope-service", ({ detail: { state, index } }) => {
    if (state !== "ready" || location.pathname !== "/" || map().wanted.loaded) return;
    points.cloudAt(points.addressOf(new URLSearchParams(location.search).get("map") || "pca", index));
  });

  function stateOf(gd) {
    if (!states.has(gd)) states.set(gd, { pane: new Pane(), frame: null, whole: 0 });
    const state = states.get(gd);
    state.pane.under(gd);
    return state;
  }

  /** What is to be said of the points of a map: that they come, why they do not, or nothing. */
  function tell(gd) {
    const { loaded } = map().wanted;
    const { pane } = stateOf(gd);
    const n = loaded && Object.values(loaded.datasets).reduce((sum, dataset) => sum + dataset.n, 0);
    pane.tell(loaded ? points.troubleOf(addressFor(gd)) : "", isAwaited(gd) ? points.comingOf(addressFor(gd)) : null, n);
    busy(gd);
  }

  /** Whether the points of a map are on their way, and have been for a while. */
  function isAwaited(gd) {
    return Boolean(map().wanted.loaded) && points.comingOf(addressFor(gd)) !== null;
  }

  function busy(gd) {
    gd.closest(".map-panel").setAttribute("aria-busy", String(map().graphs().some(isAwaited)));
  }

  /** What is drawn: points of the data sets that are on, with their colours, and their ellipses. */
  function contents(gd) {
    const shown = map().tracesOf(gd, "points").map((trace) => ({ trace, colours: map().bytesOf(gd, trace) }));
    const step = map().isTurning(gd) ? Math.max(1, Math.ceil(stateOf(gd).whole / LIVELY)) : 1;
    return { cloud: map().cloudOf(gd), shown, lines: map().tracesOf(gd, "ellipse"), mask: map().maskFor(gd), step };
  }

  /** What a frame depends on, besides the view: one of equal parts need not be drawn again. */
  function keyOf(gd, { cloud, shown, mask, step }) {
    const { ellipses } = map().wanted;
    const side = map().inSpace(gd) ? [map().cameraOf(gd), document.documentElement.getAttribute("data-mantine-color-scheme")] : [];
    return [cloud, mask, step, ...side, ellipses[map().mapOf(gd)], ...shown.flatMap(({ trace, colours }) => [trace, colours.lut])];
  }

  /** At the next frame, once. */
  function layout(gd) {
    const state = stateOf(gd);
    state.pane.soon(() => {
      if (map().graphs().includes(gd)) draw(gd, state);
    });
  }

  function draw(gd, state) {
    const [view, drawn] = [viewOf(gd), contents(gd)];
    tell(gd);
    if (!state.pane.draw(view, keyOf(gd, drawn), (context, ratio) => paint(gd, context, { ...drawn, view, ratio }))) return;
    state.frame = drawn;
    if (drawn.step === 1) state.whole = state.pane.cost;
    delete gd.dataset.drawn;
    if (!drawn.cloud || drawn.step > 1) return;
    gd.dataset.drawn = drawn.shown.map(({ trace }) => trace.meta.dataset).join(" ");
    gd.dataset.colour = map().pathOf(gd) || "dataset";
  }

  /** Points, then ellipses, at `ratio` pixels of the canvas to one of the page. */
  function paint(gd, context, { cloud, view, shown, lines, mask, step = 1, ratio, words = true }) {
    const { width, height } = context.canvas;
    const scaled = { left: view.left, top: view.top, perX: view.perX * ratio, perY: view.perY * ratio };
    if (cloud) {
      const raster = new window.vqscopeRaster.Raster(width, height);
      const put = (chosen, which, opacity) => {
        const looks = shown.map(({ trace: { marker, meta }, colours: { lut, of, opacity: usual } }) => {
          const look = { shape: marker.symbol, size: marker.size * ratio, opacity: opacity || usual, colours: lut, colourOf: of };
          return { ...look, runs: meta.runs };
        });
        if (cloud.order) raster.scatterDeep(cloud, step, scaled, looks, chosen, which);
        else looks.forEach((look) => raster.scatter(cloud.x, cloud.y, look.runs, scaled, look, chosen, which));
      };
      if (mask) put(mask, 0, FAINT);
      put(mask, 1);
      context.putImageData(raster.image(), 0, 0);
    }
    if (map().inSpace(gd)) {
      context.globalCompositeOperation = "destination-over"; // behind the points, which replace what was there before
      map().drawBox(gd, context, scaled, ratio, words);
      context.globalCompositeOperation = "source-over";
    }
    lines.forEach((trace) => line(context, trace, outlineOf(gd, trace), scaled, ratio));
    if (words) groupLines(gd).forEach((trace) => line(context, trace, trace, scaled, ratio));
  }

  function outlineOf(gd, trace) {
    const ellipses = map().wanted.ellipses[map().mapOf(gd)];
    const outline = (ellipses && ellipses.outlines[trace.meta.dataset]) || { x: [], y: [] };
    return map().inSpace(gd) ? map().linesSeen(gd, outline) : outline;
  }

  /** In the plane groups are shapes of the layout (map_select.js); in space lines: traces, as those of data sets. */
  function groupLines(gd) {
    const ellipses = map().wanted.ellipses[map().mapOf(gd)];
    if (!map().inSpace(gd) || !ellipses) return [];
    const look = (color) => ({ type: "scatter", mode: "lines", line: { color, width: 1.5 }, meta: { role: "group" }, showlegend: false });
    return ellipses.shapes.map((shape) => ({ ...look(shape.colour), name: shape.name, ...map().linesSeen(gd, shape) }));
  }

  /** A closed line, or several with null between one and the next. */
  function line(context, trace, { x, y }, { left, top, perX, perY }, ratio) {
    if (!x.length) return;
    context.beginPath();
    x.forEach((value, i) => {
      if (value === null) context.closePath();
      else if (i && x[i - 1] !== null) context.lineTo((value - left) * perX, (top - y[i]) * perY);
      else context.moveTo((value - left) * perX, (top - y[i]) * perY);
    });
    context.closePath();
    if (trace.fill === "toself") {
      context.fillStyle = trace.fillcolor;
      context.fill();
    }
    context.strokeStyle = trace.line.color;
    context.lineWidth = trace.line.width * ratio;
    context.stroke();
  }

  /** While the mouse moves the map: drawn anew if that is quick, else the last frame moves with it. */
  function follow(gd) {
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
    paint(gd, canvas.getContext("2d"), { ...drawn, shown: meant, lines: [], view, ratio: scale, words: false });
    return canvas.toDataURL();
  }

  /** What was drawn last: cloud, shown, lines and mask; null: nothing yet. */
  const frameOf = (gd) => stateOf(gd).frame;

  Object.assign(window.vqscopeMap, { cloudOf, viewOf, outlineOf, groupLines, frameOf, picture });
  window.vqscopeMap.add({ attached, layout, turned: layout });
  points.add({ maps: () => map().graphs().map(map().mapOf), tell: () => map().graphs().forEach(tell), changed: () => map().sync() });
})();
