/* Maps of three dimensions: turned, then laid onto the plane in parallel (without perspective: equal lengths stay equal at any
   depth), where all else draws and meets points as on a map of the plane. Nothing of it needs WebGL. */
(function () {
  "use strict";

  const START = [45, 25]; // azimuth and elevation of what looks at it, degrees
  const PER_PIXEL = 0.4; // degrees that the mouse turns it by
  const LEVELS = 4096; // of depth, by which points are put in order
  const map = () => window.vqscopeMap;

  const cameras = new WeakMap(); // gd -> { map, azimuth, elevation }, another object for another direction
  const laid = new WeakMap(); // gd -> { cloud, camera, box, made }
  let held = null; // { gd, id, x, y, moves: not turns, moved: by now } while the mouse has hold of a map

  const radians = (degrees) => (degrees * Math.PI) / 180;

  function cameraOf(gd) {
    const name = map().mapOf(gd);
    const known = cameras.get(gd);
    if (known && known.map === name) return known;
    const [azimuth, elevation] = START;
    const made = { map: name, azimuth, elevation };
    cameras.set(gd, made);
    return made;
  }

  /** Unit vectors in the map: to the right and up on the page, and out of it towards the reader. */
  function directions({ azimuth, elevation }) {
    const [a, e] = [radians(azimuth), radians(elevation)];
    const right = [-Math.sin(a), Math.cos(a), 0];
    const up = [-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)];
    return { right, up, towards: [Math.cos(e) * Math.cos(a), Math.cos(e) * Math.sin(a), Math.sin(e)] };
  }

  const middleOf = (gd) => gd.layout.meta.box.map(([low, high]) => (low + high) / 2);

  /** Where a place of the map is seen: from left to right and from below to above, in its units, 0 in the middle of the box. */
  function seenAt(gd, place) {
    const { right, up } = directions(cameraOf(gd));
    const from = middleOf(gd).map((middle, k) => place[k] - middle);
    return [right, up].map((axis) => axis.reduce((sum, value, k) => sum + value * from[k], 0));
  }

  /** Lines { x, y, z }, with null between one and the next, as { x, y }. */
  function linesSeen(gd, { x, y, z = [] }) {
    const at = x.map((value, i) => (value === null ? [null, null] : seenAt(gd, [value, y[i], z[i]])));
    return { x: at.map(([u]) => u), y: at.map(([, v]) => v) };
  }

  /** The points of a map as they are seen: { x, y, label, near: from 0, farthest, to 1, order: rows, the farthest first }. */
  function pointsSeen(gd, cloud) {
    const camera = cameraOf(gd);
    const box = JSON.stringify(gd.layout.meta.box); // its middle is what it is turned about
    const known = laid.get(gd);
    if (known && known.cloud === cloud && known.camera === camera && known.box === box) return known.made;
    const n = cloud.x.length;
    const { right, up, towards } = directions(camera);
    const [cx, cy, cz] = middleOf(gd);
    const [x, y, near] = [new Float32Array(n), new Float32Array(n), new Float32Array(n)];
    for (let i = 0; i < n; i++) {
      const dx = cloud.x[i] - cx;
      const dy = cloud.y[i] - cy;
      const dz = cloud.z[i] - cz;
      x[i] = right[0] * dx + right[1] * dy;
      y[i] = up[0] * dx + up[1] * dy + up[2] * dz;
      near[i] = towards[0] * dx + towards[1] * dy + towards[2] * dz;
    }
    const made = { x, y, label: cloud.label, near, order: farthestFirst(near, reachOf(gd, towards)) };
    laid.set(gd, { cloud, camera, box, made });
    return made;
  }

  /** How far the box reaches from its middle in a direction. */
  function reachOf(gd, direction) {
    return gd.layout.meta.box.reduce((sum, [low, high], k) => sum + (Math.abs(direction[k]) * (high - low)) / 2, 0);
  }

  /** Rows by depth; depths become shares of the box's. By levels, in the time of a few readings of all. */
  function farthestFirst(near, reach) {
    const n = near.length;
    const level = new Uint16Array(n);
    const starts = new Uint32Array(LEVELS + 1);
    for (let i = 0; i < n; i++) {
      const share = (near[i] / reach + 1) / 2;
      near[i] = share;
      level[i] = share >= 0 ? Math.min(LEVELS - 1, Math.floor(share * LEVELS)) : 0; // NaN too, which is drawn nowhere
      starts[level[i] + 1]++;
    }
    for (let k = 0; k < LEVELS; k++) starts[k + 1] += starts[k];
    const order = new Uint32Array(n);
    for (let i = 0; i < n; i++) order[starts[level[i]]++] = i;
    return order;
  }

  function look(gd, azimuth, elevation) {
    const whole = ((azimuth % 360) + 360) % 360;
    cameras.set(gd, { map: map().mapOf(gd), azimuth: whole, elevation: Math.max(-90, Math.min(90, elevation)) });
    map().hideCard();
    map().turned(gd);
  }

  function turnBy(gd, azimuth, elevation) {
    const now = cameraOf(gd);
    look(gd, now.azimuth + azimuth, now.elevation + elevation);
  }

  const direction = (gd) => [cameraOf(gd).azimuth, cameraOf(gd).elevation];
  const isStart = (gd) => map().same(direction(gd), START);

  function press(gd, event) {
    if (!map().inSpace(gd) || event.button || !event.isPrimary || !event.target.closest(".draglayer")) return;
    held = { gd, id: event.pointerId, x: event.clientX, y: event.clientY, moves: event.shiftKey, moved: false };
  }

  function drag({ pointerId, pointerType, buttons, clientX, clientY }) {
    if (!held || pointerId !== held.id) return;
    if (pointerType === "mouse" && !(buttons & 1)) return release({ pointerId }); // outside of the window
    const [dx, dy] = [clientX - held.x, clientY - held.y];
    if (!dx && !dy) return;
    Object.assign(held, { x: clientX, y: clientY, moved: true });
    const { gd, moves } = held;
    const { width, height } = map().viewOf(gd);
    if (moves) map().moveBy(gd, -dx / width, dy / height);
    else turnBy(gd, -PER_PIXEL * dx, PER_PIXEL * dy);
  }

  /** All points again, where some were left out while it was turned. */
  function release({ pointerId }) {
    if (!held || pointerId !== held.id) return;
    const { gd, moved } = held;
    held = null;
    if (moved) map().turned(gd);
  }

  document.addEventListener("pointermove", drag);
  ["pointerup", "pointercancel"].forEach((name) => document.addEventListener(name, release));
  // The colours of the box are those of the scheme.
  new MutationObserver(() => map().sync()).observe(document.documentElement, { attributeFilter: ["data-mantine-color-scheme"] });

  function attached(gd) {
    gd.addEventListener("pointerdown", (event) => press(gd, event), true);
    // Plotly would move it, and with Shift zoom into a box.
    const keep = (event) => {
      if (held && held.gd === gd) event.stopPropagation();
    };
    ["mousedown", "touchstart", "touchmove"].forEach((name) => gd.addEventListener(name, keep, { capture: true, passive: true }));
  }

  function layout(gd) {
    gd.classList.toggle("in-space", map().inSpace(gd)); // see 40_map.css
    if (!map().inSpace(gd)) cameras.delete(gd); // Plotly forgets what was seen of it, too
  }

  Object.assign(window.vqscopeMap, { SPACE_START: START, cameraOf, directions, seenAt, linesSeen, pointsSeen, look, turnBy, direction, isStart, isTurning: (gd) => Boolean(held) && held.moved && held.gd === gd });
  window.vqscopeMap.add({ attached, layout });
})();
