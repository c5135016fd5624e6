/* Which point of a map the mouse is at. */
(function () {
  "use strict";

  const REACH = 12; // CSS pixels from a point that still are at it
  const DRAG = 4; // CSS pixels of movement that make a press a drag
  const map = () => window.vqscopeMap;

  const found = new WeakMap(); // gd -> { key, columns, heads, next }: points by squares of REACH pixels
  let pressed = null;
  let last = null; // { gd, event }: where the mouse is, until the next frame

  const shownOf = (gd) => map().tracesOf(gd, "points");

  /** Points of a view by the square that they lie in: the last one of each square, and before each point another. */
  function squares(gd, cloud, view) {
    const shown = shownOf(gd);
    const key = [cloud, ...Object.values(view), ...shown];
    const known = found.get(gd);
    if (known && map().same(known.key, key)) return known;
    const columns = Math.ceil(view.width / REACH);
    const heads = new Int32Array(columns * Math.ceil(view.height / REACH)).fill(-1);
    const next = new Int32Array(cloud.x.length);
    shown.forEach(({ meta }) =>
      meta.runs.forEach(([first, end]) => {
        for (let row = first; row < end; row++) {
          const x = (cloud.x[row] - view.left) * view.perX;
          const y = (view.top - cloud.y[row]) * view.perY;
          if (!(x >= 0 && y >= 0 && x < view.width && y < view.height)) continue; // nor where NaN
          const square = Math.floor(y / REACH) * columns + Math.floor(x / REACH);
          next[row] = heads[square];
          heads[square] = row;
        }
      }),
    );
    const made = { key, columns, heads, next };
    found.set(gd, made);
    return made;
  }

  /** Row of the index of the point nearest to the mouse, of equally near ones that on top; -1 where none is near. */
  function nearest(gd, event) {
    const cloud = map().cloudOf(gd);
    if (!cloud) return -1;
    const view = map().viewOf(gd);
    const box = gd.getBoundingClientRect();
    const [x, y] = [event.clientX - box.left - view.x, event.clientY - box.top - view.y];
    if (x < 0 || y < 0 || x >= view.width || y >= view.height) return -1;
    const { columns, heads, next } = squares(gd, cloud, view);
    const [column, line] = [Math.floor(x / REACH), Math.floor(y / REACH)];
    let [best, row] = [REACH * REACH, -1];
    for (let down = Math.max(0, line - 1); down <= line + 1 && down * columns < heads.length; down++) {
      for (let across = Math.max(0, column - 1); across <= Math.min(columns - 1, column + 1); across++) {
        for (let k = heads[down * columns + across]; k >= 0; k = next[k]) {
          const dx = (cloud.x[k] - view.left) * view.perX - x;
          const dy = (view.top - cloud.y[k]) * view.perY - y;
          const away = dx * dx + dy * dy;
          if (away < best) [best, row] = [away, k];
        }
      }
    }
    return row;
  }

  /** The image of a row: { dataset, split, position, label }; see figures/map_figure.py for the runs. */
  function imageAt(gd, row) {
    for (const { meta } of shownOf(gd)) {
      const run = meta.runs.find(([first, end]) => first <= row && row < end);
      if (!run) continue;
      const [first, , split, position] = run;
      return { dataset: meta.dataset, split: map().SPLITS[split], position: position + row - first, label: map().cloudOf(gd).label[row] };
    }
    return null;
  }

  function at(gd, event) {
    const row = nearest(gd, event);
    return row < 0 ? null : imageAt(gd, row);
  }

  /** Whether it is a map that is shown, and no tool is in use. */
  const isFree = (gd) => map().graphs().includes(gd) && gd._fullLayout.dragmode === "pan";

  /** At most once a frame. */
  function hover(gd, event) {
    if (event.pointerType !== "mouse" || event.buttons) return;
    if (!last) requestAnimationFrame(look);
    last = { gd, event };
  }

  function look() {
    const { gd, event } = last;
    last = null;
    const image = gd && isFree(gd) ? at(gd, event) : null;
    if (image) map().showCard(image, event);
    else map().hideCard();
  }

  function leave() {
    if (last) last = { gd: null };
    map().hideCard();
  }

  function attached(gd) {
    gd.addEventListener("pointermove", (event) => hover(gd, event), true);
    gd.addEventListener("pointerleave", leave);
    gd.addEventListener("pointerdown", (event) => (pressed = { gd, event }), true);
  }

  // Plotly lays a sheet over the page while a button is down: the end is not told to the map.
  document.addEventListener(
    "pointerup",
    ({ clientX, clientY, button }) => {
      if (!pressed) return;
      const { gd, event } = pressed;
      pressed = null;
      if (button || !isFree(gd)) return;
      if (Math.hypot(clientX - event.clientX, clientY - event.clientY) >= DRAG) return;
      const image = at(gd, event);
      if (image) map().inspect(`${image.dataset}/${image.split}/${image.position}`);
    },
    true,
  );

  window.vqscopeMap.add({ attached });
})();
