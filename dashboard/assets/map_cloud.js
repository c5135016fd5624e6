/* The points and ellipses of a map, on a canvas under Plotly's axes. Plotly draws hundreds of thousands of points
   with WebGL, which without a GPU takes many seconds, again for each change; here a change takes a fraction of one. The
   figure's traces say what there is (`meta`, marker and line); Plotly itself draws none of them, only for a saved picture. */
(function () {
  "use strict";

  const FAINT = 0.06; // opacity of points that are not selected
  const QUICK = 25; // milliseconds that a frame may take to be drawn anew at each move of the mouse
  const LIVELY = 40; // milliseconds that a frame may take while a map is turned: of more points so many are left out
  const map = () => window.vqscopeMap;

  const states = new WeakMap(); // gd -> what is drawn on it

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
      states.set(gd, { pane, canvas, words, awaited, bar, key: [], view: null, frame: null, cost: 0, whole: 0, asked: false });
    }
    const state = states.get(gd);
    const around = gd.querySelector(".svg-container");
    if (around.firstChild !== state.pane) around.prepend(state.pane); // under all that Plotly draws
    return state;
  }

  /** That points come, why they do not, or nothing. */
  function tellOfPoints(gd) {
    const { words, awaited, bar } = stateOf(gd);
    const { trouble, share, n } = map().newsOf(gd);
    if (words.textContent !== trouble) words.textContent = trouble;
    words.hidden = !trouble;
    awaited.hidden = share === null;
    if (share !== null) {
      awaited.firstChild.textContent = `Loading ${n.toLocaleString("en-GB")} points …` + (share ? ` ${Math.floor(100 * share)} %` : "");
      if (share) bar.value = share;
      else bar.removeAttribute("value");
    }
    const isBusy = map().graphs().some((one) => map().newsOf(one).share !== null);
    gd.closest(".map-panel").setAttribute("aria-busy", String(isBusy));
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
    const step = map().isTurning(gd) ? Math.max(1, Math.ceil(stateOf(gd).whole / LIVELY)) : 1;
    return { cloud: map().cloudOf(gd), shown, lines: map().tracesOf(gd, "ellipse"), mask: map().maskFor(gd), step };
  }

  /** What a frame depends on: one of equal parts need not be drawn again. */
  function keyOf(gd, view, { cloud, shown, mask, step }) {
    const { ellipses } = map().wanted;
    const side = map().inSpace(gd) ? [map().cameraOf(gd), document.documentElement.getAttribute("data-mantine-color-scheme")] : [];
    const parts = shown.flatMap(({ trace, colours }) => [trace, colours.lut]);
    return [cloud, mask, step, ...side, ellipses[map().mapOf(gd)], window.devicePixelRatio, ...Object.values(view), ...parts];
  }

  /** At the next frame, once. */
  function layout(gd) {
    const state = stateOf(gd);
    if (state.asked) return;
    state.asked = true;
    requestAnimationFrame(() => {
      state.asked = false;
      if (map().graphs().includes(gd)) draw(gd, state);
    });
  }

  function draw(gd, state) {
    const [view, drawn] = [viewOf(gd), contents(gd)];
    tellOfPoints(gd);
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
    const cost = performance.now() - begun;
    Object.assign(state, { key, view, frame: drawn, cost, whole: drawn.step > 1 ? state.whole : cost });
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
    paint(gd, canvas.getContext("2d"), { ...drawn, shown: meant, lines: [], view, ratio: scale, words: false });
    return canvas.toDataURL();
  }

  /** What was drawn last: cloud, shown, lines and mask; null: nothing yet. */
  const frameOf = (gd) => stateOf(gd).frame;

  Object.assign(window.vqscopeMap, { tellOfPoints, viewOf, outlineOf, groupLines, frameOf, picture });
  window.vqscopeMap.add({ attached, layout, turned: layout });
})();
