/* The box round a map of three dimensions: its three walls behind the points, with lines at round numbers, and on its outer
   edges the numbers and what the axes are. */
(function () {
  "use strict";

  const FONT = 12; // pixels
  const LINES = 5; // across a wall, about
  const NUMBER = 7; // pixels between an edge and a number
  const NAME = [40, 26]; // pixels between an edge and the middle of its name, to the side and up or down
  const ASIDE = 0.4; // of a direction: more is beside, or above and below
  const LEAST = 60; // pixels of an edge that numbers stand at
  const map = () => window.vqscopeMap;

  /** Round numbers between two, about so many. */
  function rounds(low, high, about) {
    const rough = (high - low) / about;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = power * [1, 2, 5, 10].find((factor) => factor * power >= rough);
    const first = Math.ceil(low / step);
    return Array.from({ length: Math.floor(high / step) - first + 1 }, (_, k) => ({ value: (first + k) * step, digits: Math.max(0, -Math.floor(Math.log10(step) + 1e-9)) }));
  }

  const minus = (text) => text.replace("-", "−");
  const others = (k) => [0, 1, 2].filter((i) => i !== k);

  /**
   * What is seen of the box, in the units of what is seen: lines [[x, y], [x, y]] and texts { text, x, y, dx, dy, away, angle },
   * to be put beside that so many pixels away in the direction (dx, dy), downwards positive; those with an angle in degrees,
   * clockwise, are written along their edge.
   */
  function boxOf(gd) {
    const { box, axes } = gd.layout.meta;
    const { towards } = map().directions(map().cameraOf(gd));
    const back = towards.map((value, k) => box[k][value > 0 ? 0 : 1]); // the ends of the walls behind
    const at = (parts) => map().seenAt(gd, parts);
    const lines = [];
    const texts = [];
    const { perX, perY } = map().viewOf(gd);
    [0, 1, 2].forEach((k) => {
      const numbers = rounds(...box[k], LINES);
      others(k).forEach((wall) => {
        const along = others(k).find((i) => i !== wall);
        [...numbers.map(({ value }) => value), ...box[k]].forEach((value) => {
          const ends = box[along].map((end) => [k, wall, along].reduce((place, axis, i) => Object.assign(place, { [axis]: [value, back[wall], end][i] }), []));
          lines.push(ends.map(at));
        });
      });
      const edge = outerEdge(k, box, back, at);
      const [from, to] = edge.ends.map(at);
      const long = Math.hypot((to[0] - from[0]) * perX, (to[1] - from[1]) * perY);
      if (long < LEAST) return;
      const middle = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
      const away = outward(from, to, middle);
      const put = (text, place, pixels, angle = null) => texts.push({ text, x: place[0], y: place[1], dx: away[0], dy: -away[1], away: pixels, angle });
      numbers.forEach(({ value, digits }) => put(minus(value.toFixed(digits)), at(edge.place(value)), NUMBER));
      put(axes[k], middle, Math.abs(NAME[0] * away[0]) + Math.abs(NAME[1] * away[1]), along([from, to], perX, perY));
    });
    return { lines, texts };
  }

  /** Of the four edges along an axis two are outermost, between a wall and no wall; the lower one, of the height the left one. */
  function outerEdge(k, box, back, at) {
    const [i, j] = others(k);
    const front = (axis) => box[axis].find((end) => end !== back[axis]);
    const edges = [[back[i], front(j)], [front(i), back[j]]].map(([a, b]) => {
      const place = (value) => [k, i, j].reduce((found, axis, n) => Object.assign(found, { [axis]: [value, a, b][n] }), []);
      const ends = box[k].map(place);
      const [u, v] = [0, 1].map((axis) => ends.map(at).reduce((sum, seen) => sum + seen[axis], 0));
      return { place, ends, rank: k === 2 ? u : v };
    });
    return edges[0].rank <= edges[1].rank ? edges[0] : edges[1];
  }

  /** The direction across a line, away from the middle of the box, which is at 0. */
  function outward([u0, v0], [u1, v1], [u, v]) {
    const long = Math.hypot(u1 - u0, v1 - v0);
    const across = [-(v1 - v0) / long, (u1 - u0) / long];
    return across[0] * u + across[1] * v < 0 ? across.map((value) => -value) : across;
  }

  /** The angle of a line on the page, from left to right, upwards where it is upright. */
  function along([[u0, v0], [u1, v1]], perX, perY) {
    const angle = (Math.atan2((v0 - v1) * perY, (u1 - u0) * perX) * 180) / Math.PI;
    return angle >= 89.999 ? angle - 180 : angle < -90.001 ? angle + 180 : angle;
  }

  const inks = () => {
    const style = getComputedStyle(document.documentElement);
    return ["--line", "--ink-2"].map((name) => style.getPropertyValue(name).trim());
  };

  /** On a canvas, at `ratio` of its pixels to one of the page; with words, or without where they are written over it. */
  function drawBox(gd, context, { left, top, perX, perY }, ratio, words) {
    const { lines, texts } = boxOf(gd);
    const [line, ink] = inks();
    const px = ([x, y]) => [(x - left) * perX, (top - y) * perY];
    context.strokeStyle = line;
    context.lineWidth = ratio;
    context.beginPath();
    lines.forEach(([from, to]) => {
      context.moveTo(...px(from));
      context.lineTo(...px(to));
    });
    context.stroke();
    if (!words) return;
    context.fillStyle = ink;
    context.font = `${FONT * ratio}px ${gd.layout.font.family}`;
    texts.forEach(({ text, x, y, dx, dy, away, angle }) => {
      const [u, v] = px([x, y]);
      const { across, down } = angle === null ? anchor(dx, dy) : { across: "center", down: "middle" };
      context.textAlign = across;
      context.textBaseline = down;
      const at = [u + dx * away * ratio, v + dy * away * ratio];
      const turn = ((angle || 0) * Math.PI) / 180;
      context.setTransform(1, 0, 0, 1, ...(angle === null ? at : kept(context, at, context.measureText(text).width, FONT * ratio, turn)));
      context.rotate(turn);
      context.fillText(text, 0, 0);
    });
    context.resetTransform();
  }

  /** The middle of a text of this breadth and height, moved so that none of it is beyond the canvas. */
  function kept({ canvas }, at, broad, tall, turn) {
    const [cos, sin] = [Math.abs(Math.cos(turn)), Math.abs(Math.sin(turn))];
    const half = [(cos * broad + sin * tall) / 2, (sin * broad + cos * tall) / 2];
    return [canvas.width, canvas.height].map((size, k) => Math.max(half[k], Math.min(size - half[k], at[k])));
  }

  /** What side of a text is at its place: the one towards the edge. */
  const anchor = (dx, dy) => ({
    across: dx > ASIDE ? "left" : dx < -ASIDE ? "right" : "center",
    down: dy > ASIDE ? "top" : dy < -ASIDE ? "bottom" : "middle",
  });

  /** For a saved picture: the words as annotations of a plot that shows a view. */
  function boxWords(gd, color) {
    return boxOf(gd).texts.map(({ text, x, y, dx, dy, away, angle }) => {
      const { across, down } = angle === null ? anchor(dx, dy) : { across: "center", down: "middle" };
      const at = { x, y, xref: "x", yref: "y", xanchor: across, yanchor: down, xshift: dx * away, yshift: -dy * away };
      return { ...at, text, textangle: angle || 0, showarrow: false, font: { size: FONT, color } };
    });
  }

  Object.assign(window.vqscopeMap, { drawBox, boxWords });
})();
