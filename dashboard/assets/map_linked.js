/* A selection that is drawn on one map, on the other, and one that a table filters, on its own map too: the service says
   which images it holds, the rest grows faint. */
(function () {
  "use strict";

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
    const mask = await map().insist(path, () => held.path === path);
    if (held.path !== path) return; // another selection was made meanwhile
    held.mask = mask;
    map().sync();
    document.querySelector(".map-body").dataset.linked = path;
  }

  Object.assign(window.vqscopeMap, { maskFor });
})();
