/* The points of maps, fetched once for all who draw them, and again by themselves where that failed. */
(function () {
  "use strict";

  const RETRY = 3000; // milliseconds
  const PATIENCE = 150; // milliseconds of waiting for points of which nothing is said
  const BYTES = 4; // of each number of a point, see dashboard/routes_map.py
  const ADVICE = "If it stays so, see whether the service runs (vqscope serve, or vqscope explore), or reload the page.";

  // Who draw points: { maps(): names of those drawn now, tell(): there is something to say, changed(): to be drawn anew }.
  const users = [];
  const clouds = new Map(); // address -> { x, y, z: in space, label }, null while they come
  const coming = new Map(); // address -> points that are there, of those that have been waited for
  const troubles = new Map(); // address -> why they are not there yet

  const before = (name) => `/points/${encodeURIComponent(name)}?`;
  const addressOf = (name, index) => `${before(name)}v=${index}`;

  /** The points of an address in the order of the index, null until they are there. */
  function cloudAt(address) {
    if (!clouds.has(address)) load(address);
    return clouds.get(address);
  }

  /** See dashboard/routes_map.py for the form. */
  async function load(address) {
    clouds.set(address, null);
    let come = 0;
    const announce = () => {
      coming.set(address, come);
      users.forEach((user) => user.tell());
    };
    const patience = setTimeout(announce, PATIENCE);
    try {
      const answer = await fetch(address);
      if (!answer.ok) throw new Error((await answer.json()).detail);
      troubles.delete(address);
      const dimensions = Number(answer.headers.get("X-VQScope-Dimensions"));
      const size = BYTES * (dimensions + 1);
      const buffer = await received(answer, (length) => {
        come = Math.floor(length / size);
        if (coming.has(address)) announce();
      });
      const n = buffer.byteLength / size;
      const drawn = users.flatMap((user) => user.maps()).map(before);
      [...clouds.keys()].filter((known) => !drawn.some((start) => known.startsWith(start))).forEach((known) => clouds.delete(known));
      const [x, y, z] = Array.from({ length: dimensions }, (_, k) => new Float32Array(buffer, BYTES * k * n, n));
      clouds.set(address, { x, y, z, label: new Int32Array(buffer, BYTES * dimensions * n, n) });
    } catch (error) {
      troubles.set(address, `The points could not be fetched (${error.message}). Trying again every ${RETRY / 1000} seconds … ${ADVICE}`);
      setTimeout(() => {
        clouds.delete(address);
        users.forEach((user) => user.changed());
      }, RETRY);
    }
    clearTimeout(patience);
    coming.delete(address);
    users.forEach((user) => user.changed());
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

  /** Why the points of an address are not there yet; "" where nothing is wrong. */
  const troubleOf = (address) => troubles.get(address) || "";

  /** How many have come of points that are on their way, and have been for a while; null: they are not. */
  const comingOf = (address) => (coming.has(address) && !troubles.has(address) ? coming.get(address) : null);

  window.vqscopePoints = { addressOf, cloudAt, troubleOf, comingOf, add: (user) => users.push(user) };
})();
