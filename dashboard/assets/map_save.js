/* Saving pictures for a paper: the map, or a panel for each data set, with or without one of all. What they say besides:
   map_save_legend.js. */
(function () {
  "use strict";

  const PANEL = 420; // CSS pixels of a panel's breadth
  const AROUND = { l: 54, r: 12, t: 30, b: 50 }; // of the plot in a panel
  const SCALE = 3; // pixels of a saved picture to one of the page
  const SEAM = 2; // pixels that it is broader than its ellipse
  const SHARE = 0.75; // of the height of the map on the page that is left for it between the lines of a legend
  const map = () => window.vqscopeMap;

  const axisName = (letter, k) => letter + (k ? k + 1 : "");

  /** A picture with its legends, on which the plots are placed by pixels. */
  class Sheet {
    constructor(gd, width) {
      const style = getComputedStyle(document.documentElement);
      const [paper, ink] = ["--panel", "--ink"].map((name) => style.getPropertyValue(name).trim());
      const { keyOf, captionOf, placed } = map().legend;
      const [key, caption] = [keyOf(gd, ink), captionOf(gd)].map((lines) => placed(gd, lines, width));
      const [top, bottom] = [key, caption].map(({ height }) => height && height + 8); // some air at the edge
      Object.assign(this, { gd, width, paper, ink, key, caption, top, bottom });
    }

    /** Axes of a plot whose sides are this far from the upper left corner. */
    domains([left, right], [top, bottom]) {
      const { width, height } = this;
      return [[left / width, right / width], [1 - bottom / height, 1 - top / height]];
    }

    /** The figure of these traces, with the legends on axes of their own, of which there are `k` other pairs. */
    figure(data, layout, k) {
      const { gd, width, height, paper, ink } = this;
      const [x, y] = ["x", "y"].map((letter) => axisName(letter, k));
      const below = this.caption.entries.map((entry) => ({ ...entry, y: entry.y + height - this.bottom }));
      const above = this.key.entries.map((entry) => ({ ...entry, y: entry.y + 8 }));
      const { traces, shapes, images } = map().legend.written([...above, ...below], ink, x, y);
      const whole = { visible: false, fixedrange: true, domain: [0, 1] };
      const around = {
        [axisName("xaxis", k)]: { ...whole, anchor: y, range: [0, width] },
        [axisName("yaxis", k)]: { ...whole, anchor: x, range: [height, 0] },
      };
      const ground = { paper_bgcolor: paper, plot_bgcolor: "rgba(0,0,0,0)", font: { ...gd.layout.font, color: ink } };
      const own = { width, height, margin: { l: 0, r: 0, t: 0, b: 0 }, showlegend: false };
      const more = { shapes: [...(layout.shapes || []), ...shapes], images: [...(layout.images || []), ...images] };
      return { data: [...data, ...traces], layout: { ...layout, ...ground, ...own, ...around, ...more } };
    }
  }

  /** What a plot of another size shows: at least what is seen now, in the middle. */
  function seenIn(gd, width, height) {
    const view = map().viewOf(gd);
    const scale = Math.min(width / view.width, height / view.height);
    const [perX, perY] = [view.perX * scale, view.perY * scale];
    const left = view.left - (width / perX - view.width / view.perX) / 2;
    const top = view.top + (height / perY - view.height / view.perY) / 2;
    return { left, top, perX, perY, width, height, x: [left, left + width / perX], y: [top - height / perY, top] };
  }

  /** The points of some data sets, as an image that fills a plot in the plane. */
  function points(gd, view, names, xref = "x", yref = "y") {
    const size = { sizex: view.width / view.perX, sizey: view.height / view.perY };
    return { source: map().picture(gd, view, SCALE, names), xref, yref, x: view.left, y: view.top, ...size, sizing: "stretch", layer: "below" };
  }

  /** Ellipses, over a seam of the paper's colour: some lie on a crowd of points that have their colour. */
  function ellipses(gd, paper) {
    const lines = map().tracesOf(gd, "ellipse").map((trace) => ({ ...trace, ...map().outlineOf(gd, trace) }));
    const seams = lines.map(({ line, ...rest }) => ({ ...rest, fill: "none", line: { ...line, color: paper, width: line.width + SEAM } }));
    return [...seams, ...lines];
  }

  /** As it is seen. */
  function whole(gd) {
    const box = gd.getBoundingClientRect();
    const sheet = new Sheet(gd, box.width);
    const { top, bottom, width } = sheet;
    const height = (sheet.height = Math.max(box.height, top + bottom + SHARE * box.height));
    const { l, r, t, b } = gd._fullLayout._size;
    const [across, down] = [[l, width - r], [top + t, height - bottom - b]];
    const view = seenIn(gd, across[1] - across[0], down[1] - down[0]);
    const domains = sheet.domains(across, down);
    const axes = Object.fromEntries(["x", "y"].map((letter, i) => [`${letter}axis`, { ...gd.layout[`${letter}axis`], domain: domains[i], range: view[letter] }]));
    const images = [points(gd, view, Object.keys(map().wanted.loaded.datasets))];
    const annotations = map().inSpace(gd) ? map().boxWords(gd, sheet.ink) : [];
    const lines = [...ellipses(gd, sheet.paper), ...map().groupLines(gd)];
    return sheet.figure([...lines, ...map().ringTrace(gd, sheet.ink)], { ...gd.layout, ...axes, images, annotations }, 1);
  }

  /** What is drawn over the points of a panel: what is selected, and ellipses of groups; beside a single data set those of its
      labels, for the ellipse of a group that goes through all data sets says nothing of the one. */
  function shapesOf(gd, dataset) {
    const isOwn = ({ name = "" }) => dataset === null || !name.startsWith("group ") || name.startsWith(`group ${dataset} / `);
    return (gd.layout.shapes || []).filter(isOwn);
  }

  /** Panels in a row: never more than fit a page, and rows as equal as can be (five are three and two). */
  function columnsOf(n) {
    const rows = Math.ceil(n / (n > 6 && n !== 9 ? 4 : 3));
    return Math.ceil(n / rows);
  }

  /** A panel of each data set that is on, after one of all (`null`) where that is wanted, all with the same axes. */
  function panels(gd, withAll) {
    const { datasets } = map().wanted.loaded;
    const shown = Object.keys(datasets).filter(map().isOn);
    const groups = withAll || !shown.length ? [null, ...shown] : shown;
    const columns = columnsOf(groups.length);
    const sheet = new Sheet(gd, columns * PANEL);
    const seen = map().viewOf(gd);
    const broad = PANEL - AROUND.l - AROUND.r;
    const view = seenIn(gd, broad, broad * Math.min(1, seen.height / seen.width)); // a second map beside makes it narrow
    const tall = AROUND.t + view.height + AROUND.b;
    sheet.height = sheet.top + Math.ceil(groups.length / columns) * tall + sheet.bottom;
    const layout = { template: gd.layout.template, annotations: [], images: [], shapes: [] };
    const data = [];
    groups.forEach((group, k) => {
      const [left, upper] = [(k % columns) * PANEL + AROUND.l, sheet.top + Math.floor(k / columns) * tall + AROUND.t];
      const domains = sheet.domains([left, left + broad], [upper, upper + view.height]);
      const [x, y] = ["x", "y"].map((letter) => axisName(letter, k));
      ["x", "y"].forEach((letter, i) => {
        const { title, scaleanchor, scaleratio, ...axis } = gd.layout[`${letter}axis`];
        const outer = letter === "x" ? k + columns >= groups.length : k % columns === 0;
        const own = { anchor: letter === "x" ? y : x, domain: domains[i], range: view[letter], title: outer ? title : undefined, nticks: 7 };
        layout[axisName(`${letter}axis`, k)] = { ...axis, ...own };
      });
      const names = groups.filter((name) => name && (group === null || name === group));
      ellipses(gd, sheet.paper).filter(({ meta }) => names.includes(meta.dataset)).forEach((trace) => data.push({ ...trace, xaxis: x, yaxis: y }));
      layout.shapes.push(...shapesOf(gd, group).map((shape) => ({ ...shape, xref: x, yref: y })));
      layout.images.push(points(gd, view, names, x, y));
      const n = names.reduce((sum, name) => sum + map().countOf(gd, name), 0);
      const text = `<b>${String.fromCharCode(97 + k)}</b>  ${group === null ? "all data sets" : group} (n = ${n.toLocaleString("en-GB")})`;
      const at = { xref: `${x} domain`, yref: `${y} domain`, x: 0, y: 1, xanchor: "left", yanchor: "bottom" };
      layout.annotations.push({ ...at, text, showarrow: false, font: { size: 14, color: sheet.ink } });
    });
    return sheet.figure(data, layout, groups.length);
  }

  /** While another column of colours is on its way the page's legend is ahead of its points. */
  function whenColoured(save) {
    if (document.querySelector(".map-body").dataset.colour) save();
    else setTimeout(() => whenColoured(save), 100);
  }

  function saveMap() {
    const { triggered, triggered_id: source } = window.dash_clientside.callback_context;
    if (!triggered.some((t) => t.value)) return;
    const [, what, format] = /^save-(.+)-(png|svg)$/.exec(source);
    const inPanels = what !== "map";
    whenColoured(() => {
      const gd = map().graphs().find((each) => !inPanels || !map().inSpace(each));
      if (!gd) return;
      const figure = inPanels ? panels(gd, what === "panels-all") : whole(gd);
      const { width, height } = figure.layout;
      const filename = what === "map" ? "latent-map" : `latent-map-${what}`;
      window.Plotly.downloadImage(figure, { format, width, height, scale: format === "png" ? SCALE : 1, filename });
    });
  }

  Object.assign(window.vqscopeMap, { columnsOf });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { saveMap });
})();
