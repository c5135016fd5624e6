/* What part of a map is seen, and in space from where: zoom, move and fit, and the address, which says what is seen of the
   first map. */
(function () {
  "use strict";

  const AXES = ["xaxis", "yaxis"];
  const REST = 250; // milliseconds without a movement after which the address says what is seen
  const map = () => window.vqscopeMap;

  /** Bring the data sets that are on, with their ellipses, into view. */
  function fit(gd) {
    if (map().inSpace(gd)) {
      map().look(gd, ...map().SPACE_START);
      return void window.Plotly.relayout(gd, updateOf(wholeOf(gd))).then(() => hold(gd, null));
    }
    const shown = gd.data.filter((trace) => trace.meta.dataset && map().isOn(trace.meta.dataset));
    const update = {};
    ["x", "y"].forEach((axis, k) => {
      const ends = shown.flatMap((trace) => (trace.meta.extent ? trace.meta.extent[k] || [] : map().outlineOf(gd, trace)[axis]));
      if (!ends.length) return;
      const [low, high] = [Math.min(...ends), Math.max(...ends)];
      const margin = 0.04 * (high - low) || 1;
      update[axis + "axis.range"] = [low - margin, high + margin];
    });
    window.Plotly.relayout(gd, update).then(() => hold(gd, null));
  }

  /** Move what is seen by shares of its width and height, to the right and up. */
  function moveBy(gd, right, up) {
    touched(gd);
    const update = {};
    [right, up].forEach((share, k) => {
      const [low, high] = gd._fullLayout[AXES[k]].range;
      update[AXES[k] + ".range"] = [low + share * (high - low), high + share * (high - low)];
    });
    window.Plotly.relayout(gd, update);
  }

  function zoomBy(gd, factor) {
    touched(gd);
    const ranges = AXES.flatMap((axis) => {
      const [low, high] = gd._fullLayout[axis].range;
      const half = ((high - low) / 2) * factor;
      return [(low + high) / 2 - half, (low + high) / 2 + half];
    });
    window.Plotly.relayout(gd, updateOf(ranges));
  }

  function zoom() {
    const source = window.dash_clientside.callback_context.triggered_id;
    if (!source) return;
    const by = source === "map-zoom-in" ? 1 / 1.5 : 1.5;
    map().graphs().forEach((gd) => (source === "map-fit" ? fit(gd) : zoomBy(gd, by)));
  }

  // The store map-view, and with it the address, holds what is seen of the first map: { map, ranges, camera: in space }, null
  // for all of it.
  let held = null; // what the store holds
  let asked = null; // { map, ranges, camera } that the first map is to show until someone moves it
  let plot = null; // size of the plot that was last brought to it
  let bringing = false; // whether that is being done now
  let byHand = false; // whether somebody has touched the maps since: else they only got another shape
  let rest = 0; // timer

  const isFirst = (gd) => gd === map().graphs()[0] && Boolean(gd.closest("#map-graph"));
  const updateOf = (ranges) => Object.fromEntries(AXES.map((axis, k) => [axis + ".range", ranges.slice(2 * k, 2 * k + 2)]));
  const rangesOf = (gd) => AXES.flatMap((axis) => gd._fullLayout[axis].range);

  /** All of a map, as figures/map_figure.py says it. */
  function wholeOf(gd) {
    const { x, y } = gd.data.find(({ meta }) => meta.role === "ends");
    return [...x, ...y];
  }

  /** Whether these ranges are seen: on one axis no more than they are, on the other what the shape of the plot adds. */
  function shows(gd, ranges) {
    const now = rangesOf(gd);
    const more = [0, 2].map((k) => (now[k + 1] - now[k]) / (ranges[k + 1] - ranges[k]) - 1);
    const off = [0, 2].map((k) => (now[k] + now[k + 1] - ranges[k] - ranges[k + 1]) / 2 / (ranges[k + 1] - ranges[k]));
    return Math.abs(Math.min(...more)) < 1e-3 && off.every((share) => Math.abs(share) < 1e-3);
  }

  /** To a ten-thousandth of what is seen: less than a pixel. */
  function rounded(ranges) {
    return ranges.map((value, k) => {
      const width = ranges[k | 1] - ranges[k & 2];
      return Number(value.toFixed(Math.min(100, Math.max(0, 4 - Math.floor(Math.log10(width))))));
    });
  }

  /** Keep what is seen in the store. */
  function hold(gd, seen) {
    if (!isFirst(gd)) return;
    clearTimeout(rest);
    asked = null;
    if (JSON.stringify(seen) === JSON.stringify(held)) return;
    held = seen;
    window.dash_clientside.set_props("map-view", { data: seen });
  }

  /** What the store holds comes from elsewhere, or another figure does. (What is seen is a part of the figure to Dash, too.) */
  function follow(seen) {
    const changed = window.dash_clientside.callback_context.triggered.map(({ prop_id: id }) => id);
    const told = changed.includes("map-view.data") && JSON.stringify(seen) !== JSON.stringify(held);
    if (!told && !changed.includes("map-loaded.data")) return;
    clearTimeout(rest);
    held = seen;
    plot = null;
    byHand = false;
    asked = seen || { map: map().wanted.loaded.map, ranges: null };
  }

  /** Somebody moves this map: from now on it shows what they make of it. */
  function touched(gd) {
    byHand = true;
    if (isFirst(gd)) asked = null;
  }

  function attached(gd) {
    gd.on("plotly_relayouting", () => touched(gd)); // drawn first, with other margins perhaps, then said to be done
    ["pointerdown", "wheel"].forEach((name) => gd.addEventListener(name, () => (byHand = true), { capture: true, passive: true }));
    gd.on("plotly_relayout", (changed) => {
      if (bringing || !byHand || !Object.keys(changed).some((key) => /^[xy]axis\.(range|autorange)/.test(key))) return;
      remember(gd);
    });
  }

  /** Of the first map, once nobody has moved it for a while. */
  function remember(gd) {
    if (!isFirst(gd)) return;
    clearTimeout(rest);
    asked = null;
    rest = setTimeout(() => {
      if (isFirst(gd)) hold(gd, isWhole(gd) ? null : seenNow(gd));
    }, REST);
  }

  const isWhole = (gd) => shows(gd, wholeOf(gd)) && (!map().inSpace(gd) || map().isStart(gd));

  function seenNow(gd) {
    const seen = { map: map().mapOf(gd), ranges: rounded(rangesOf(gd)) };
    return map().inSpace(gd) ? { ...seen, camera: map().direction(gd).map((degrees) => Number(degrees.toFixed(1)) % 360) } : seen;
  }

  function turnByHand(gd, azimuth, elevation) {
    touched(gd);
    map().turnBy(gd, azimuth, elevation);
  }

  /** A map in space is seen from another side. */
  function turned(gd) {
    if (byHand && !bringing) remember(gd);
  }

  /** Show what is asked for, of the map that it is asked of; again where the plot got another shape, beside a second map. */
  function show(gd) {
    if (!asked || !isFirst(gd) || asked.map !== map().mapOf(gd)) return;
    const size = AXES.map((axis) => gd._fullLayout[axis]._length).join();
    const ranges = asked.ranges || wholeOf(gd);
    if (plot === size) return;
    plot = size;
    bringing = true;
    if (map().inSpace(gd)) map().look(gd, ...(asked.camera || map().SPACE_START));
    const brought = shows(gd, ranges) ? Promise.resolve() : window.Plotly.relayout(gd, updateOf(ranges));
    brought.finally(() => (bringing = false));
  }

  /** Tools for the plane are there where a map of the plane is. */
  function layout(gd) {
    show(gd);
    const flat = map().graphs().some((gd) => !map().inSpace(gd));
    document.getElementById("map-flat-tools").hidden = !flat;
    document.getElementById("map-no-tools").hidden = !map().graphs().some(map().inSpace);
  }

  Object.assign(window.vqscopeMap, { fit, moveBy, zoomBy, turnByHand, follow });
  window.vqscopeMap.add({ attached, layout, turned });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { zoom });
})();
