/* Many markers as pixels, without WebGL: hundreds of thousands in a fraction of a second on one core, the same on every
   machine. A marker is stamped from a mask that was made once for its shape, its size and where in a pixel it lies. */
(function () {
  "use strict";

  const PHASES = 4; // places within a pixel, each way, that masks are made for
  const SAMPLES = 4; // of a pixel, each way: how much of it a marker covers
  const FARTHEST = 0.35; // of a marker's opacity, at the far end of the depth
  const TIP = 1.4; // of the most pointed marker, in half sizes from its middle

  const plus = (u, v) => (Math.abs(u) <= 0.4 && Math.abs(v) <= 1.2) || (Math.abs(v) <= 0.4 && Math.abs(u) <= 1.2);
  const triangle = (u, v) => v <= 0.5 && Math.abs(u) <= ((2 / Math.sqrt(3)) * (v + 1)) / 1.5;
  const star = (u, v) => {
    const fifth = (2 * Math.PI) / 5;
    const angle = Math.abs((((Math.atan2(u, -v) % fifth) + 1.5 * fifth) % fifth) - fifth / 2); // from the nearest tip
    const [tip, notch] = [TIP, TIP * 0.382];
    // On the line from a tip to the notch beside it.
    const edge = (tip * notch * Math.sin(fifth / 2)) / (tip * Math.sin(angle) + notch * Math.sin(fifth / 2 - angle));
    return Math.hypot(u, v) <= edge;
  };

  /** Whether a marker holds a place, in half sizes from its middle to the right and down: Plotly's shapes of these names. */
  const SHAPES = {
    circle: (u, v) => u * u + v * v <= 1,
    square: (u, v) => Math.max(Math.abs(u), Math.abs(v)) <= 1,
    diamond: (u, v) => Math.abs(u) + Math.abs(v) <= 1.3,
    cross: plus,
    x: (u, v) => plus((u + v) / Math.SQRT2, (u - v) / Math.SQRT2),
    "triangle-up": triangle,
    "triangle-down": (u, v) => triangle(u, -v),
    star,
  };

  const made = new Map(); // shape and size -> masks

  /** Masks of a marker: for each place in a pixel the pixels around that it covers, and how much of each. */
  function masks(shape, size) {
    const key = `${shape} ${size}`;
    if (!made.has(key)) {
      const phases = [];
      for (let k = 0; k < PHASES * PHASES; k++) {
        phases.push(mask(SHAPES[shape] || SHAPES.circle, size / 2, ((k % PHASES) + 0.5) / PHASES, (Math.floor(k / PHASES) + 0.5) / PHASES));
      }
      made.set(key, phases);
    }
    return made.get(key);
  }

  function mask(holds, half, x, y) {
    const reach = Math.ceil(half * TIP) + 1;
    const covered = [];
    for (let dy = -reach; dy <= reach; dy++) {
      for (let dx = -reach; dx <= reach; dx++) {
        let n = 0;
        for (let s = 0; s < SAMPLES * SAMPLES; s++) {
          const [u, v] = [dx + ((s % SAMPLES) + 0.5) / SAMPLES - x, dy + (Math.floor(s / SAMPLES) + 0.5) / SAMPLES - y];
          if (holds(u / half, v / half)) n++;
        }
        if (n) covered.push([dx, dy, n / (SAMPLES * SAMPLES)]);
      }
    }
    return {
      dx: Int32Array.from(covered, (pixel) => pixel[0]),
      dy: Int32Array.from(covered, (pixel) => pixel[1]),
      share: Float32Array.from(covered, (pixel) => pixel[2]),
    };
  }

  /** Pixels that markers are put on, one over the other. */
  class Raster {
    constructor(width, height) {
      this.width = width;
      this.height = height;
      this.pixels = new Uint8ClampedArray(4 * width * height); // red, green, blue, each times opacity, and opacity
    }

    /**
     * Put markers on it.
     * x, y: of all images; runs: [first, after the last] of those meant.
     * view: { left, top, perX, perY }, pixels = ((x - left) * perX, (top - y) * perY).
     * look: { shape, size, opacity, colours: bytes of red, green, blue, opacity, one colour after the other;
     *         colourOf: place among them of each of those meant, null: the first }.
     * chosen: of all images, null: all; those for which it equals `which` are meant.
     */
    scatter(x, y, runs, view, look, chosen = null, which = 1) {
      const { width, height } = this;
      const { left, top, perX, perY } = view;
      const { colours, colourOf, opacity } = look;
      const phases = masks(look.shape, look.size);
      let place = -1;
      for (const [first, end] of runs) {
        for (let row = first; row < end; row++) {
          place++;
          if (chosen !== null && chosen[row] !== which) continue;
          const px = (x[row] - left) * perX;
          const py = (top - y[row]) * perY;
          if (!(px > -16 && py > -16 && px < width + 16 && py < height + 16)) continue; // nor where NaN
          const across = Math.floor(px);
          const down = Math.floor(py);
          const phase = Math.floor((px - across) * PHASES) + PHASES * Math.floor((py - down) * PHASES);
          this.stamp(phases[phase], across, down, colours, colourOf === null ? 0 : 4 * colourOf[place], opacity);
        }
      }
    }

    /**
     * Put the markers of several looks on it, the farthest first, and the farther the fainter.
     * x, y, near: of all images, near from 0 to 1; order: rows; of `step` rows one is put, whichever side is in front; looks: with the runs of each.
     */
    scatterDeep({ x, y, near, order }, step, view, looks, chosen = null, which = 1) {
      const { width, height } = this;
      const { left, top, perX, perY } = view;
      const lookOf = new Uint8Array(x.length); // place among the looks + 1
      const placeOf = new Uint32Array(x.length);
      const phases = looks.map(({ shape, size }) => masks(shape, size));
      looks.forEach(({ runs }, k) => {
        let place = 0;
        for (const [first, end] of runs) {
          lookOf.fill(k + 1, first, end);
          for (let row = first; row < end; row++) placeOf[row] = place++;
        }
      });
      for (let i = 0; i < order.length; i++) {
        const row = order[i];
        const k = lookOf[row] - 1;
        if (k < 0 || row % step || (chosen !== null && chosen[row] !== which)) continue;
        const px = (x[row] - left) * perX;
        const py = (top - y[row]) * perY;
        if (!(px > -16 && py > -16 && px < width + 16 && py < height + 16)) continue; // nor where NaN
        const across = Math.floor(px);
        const down = Math.floor(py);
        const phase = Math.floor((px - across) * PHASES) + PHASES * Math.floor((py - down) * PHASES);
        const look = looks[k];
        const opacity = look.opacity * (FARTHEST + (1 - FARTHEST) * near[row]);
        this.stamp(phases[k][phase], across, down, look.colours, look.colourOf === null ? 0 : 4 * look.colourOf[placeOf[row]], opacity);
      }
    }

    stamp({ dx, dy, share }, across, down, colours, at, opacity) {
      const { width, height, pixels } = this; // no destructuring of arrays below: this runs millions of times
      const red = colours[at];
      const green = colours[at + 1];
      const blue = colours[at + 2];
      const strength = (opacity * colours[at + 3]) / 255;
      for (let k = 0; k < share.length; k++) {
        const u = across + dx[k];
        const v = down + dy[k];
        if (u < 0 || v < 0 || u >= width || v >= height) continue;
        const i = 4 * (v * width + u);
        const over = share[k] * strength;
        const rest = 1 - over;
        pixels[i] = red * over + pixels[i] * rest;
        pixels[i + 1] = green * over + pixels[i + 1] * rest;
        pixels[i + 2] = blue * over + pixels[i + 2] * rest;
        pixels[i + 3] = 255 * over + pixels[i + 3] * rest;
      }
    }

    /** As a canvas takes it: colours not times opacity. */
    image() {
      const found = new ImageData(this.width, this.height);
      const { data } = found;
      const { pixels } = this;
      for (let i = 0; i < data.length; i += 4) {
        const opacity = pixels[i + 3];
        if (!opacity) continue;
        const scale = 255 / opacity;
        data[i] = pixels[i] * scale;
        data[i + 1] = pixels[i + 1] * scale;
        data[i + 2] = pixels[i + 2] * scale;
        data[i + 3] = opacity;
      }
      return found;
    }
  }

  /** A CSS colour, #rrggbb or rgba(…), as bytes. */
  function bytes(colour) {
    if (colour[0] === "#") return [...[1, 3, 5].map((i) => parseInt(colour.slice(i, i + 2), 16)), 255];
    const [red, green, blue, opacity = 1] = colour.match(/[\d.]+/g).map(Number);
    return [red, green, blue, Math.round(255 * opacity)];
  }

  window.vqscopeRaster = { Raster, bytes };
})();
