/* What part of a map is seen: zoom and fit, in the plane by the axes, in space by the camera. And groups' lines in space. */
(function () {
  "use strict";

  const CAMERA = { eye: { x: 1.5, y: 1.5, z: 1 }, center: { x: 0, y: 0, z: 0 }, up: { x: 0, y: 0, z: 1 } };
  const map = () => window.vqscopeMap;

  /** Bring the data sets that are on, with their ellipses, into view. */
  function fit(gd) {
    if (map().inSpace(gd)) return void window.Plotly.relayout(gd, { "scene.camera": CAMERA });
    const shown = gd.data.filter((trace) => trace.meta.dataset && map().isOn(trace.meta.dataset));
    const update = {};
    ["x", "y"].forEach((axis, k) => {
      const ends = shown.flatMap((trace) => (trace.meta.extent ? trace.meta.extent[k] || [] : map().outlineOf(gd, trace)[axis]));
      if (!ends.length) return;
      const [low, high] = [Math.min(...ends), Math.max(...ends)];
      const margin = 0.04 * (high - low) || 1;
      update[axis + "axis.range"] = [low - margin, high + margin];
    });
    window.Plotly.relayout(gd, update);
  }

  function zoomBy(gd, factor) {
    const update = {};
    if (map().inSpace(gd)) {
      const { eye } = gd._fullLayout.scene._scene.getCamera();
      ["x", "y", "z"].forEach((axis) => (update[`scene.camera.eye.${axis}`] = eye[axis] * factor));
    } else {
      ["xaxis", "yaxis"].forEach((axis) => {
        const [low, high] = gd._fullLayout[axis].range;
        const half = ((high - low) / 2) * factor;
        update[axis + ".range"] = [(low + high) / 2 - half, (low + high) / 2 + half];
      });
    }
    window.Plotly.relayout(gd, update);
  }

  function zoom() {
    const source = window.dash_clientside.callback_context.triggered_id;
    if (!source) return;
    const by = source === "map-zoom-in" ? 1 / 1.5 : 1.5;
    map().graphs().forEach((gd) => (source === "map-fit" ? fit(gd) : zoomBy(gd, by)));
  }

  /** In the plane groups are shapes of the layout (map_select.js); in space they are one trace of many lines. */
  const joined = new WeakMap(); // ellipses of a map -> what is drawn of their groups

  function lines(ellipses) {
    if (!joined.has(ellipses)) {
      const all = { x: [], y: [], z: [], color: [] };
      ellipses.shapes.forEach(({ colour, x, y, z }) => {
        [["x", x], ["y", y], ["z", z || []]].forEach(([axis, values]) => all[axis].push(...values, null));
        all.color.push(...Array(x.length + 1).fill(colour));
      });
      joined.set(ellipses, all);
    }
    return joined.get(ellipses);
  }

  function trace(gd, trace, i, want) {
    const ellipses = map().wanted.ellipses[map().mapOf(gd)];
    if (trace.meta.role !== "groups" || !ellipses) return;
    const { x, y, z, color } = lines(ellipses);
    if (trace.x === x) return;
    want("x", i, x);
    want("y", i, y);
    want("z", i, z);
    want("line.color", i, color.length ? color : "#6f7a83");
  }

  /** Tools for the plane are there where a map of the plane is. */
  function layout() {
    const flat = map().graphs().some((gd) => !map().inSpace(gd));
    document.getElementById("map-flat-tools").hidden = !flat;
    document.getElementById("map-no-tools").hidden = !map().graphs().some(map().inSpace);
  }

  window.vqscopeMap.add({ trace, layout });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { zoom });
})();
