/* Tools of the map: selecting by a box or by a path drawn with the mouse, groups' ellipses. */
(function () {
  "use strict";

  const MOST = 60; // vertices of a polygon: an address must hold it
  const DIGITS = 5; // as dashboard/state.py writes them
  const ACCENT = "#0e8aa0";
  const DRAGMODES = { "map-pan": "pan", "map-box": "drawrect", "map-lasso": "drawclosedpath" };
  const noUpdate = () => window.dash_clientside.no_update;
  const map = () => window.vqscopeMap;

  const flat = () => map().graphs().filter((gd) => !map().inSpace(gd));

  let polygon = null; // { map, vertices }

  const round = (value) => Number(value.toPrecision(DIGITS));

  /** "M1,2L3,4Z" as [[1, 2], [3, 4]]. */
  function vertices(shape) {
    if (shape.type === "rect") {
      const { x0, y0, x1, y1 } = shape;
      return [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
    }
    return shape.path.slice(1, -1).split("L").map((pair) => pair.split(",").map(Number));
  }

  const path = (points) => `M${points.map(([x, y]) => `${x},${y}`).join("L")}Z`;

  /** The fewest vertices within a tolerance (Ramer 1972; Douglas and Peucker 1973). */
  function simplified(points, tolerance) {
    const kept = new Set([0, points.length - 1]);
    const open = [[0, points.length - 1]];
    while (open.length) {
      const [first, last] = open.pop();
      let farthest = 0;
      let place = -1;
      for (let i = first + 1; i < last; i++) {
        const away = distance(points[i], points[first], points[last]);
        if (away > farthest) [farthest, place] = [away, i];
      }
      if (farthest <= tolerance) continue;
      kept.add(place);
      open.push([first, place], [place, last]);
    }
    return points.filter((_, i) => kept.has(i));
  }

  function distance([x, y], [x0, y0], [x1, y1]) {
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = dx * dx + dy * dy;
    const t = length ? Math.min(1, Math.max(0, ((x - x0) * dx + (y - y0) * dy) / length)) : 0;
    return Math.hypot(x - x0 - t * dx, y - y0 - t * dy);
  }

  function bounded(points, gd) {
    const { xaxis, yaxis } = gd._fullLayout;
    const unit = Math.min(...[xaxis, yaxis].map(({ range }) => Math.abs(range[1] - range[0])));
    let found = points;
    for (let tolerance = unit / 1000; found.length > MOST || tolerance === unit / 1000; tolerance *= 1.5) {
      found = simplified(points, tolerance);
    }
    return found.map((vertex) => vertex.map(round));
  }

  function choose(tool, more = () => ({})) {
    Object.keys(DRAGMODES).forEach((id) => document.getElementById(id).setAttribute("aria-pressed", String(id === tool)));
    flat().forEach((gd) => window.Plotly.relayout(gd, { dragmode: DRAGMODES[tool], ...more(gd) }));
  }

  function attached(gd) {
    gd.on("plotly_relayout", (changed) => {
      const drawn = (changed.shapes || []).find((shape) => !shape.name);
      if (!drawn) return;
      const points = vertices(drawn);
      // What is asked about, in the place of what was drawn.
      if (points.length > 2) polygon = { map: map().mapOf(gd), vertices: bounded(points, gd) };
      choose("map-pan", (each) => ({ shapes: shapes(each) }));
      window.dash_clientside.set_props("map-polygon", { data: polygon });
    });
  }

  function shapes(gd) {
    const ellipses = map().wanted.ellipses[map().mapOf(gd)];
    const groups = (ellipses ? ellipses.shapes : []).map(({ name, colour, x, y }) => ({
      type: "path",
      name: `group ${name}`,
      path: path(x.map((value, i) => [value, y[i]])),
      line: { color: colour, width: 2.5 },
      layer: "above",
    }));
    if (!polygon || polygon.map !== map().mapOf(gd)) return groups;
    const line = { color: ACCENT, width: 2, dash: "dot" };
    return [...groups, { type: "path", name: "selection", path: path(polygon.vertices), line, fillcolor: "rgba(14,138,160,0.08)", layer: "above" }];
  }

  const signature = (list) => JSON.stringify((list || []).map(({ name, path, line }) => [name, path, line && line.color]));

  function layout(gd) {
    if (map().inSpace(gd)) return;
    const wished = shapes(gd);
    if (signature(gd.layout.shapes) !== signature(wished)) window.Plotly.relayout(gd, { shapes: wished });
  }

  function drawPolygon(asked) {
    polygon = asked && asked.vertices.length > 2 ? asked : null;
    map().wanted.polygon = polygon;
    map().sync();
    return polygon === null;
  }

  /** A selection goes with the map that it is drawn on. */
  function dropSelection(second, first, polygon) {
    return polygon && ![first, second].includes(polygon.map) ? null : noUpdate();
  }

  /** What is selected, told on only where there is, or was, a selection. */
  function askSelection(polygon, on, off, loaded, api, asked) {
    const changed = window.dash_clientside.callback_context.triggered;
    if (!polygon || !loaded) return asked ? null : noUpdate();
    // While the service is away what is shown stays.
    if (changed.length === 1 && changed[0].prop_id === "api.data" && !(api && api.state === "ready")) return noUpdate();
    return { polygon, on: on || [], off: off || {}, turn: asked ? asked.turn + 1 : 0 };
  }

  function chooseTool() {
    const source = window.dash_clientside.callback_context.triggered_id;
    if (source) choose(source);
  }

  function selectView() {
    const { triggered, triggered_id: source } = window.dash_clientside.callback_context;
    if (!triggered.some((t) => t.value)) return noUpdate();
    if (source === "selection-clear") return null;
    const [gd] = flat();
    if (!gd) return noUpdate();
    const [[x0, x1], [y0, y1]] = [gd._fullLayout.xaxis.range, gd._fullLayout.yaxis.range];
    const corners = [[x0, y0], [x1, y0], [x1, y1], [x0, y1]];
    return { map: map().mapOf(gd), vertices: corners.map((vertex) => vertex.map(round)) };
  }

  function showTab(tab) {
    return ["composition", "codes", "images", "table"].map((name) => name !== tab);
  }

  function turnSelection(_previous, _next, page) {
    const { triggered, triggered_id: source } = window.dash_clientside.callback_context;
    if (!triggered.some((t) => t.value)) return noUpdate();
    return Math.max(1, page + (source === "selection-next" ? 1 : -1));
  }

  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && flat().some((gd) => gd._fullLayout.dragmode !== "pan")) choose("map-pan");
  });

  window.vqscopeMap.add({ attached, layout });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, {
    drawPolygon,
    askSelection,
    dropSelection,
    chooseTool,
    selectView,
    showTab,
    turnSelection,
  });
})();
