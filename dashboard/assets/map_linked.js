/* A selection that is drawn on one map, on the other, and one that a table filters, on its own map too: the service says
   which images it holds, the rest grows faint. */
(function () {
  "use strict";

  const FAINT = 0.05; // opacity in space of points that are not selected
  const map = () => window.vqscopeMap;
  const held = { path: null, mask: null }; // (n,) of all images of the index, 1 where selected

  /** A condition as dashboard/state_where.py writes it. */
  const condition = ({ column, min, max, contains }) => (contains === undefined ? `${column}:${min ?? ""}..${max ?? ""}` : `${column}~${contains}`);

  const text = ({ map: name, vertices, where = [] }) =>
    `/inside?map=${encodeURIComponent(name)}&sel=${vertices.flat().map((value) => Number(value.toPrecision(5))).join(",")}` +
    where.map((one) => `&where=${encodeURIComponent(condition(one))}`).join("");

  /** The mask that a map is to show; null where the selection is its own and all inside, or there is none. */
  function maskFor(gd) {
    const { polygon, loaded } = map().wanted;
    if (!polygon || !loaded) return null;
    if (polygon.map === map().mapOf(gd) && !(polygon.where || []).length) return null;
    const path = `${text(polygon)}&v=${loaded.index}`;
    if (held.path !== path) ask(path);
    return held.path === path ? held.mask : null;
  }

  async function ask(path) {
    Object.assign(held, { path, mask: null });
    const mask = await map().load(path);
    if (held.path !== path) return; // another selection was made meanwhile
    held.mask = mask;
    map().sync();
    document.querySelector(".map-body").dataset.linked = path;
  }

  const found = new WeakMap(); // meta of a trace of points -> { mask, places }

  /** Places in the trace of the selected images. */
  function placesOf(trace, mask) {
    const known = found.get(trace.meta);
    if (known && known.mask === mask) return known.places;
    const places = [];
    let k = 0;
    trace.meta.runs.forEach(([first, end]) => {
      for (let row = first; row < end; row++, k++) if (mask[row]) places.push(k);
    });
    found.set(trace.meta, { mask, places });
    return places;
  }

  function trace(gd, trace, i, want) {
    if (trace.meta.role === "points") fade(gd, trace, i, want, maskFor(gd));
    if (trace.meta.role === "linked") linked(gd, trace, i, want);
  }

  function fade(gd, trace, i, want, mask) {
    const opacity = mask ? FAINT : map().look(gd, trace).opacity;
    if (trace.opacity !== opacity) want("opacity", i, opacity);
  }

  const drawn = new WeakMap(); // meta of a trace of selected points -> { mask, color }

  /** In space Plotly has no selected points: they are a trace of their own, coloured as the others. */
  function linked(gd, trace, i, want) {
    const mask = maskFor(gd);
    const all = gd.data.find(({ meta }) => meta.role === "points" && meta.dataset === trace.meta.dataset);
    const values = gd._fullData[gd.data.indexOf(all)];
    if (!map().isOn(trace.meta.dataset) || !values.x) return; // Plotly has read nothing of a trace that is off
    const wished = map().look(gd, all);
    const color = wished["marker.color"];
    const known = drawn.get(trace.meta) || { mask: null, color: null };
    if (known.mask === mask && (known.color === color || !mask)) return;
    drawn.set(trace.meta, { mask, color });
    const places = mask ? placesOf(all, mask) : [];
    const pick = (column) => Float64Array.from(places, (place) => column[place]);
    ["x", "y", "z", "customdata"].forEach((name) => want(name, i, pick(values[name])));
    Object.entries(wished).forEach(([attribute, value]) => want(attribute, i, value));
    if (typeof color !== "string") want("marker.color", i, pick(color));
  }

  Object.assign(window.vqscopeMap, { maskFor });
  window.vqscopeMap.add({ trace });
})();
