/* What part of a map is seen, and in space from where: zoom, move and fit, and the address, which says what is seen of each map. */
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

  /** What is seen of one of the two maps. Its store, and with it the address, holds { map, ranges, camera: in space }, null for all of it. */
  const slot = (store, name) => ({
    store,
    name, // of the property that changes when the slot has another map
    held: null, // what the store holds
    asked: null, // { map, ranges, camera } that the map is to show until someone moves it
    plot: null, // size of the plot that was last brought to it
    bringing: false, // whether that is being done now
    byHand: false, // whether somebody has touched the map since: else it only got another shape
    rest: 0, // timer
  });
  const slots = { "map-graph": slot("map-view", "map-loaded.data"), "map-graph-2": slot("map-view-2", "map-shown.data") };

  /** The slot of a map; of one that is drawn no more null. */
  const slotOf = (gd) => (map().graphs().includes(gd) && slots[gd.closest("#map-graph, #map-graph-2").id]) || null;
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
    const own = slotOf(gd);
    if (!own) return;
    clearTimeout(own.rest);
    own.asked = null;
    if (JSON.stringify(seen) === JSON.stringify(own.held)) return;
    own.held = seen;
    window.dash_clientside.set_props(own.store, { data: seen });
  }

  /** What the store holds comes from elsewhere, or another figure does. (What is seen is a part of the figure to Dash, too.) */
  function follow(id, shown, seen) {
    const own = slots[id];
    const changed = window.dash_clientside.callback_context.triggered.map(({ prop_id: name }) => name);
    const told = changed.includes(`${own.store}.data`) && JSON.stringify(seen) !== JSON.stringify(own.held);
    if (!told && !changed.includes(own.name)) return;
    clearTimeout(own.rest);
    own.held = seen;
    own.plot = null;
    own.byHand = false;
    own.asked = seen || { map: shown, ranges: null };
  }

  function followSecond(shown, seen) {
    follow("map-graph-2", shown && shown.map, seen || null);
    map().sync();
  }

  /** Somebody moves this map: from now on it shows what they make of it. */
  function touched(gd) {
    const own = slotOf(gd);
    if (own) Object.assign(own, { byHand: true, asked: null });
  }

  function attached(gd) {
    gd.on("plotly_relayouting", () => touched(gd)); // drawn first, with other margins perhaps, then said to be done
    const handled = () => slotOf(gd) && (slotOf(gd).byHand = true);
    ["pointerdown", "wheel"].forEach((name) => gd.addEventListener(name, handled, { capture: true, passive: true }));
    gd.on("plotly_relayout", (changed) => {
      const own = slotOf(gd);
      if (!own || own.bringing || !own.byHand || !Object.keys(changed).some((key) => /^[xy]axis\.(range|autorange)/.test(key))) return;
      remember(gd);
    });
  }

  /** Once nobody has moved the map for a while. */
  function remember(gd) {
    const own = slotOf(gd);
    if (!own) return;
    clearTimeout(own.rest);
    own.asked = null;
    own.rest = setTimeout(() => slotOf(gd) === own && hold(gd, isWhole(gd) ? null : seenNow(gd)), REST);
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
    const own = slotOf(gd);
    if (own && own.byHand && !own.bringing) remember(gd);
  }

  /** Show what is asked for, of the map that it is asked of; again where the plot got another shape, beside another map. */
  function show(gd) {
    const own = slotOf(gd);
    if (!own || !own.asked || own.asked.map !== map().mapOf(gd)) return;
    const size = AXES.map((axis) => gd._fullLayout[axis]._length).join();
    const ranges = own.asked.ranges || wholeOf(gd);
    if (own.plot === size) return;
    own.plot = size;
    own.bringing = true;
    if (map().inSpace(gd)) map().look(gd, ...(own.asked.camera || map().SPACE_START));
    const brought = shows(gd, ranges) ? Promise.resolve() : window.Plotly.relayout(gd, updateOf(ranges));
    brought.finally(() => (own.bringing = false));
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
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { zoom, followSecond });
})();
