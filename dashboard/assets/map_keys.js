/* The maps for those who use a keyboard or a reader of the screen: a name, a tab stop, keys that move and zoom, and images. */
(function () {
  "use strict";

  const STEP = 0.1; // of what is seen, for an arrow key
  const TURN = 10; // degrees, in space
  const ZOOM = 1.5; // as the buttons
  const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] };
  const map = () => window.vqscopeMap;

  const counted = (n, one, many) => `${n.toLocaleString("en-GB")} ${n === 1 ? one : many}`;

  /** What it is, and what its keys do. */
  function nameOf(gd) {
    const sets = Object.entries(map().wanted.loaded.datasets).filter(([name]) => map().isOn(name));
    const n = sets.reduce((sum, [name]) => sum + map().countOf(gd, name), 0);
    const what = `Map ${gd.layout.meta.title} of ${counted(n, "image", "images")} in ${counted(sets.length, "data set", "data sets")}`;
    const keys = "+ and - zoom, 0 fits";
    return `${what}; arrow keys ${map().inSpace(gd) ? "turn it" : "move"}, ${keys}, Enter opens the image nearest to the middle`;
  }

  /** The image nearest to the middle of what is seen, of equally near ones that on top; null where none is seen. */
  function middleImage(gd) {
    const cloud = map().cloudOf(gd);
    if (!cloud) return null;
    const { left, top, perX, perY, width, height } = map().viewOf(gd);
    let [best, found] = [Infinity, null];
    map().tracesOf(gd, "points").forEach(({ meta }) =>
      meta.runs.forEach(([first, end, split, position]) => {
        for (let row = first; row < end; row++) {
          const x = Math.abs((cloud.x[row] - left) * perX - width / 2);
          const y = Math.abs((top - cloud.y[row]) * perY - height / 2);
          if (!(x <= width / 2 && y <= height / 2 && x * x + y * y <= best)) continue; // nor where NaN
          best = x * x + y * y;
          found = `${meta.dataset}/${map().SPLITS[split]}/${position + row - first}`;
        }
      }),
    );
    return found;
  }

  /** What a key does to a map; undefined: nothing. */
  function actionOf(gd, key) {
    if (key === "+" || key === "=") return () => map().zoomBy(gd, 1 / ZOOM);
    if (key === "-") return () => map().zoomBy(gd, ZOOM);
    if (key === "0") return () => map().fit(gd);
    const arrow = ARROWS[key];
    if (arrow && map().inSpace(gd)) return () => map().turnByHand(gd, TURN * arrow[0], TURN * arrow[1]);
    if (arrow) return () => map().moveBy(gd, STEP * arrow[0], STEP * arrow[1]);
    if (key !== "Enter") return undefined;
    return () => {
      const image = middleImage(gd);
      if (image) map().inspect(image);
    };
  }

  // At the map itself: what has the focus elsewhere, a text field above all, keeps its keys.
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || !event.target.matches(".map-graph[tabindex]")) return;
    const gd = map().graphs().find((one) => event.target.contains(one));
    const action = gd && actionOf(gd, event.key);
    if (!action) return;
    event.preventDefault();
    map().hideCard(); // of the image that was under the mouse
    action();
  });

  function attached(gd) {
    const stop = gd.closest(".map-graph");
    stop.tabIndex = 0;
    stop.setAttribute("role", "application"); // a reader of the screen leaves the arrow keys to it
  }

  /** In the middle of what is seen; shown while the map has the focus of the keyboard (40_map.css). */
  function cross(gd) {
    const around = gd.querySelector(".svg-container");
    let drawn = around.querySelector(":scope > .map-cross");
    if (!drawn) {
      drawn = Object.assign(document.createElement("div"), { className: "map-cross" });
      around.append(drawn);
    }
    const { x, y, width, height } = map().viewOf(gd);
    drawn.style.transform = `translate(${x + width / 2}px, ${y + height / 2}px)`;
  }

  function layout(gd) {
    const name = map().wanted.loaded ? nameOf(gd) : "Map";
    const stop = gd.closest(".map-graph");
    if (stop.getAttribute("aria-label") !== name) stop.setAttribute("aria-label", name);
    cross(gd);
  }

  window.vqscopeMap.add({ attached, layout });
})();
