/* Colours of the points by a column. The column comes as an array of all images, in the order of the index. */
(function () {
  "use strict";

  const OPACITY = 0.8; // of points whose colour is read, as against the crowd of a data set
  const MISSING_SHARE = 0.002; // of the colour scale of numbers, at its lower end
  const TYPES = { "<f4": Float32Array, "|u1": Uint8Array, "<u2": Uint16Array, "<u4": Uint32Array };

  let plan = null;
  let drawn = null; // { scale, of(trace): array of places on the scale }, or null: a colour for each data set

  /** An array of NumPy's format of one dimension; its data start at a multiple of 64 bytes. */
  function readNpy(buffer) {
    const view = new DataView(buffer);
    const start = view.getUint8(6) === 1 ? 10 : 12;
    const length = start === 10 ? view.getUint16(8, true) : view.getUint32(8, true);
    const header = new TextDecoder("latin1").decode(new Uint8Array(buffer, start, length));
    const type = TYPES[(/'descr': '([^']+)'/.exec(header) || [])[1]];
    if (!type) throw new Error(`a column of an unknown type came: ${header.slice(0, 80)}`);
    return new type(buffer, start + length);
  }

  async function load(path) {
    const answer = await fetch(path);
    if (!answer.ok) throw new Error((await answer.json()).detail);
    return readNpy(await answer.arrayBuffer());
  }

  /** Colours of equal breadth, each without a gradient; a place on the scale is the number of the colour + ½. */
  function steps(colours) {
    const n = colours.length;
    return colours.flatMap((colour, i) => [[i / n, colour], [(i + 1) / n, colour]]);
  }

  function slots(column, { slots, slotOf, missing }) {
    const colours = [...slots, missing];
    const none = 2 ** (8 * column.BYTES_PER_ELEMENT) - 1;
    const place = (value) => (value === none ? slots.length : (slotOf[value] ?? slots.length - 1)) + 0.5;
    return { scale: steps(colours), high: colours.length, place };
  }

  function numbers({ scale, missing }) {
    const { low, high, colours } = scale;
    const share = (1 - MISSING_SHARE) / (colours.length - 1);
    const gradient = colours.map((colour, i) => [i + 1 < colours.length ? MISSING_SHARE + i * share : 1, colour]);
    const place = (value) => {
      if (Number.isNaN(value)) return 0;
      const t = high > low ? (value - low) / (high - low) : 0.5;
      return MISSING_SHARE + (1 - MISSING_SHARE) * Math.min(1, Math.max(0, t));
    };
    return { scale: [[0, missing], [MISSING_SHARE, missing], ...gradient], high: 1, place };
  }

  function colouring(column, asked) {
    const { scale, high, place } = asked.slots ? slots(column, asked) : numbers(asked);
    const made = new Map();
    const of = (trace) => {
      const key = `${trace.meta.dataset} ${JSON.stringify(trace.meta.runs)}`;
      if (!made.has(key)) {
        const { runs } = trace.meta;
        const places = new Float32Array(runs.reduce((n, [first, end]) => n + end - first, 0));
        let k = 0;
        runs.forEach(([first, end]) => {
          for (let row = first; row < end; row++) places[k++] = place(column[row]);
        });
        made.set(key, places);
      }
      return made.get(key);
    };
    return { scale, high, of };
  }

  function trace(trace, i, want) {
    const { color, opacity } = trace.meta.look;
    const colours = drawn ? drawn.of(trace) : color;
    if (trace.marker.color === colours) return;
    want("marker.color", i, colours);
    want("opacity", i, drawn ? OPACITY : opacity);
    want("marker.colorscale", i, drawn ? drawn.scale : null);
    want("marker.cmin", i, drawn ? 0 : null);
    want("marker.cmax", i, drawn ? drawn.high : null);
  }

  /** The legend shows the labels of the data sets that are on. */
  function layout() {
    document.querySelectorAll("[data-colours-of]").forEach((part) => {
      part.hidden = !window.vqscopeMap.isOn(part.dataset.coloursOf);
    });
  }

  async function drawColours(asked) {
    plan = asked;
    const body = document.querySelector(".map-body");
    delete body.dataset.colour;
    if (!asked) drawn = null;
    else {
      const column = await load(asked.path);
      if (plan !== asked) return; // another colour was chosen meanwhile
      drawn = colouring(column, asked);
    }
    window.vqscopeMap.sync();
    body.dataset.colour = asked ? asked.path : "dataset";
  }

  window.vqscopeMap.add({ trace, layout });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { drawColours });
})();
