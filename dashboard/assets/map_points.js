/* The points of the maps: fetched once for each map that is shown, again after a failure, and what is to be said meanwhile. */
(function () {
  "use strict";

  const RETRY = 3000; // milliseconds
  const PATIENCE = 150; // milliseconds of waiting for points of which nothing is said
  const BYTES = 4; // of each number of a point, see dashboard/routes_map.py
  const ADVICE = "If it stays so, see whether the service runs (vqscope serve, or vqscope explore), or reload the page.";
  const map = () => window.vqscopeMap;

  const clouds = new Map(); // address -> { x, y, z: in space, label }, null while they come
  const coming = new Map(); // address -> points that are there, of those that have been waited for
  const troubles = new Map(); // address -> why they are not there yet

  const addressOf = (name, index) => `/points/${encodeURIComponent(name)}?v=${index}`;
  const addressFor = (gd) => addressOf(map().mapOf(gd), map().wanted.loaded.index);

  /** The points of a map in the order of the index as they are seen, null until they are there; in space see map_space.js. */
  function cloudOf(gd) {
    if (!map().wanted.loaded) return null;
    const address = addressFor(gd);
    if (!clouds.has(address)) load(address);
    const cloud = clouds.get(address);
    return cloud && map().inSpace(gd) ? map().pointsSeen(gd, cloud) : cloud;
  }

  /** See dashboard/routes_map.py for the form. */
  async function load(address) {
    clouds.set(address, null);
    let come = 0;
    const announce = () => {
      coming.set(address, come);
      map().graphs().forEach(map().tellOfPoints);
    };
    const patience = setTimeout(announce, PATIENCE);
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      troubles.delete(address);
      const dimensions = Number(answer.headers.get("X-VQScope-Dimensions"));
      const size = BYTES * (dimensions + 1);
      const buffer = await received(answer, (length) => {
        come = length / size;
        if (coming.has(address)) announce();
      });
      const n = buffer.byteLength / size;
      const current = (known) => map().graphs().some((gd) => known.startsWith(`/points/${encodeURIComponent(map().mapOf(gd))}?`));
      [...clouds.keys()].filter((known) => !current(known)).forEach((known) => clouds.delete(known));
      const [x, y, z] = Array.from({ length: dimensions }, (_, k) => new Float32Array(buffer, BYTES * k * n, n));
      clouds.set(address, { x, y, z, label: new Int32Array(buffer, BYTES * dimensions * n, n) });
    } catch (error) {
      troubles.set(address, `The points could not be fetched (${error.message}). Trying again every ${RETRY / 1000} seconds … ${ADVICE}`);
      setTimeout(() => {
        clouds.delete(address);
        map().sync();
      }, RETRY);
    }
    clearTimeout(patience);
    coming.delete(address);
    map().sync();
  }

  /** The bytes of an answer; `onward` is told how many have come. */
  async function received(answer, onward) {
    const pieces = [];
    let length = 0;
    const reader = answer.body.getReader();
    for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
      pieces.push(piece.value);
      length += piece.value.length;
      onward(length);
    }
    const all = new Uint8Array(length);
    pieces.reduce((start, piece) => (all.set(piece, start), start + piece.length), 0);
    return all.buffer;
  }

  // The points of the map that a page is opened with come while the page is being made.
  document.addEventListener("vqscope-service", ({ detail: { state, index } }) => {
    if (state !== "ready" || location.pathname !== "/" || map().wanted.loaded) return;
    const address = addressOf(new URLSearchParams(location.search).get("map") || "pca", index);
    if (!clouds.has(address)) load(address);
  });

  /** How a map's points fare: why they are not there yet, and, where they have been waited for, the share that is (else null). */
  function newsOf(gd) {
    const { loaded } = map().wanted;
    const address = loaded ? addressFor(gd) : null;
    const trouble = troubles.get(address) || "";
    if (trouble || !coming.has(address)) return { trouble, share: null, n: 0 };
    const n = Object.values(loaded.datasets).reduce((sum, dataset) => sum + dataset.n, 0);
    return { trouble, share: Math.min(1, coming.get(address) / n), n };
  }

  Object.assign(window.vqscopeMap, { cloudOf, newsOf });
})();
