/* What a saved picture says around its points: their colours, the data sets' markers, what the ellipses are. All of it is what
   the page itself says, read from its legends, or would say of a second map: a picture can say nothing else. */
(function () {
  "use strict";

  const FONT = 12; // CSS pixels, as all below
  const LINE = 18; // from one line to the next
  const EDGE = 12; // of the picture
  const GAP = 14; // from one entry to the next
  const MARK = 14; // breadth of a marker, a patch of colour or a piece of an ellipse's line
  const BAR = 160; // breadth of a colour scale
  const MOST = 24; // lines above or below the points
  const KINDS = {
    prediction: (shapes, level) => `${level} % prediction ${shapes}`,
    mean: (shapes, level) => `${level} % confidence ${shapes} of the mean`,
    normal: (shapes, level) => `${level} % ${shapes} of a normal distribution (χ²)`,
    sigma: (shapes, _level, sigma) => `${shapes} of ${sigma} standard deviations`,
    robust: (shapes, level) => `${level} % robust ${shapes} (MCD)`,
  };
  const map = () => window.vqscopeMap;

  const words = (element, selector) => [...element.querySelectorAll(selector)].map((part) => part.textContent.trim());

  // An entry is { text } after, where it has one, a { symbol, colour, opacity } of points, a { patch } of colour, a { line } of an
  // ellipse or a { bar } of the colours of a scale.

  /** The data sets that are on by their markers, without colour where the points have another's. */
  function datasets(gd, ink) {
    const traces = map().tracesOf(gd, "points");
    const { datasets: known } = map().wanted.loaded;
    traces.sort((a, b) => known[a.meta.dataset].place - known[b.meta.dataset].place);
    const plan = map().planOf(gd);
    const looks = ({ color, opacity }) => (plan ? { colour: ink } : { colour: color, opacity });
    return traces.map(({ meta, marker }) => ({ text: meta.dataset, symbol: marker.symbol, ...looks(meta.look) }));
  }

  /** Lines of entries above the points: what their markers mean, and their colours. */
  function keyOf(gd, ink) {
    const plan = map().planOf(gd);
    const legend = document.getElementById("map-colours");
    const [title] = words(legend, ".colours-title");
    if (!plan || !title) return [datasets(gd, ink)];
    const first = [{ text: "Data set", bold: true }, ...datasets(gd, ink)];
    const unknown = [...legend.querySelectorAll(":scope > .colours-value")].map(valueOf);
    if (!plan.scale) return [first, ...valueLines(gd, legend, title, unknown)];
    const [low, unit, high] = words(legend, ".scale-ends span");
    const scale = [{ text: unit ? `${title} (${unit})` : title, bold: true }, { text: low }, { text: high, bar: plan.scale.colours }];
    return [first, [...scale, ...unknown], words(legend, ".colours-note").map((text) => ({ text }))];
  }

  function valueOf(value) {
    return { text: words(value, ".colours-name")[0], patch: value.querySelector(".colours-swatch").style.background };
  }

  /** A line for the values of each data set, with its marker: values of another one may have the same colour. */
  function valueLines(gd, legend, title, unknown) {
    const symbols = Object.fromEntries(map().tracesOf(gd, "points").map(({ meta, marker }) => [meta.dataset, marker.symbol]));
    const lines = [[{ text: title, bold: true }]];
    legend.querySelectorAll(".colours-values:not([hidden])").forEach((part) => {
      const symbol = symbols[part.dataset.coloursOf];
      const values = [...part.querySelectorAll(".colours-value")].map(valueOf);
      const entries = symbol ? values.map(({ text, patch }) => ({ text, symbol, colour: patch })) : values;
      const head = words(part, ".colours-head").map((text) => ({ text: `${text}:` }));
      if (head.length || lines.length > 1) lines.push([...head, ...entries]);
      else lines[0].push(...entries);
    });
    lines[lines.length - 1].push(...unknown);
    return lines;
  }

  /** Lines of entries below the points: kind and level of the ellipses that are drawn, and how many images lie inside. */
  function captionOf(gd) {
    const ellipses = map().wanted.ellipses[map().mapOf(gd)];
    if (!ellipses) return [];
    const [, group, , kind, level, sigma] = ellipses.key; // of what is drawn: the controls may be ahead of it
    const own = () => map().tracesOf(gd, "ellipse").map((trace) => ({ name: trace.meta.dataset, colour: trace.line.color, ...map().outlineOf(gd, trace) }));
    const lines = new Map((group === "dataset" ? own() : ellipses.shapes).filter(({ x }) => x.length).map(({ name, colour }) => [name, colour]));
    if (!lines.size) return [];
    const inside = ellipses.inside.filter(([name]) => group !== "dataset" || map().isOn(name));
    const kinds = KINDS[kind](map().inSpace(gd) ? "ellipsoids" : "ellipses", level, sigma);
    const text = `${kinds[0].toUpperCase()}${kinds.slice(1)}${group === "dataset" ? "" : ` by ${group}`}${kind === "mean" ? "" : "; inside"}:`;
    const entries = inside.map(([name, share]) => ({ text: `${name} ${share}`.trim(), line: lines.get(name) }));
    // Where there is no room for all, the last are left out.
    return [...ellipses.notes.map((note) => [{ text: note }]), [{ text, bold: true }, ...entries]];
  }

  const pen = document.createElement("canvas").getContext("2d");

  /** Breadth of a text, and a little more: whoever opens an SVG may have a broader font. */
  function breadth(gd, text, bold) {
    pen.font = `${bold ? "bold " : ""}${FONT}px ${gd.layout.font.family}`;
    return 1.05 * pen.measureText(text).width;
  }

  const before = ({ symbol, patch, line, bar }) => (bar ? BAR + 6 : symbol || patch || line ? MARK + 4 : 0);

  /** An entry that is broader than a picture, in pieces of whole words where that can be. */
  function pieces(gd, entry, width) {
    const parts = [""];
    entry.text.split(" ").forEach((word) => {
      const longer = `${parts[parts.length - 1]} ${word}`.trim();
      if (before(entry) + breadth(gd, longer, entry.bold) <= width || longer === word) parts[parts.length - 1] = longer;
      else parts.push(word);
    });
    return parts.map((text, k) => (k ? { text, bold: entry.bold } : { ...entry, text }));
  }

  /** Lines of entries as { entries: each with its place, height }, for a picture of this breadth. */
  function placed(gd, lines, width) {
    const room = width - 2 * EDGE;
    const set = [];
    lines.filter((line) => line.length).forEach((line) => {
      let x = Infinity;
      line.flatMap((entry) => pieces(gd, entry, room)).forEach((entry) => {
        const whole = before(entry) + breadth(gd, entry.text, entry.bold);
        if (x + whole > room) {
          set.push([]);
          x = 0;
        }
        set[set.length - 1].push({ ...entry, x: EDGE + x });
        x += whole + GAP;
      });
    });
    if (set.length > MOST) {
      const n = set.splice(MOST - 1).flat().filter(before).length;
      set.push([{ text: `${n} more entries are left out here.`, x: EDGE }]);
    }
    const entries = set.flatMap((line, k) => line.map((entry) => ({ ...entry, y: (k + 0.5) * LINE })));
    return { entries, height: set.length * LINE };
  }

  function gradient(colours) {
    const canvas = Object.assign(document.createElement("canvas"), { width: 4 * BAR, height: 1 });
    const context = canvas.getContext("2d");
    const filled = context.createLinearGradient(0, 0, canvas.width, 0);
    colours.forEach((colour, k) => filled.addColorStop(k / (colours.length - 1), colour));
    context.fillStyle = filled;
    context.fillRect(0, 0, canvas.width, 1);
    return canvas.toDataURL();
  }

  /** As it is: Plotly takes tags and entities in a text for what they are in HTML. */
  const escaped = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

  /** Entries as traces, shapes and images on axes of the whole picture, in its pixels from the upper left. */
  function written(entries, ink, xref, yref) {
    const at = { xref, yref };
    const marked = entries.filter(({ symbol }) => symbol);
    const common = { type: "scatter", xaxis: xref, yaxis: yref, cliponaxis: false, showlegend: false };
    const looks = { symbol: marked.map(({ symbol }) => symbol), color: marked.map(({ colour }) => colour), opacity: marked.map(({ opacity = 1 }) => opacity) };
    const marker = { size: 11, line: { width: 0 }, ...looks };
    const text = entries.map((entry) => (entry.bold ? `<b>${escaped(entry.text)}</b>` : escaped(entry.text)));
    const starts = entries.map((entry) => entry.x + before(entry));
    const level = entries.map(({ y }) => y);
    const traces = [
      { ...common, mode: "markers", x: marked.map(({ x }) => x + MARK / 2), y: marked.map(({ y }) => y), marker },
      { ...common, mode: "text", x: starts, y: level, text, textposition: "middle right", textfont: { size: FONT, color: ink } },
    ];
    const box = ({ x, y }, half) => ({ ...at, type: "rect", x0: x, x1: x + MARK, y0: y - half, y1: y + half, line: { width: 0 } });
    const patches = entries.filter(({ patch }) => patch).map((entry) => ({ ...box(entry, 5), fillcolor: entry.patch }));
    const lines = entries.filter(({ line }) => line).map((entry) => ({ ...box(entry, 1.5), fillcolor: entry.line }));
    const images = entries.filter(({ bar }) => bar).map(({ bar, x, y }) => ({ ...at, source: gradient(bar), x, y: y - 5, sizex: BAR, sizey: 10, sizing: "stretch", layer: "above" }));
    return { traces, shapes: [...patches, ...lines], images };
  }

  Object.assign(window.vqscopeMap, { legend: { keyOf, captionOf, placed, written } });
})();
