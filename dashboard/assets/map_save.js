/* Saving pictures for a paper: the map, or a panel for each data set beside one of all. */
(function () {
  "use strict";

  const PANEL = 420; // CSS pixels of a panel's side, about
  const SCALE = 3; // pixels of a saved picture to one of the page
  const map = () => window.vqscopeMap;

  function ground() {
    const style = getComputedStyle(document.documentElement);
    const [panel, ink] = ["--panel", "--ink"].map((name) => style.getPropertyValue(name).trim());
    return { paper_bgcolor: panel, plot_bgcolor: panel, ink };
  }

  /** The points of some data sets in the plane, as an image that lies on axes of `width` CSS pixels. */
  function points(gd, names, width, xref = "x", yref = "y") {
    const view = map().viewOf(gd);
    const scale = width / view.width;
    const resized = { ...view, width, height: view.height * scale, perX: view.perX * scale, perY: view.perY * scale };
    const size = { sizex: view.width / view.perX, sizey: view.height / view.perY };
    return { source: map().picture(gd, resized, SCALE, names), xref, yref, x: view.left, y: view.top, ...size, sizing: "stretch", layer: "below" };
  }

  /** A trace of the plane with what map_cloud.js draws of it, but for the points: of these its place in a legend. */
  function filled(gd, trace) {
    if (trace.meta.role !== "ellipse") return { ...trace, x: [null], y: [null] };
    return { ...trace, ...map().outlineOf(gd, trace) };
  }

  /** As it is seen, with a legend of the data sets. */
  function whole(gd) {
    const { ink, ...colours } = ground();
    const isSeen = ({ meta }) => map().inSpace(gd) || (meta.role !== "ends" && map().isOn(meta.dataset));
    const own = gd.data.filter(isSeen).map((trace) => (map().inSpace(gd) ? trace : filled(gd, trace)));
    const shown = own.map((trace) => ({ ...trace, showlegend: trace.meta.role === "points" }));
    const data = [...shown, ...map().ringTrace(gd, ink)];
    const names = shown.map((trace) => trace.meta.dataset);
    const images = map().inSpace(gd) ? [] : [points(gd, names, map().viewOf(gd).width)];
    const { width, height } = gd.getBoundingClientRect();
    const legend = { orientation: "h", y: 1.02, yanchor: "bottom", itemsizing: "constant" };
    const font = { ...gd.layout.font, color: ink };
    return { data, layout: { ...gd.layout, ...colours, images, width, height, font, showlegend: true, legend } };
  }

  const axisName = (letter, k) => letter + (k ? k + 1 : "");

  /** One panel of all data sets that are on, then one of each, all with the same axes. */
  function panels(gd) {
    const { ink, ...colours } = ground();
    const shown = gd.data.filter(({ meta }) => meta.role !== "ends" && map().isOn(meta.dataset));
    const { datasets } = map().wanted.loaded;
    const groups = [null, ...Object.keys(datasets).filter((name) => map().isOn(name))];
    const columns = groups.length > 4 ? 3 : Math.min(2, groups.length);
    const rows = Math.ceil(groups.length / columns);
    const size = { width: columns * PANEL, height: rows * PANEL };
    const font = { ...gd.layout.font, color: ink };
    const layout = { ...colours, ...size, font, showlegend: false, template: gd.layout.template, annotations: [], images: [], margin: { l: 50, r: 12, t: 34, b: 46 } };
    const data = [];
    groups.forEach((group, k) => {
      const [column, row] = [k % columns, Math.floor(k / columns)];
      const [x, y] = ["x", "y"].map((letter) => axisName(letter, k));
      const across = [(column + (column ? 0.07 : 0)) / columns, (column + 0.98) / columns];
      const down = [1 - (row + 0.86) / rows, 1 - (row + (row ? 0.06 : 0)) / rows];
      ["x", "y"].forEach((letter) => {
        const { title, range, ...axis } = gd._fullLayout[`${letter}axis`]._input;
        const outer = letter === "x" ? k + columns >= groups.length : column === 0;
        layout[axisName(`${letter}axis`, k)] = {
          ...axis,
          anchor: letter === "x" ? y : x,
          domain: letter === "x" ? across : down,
          range: gd._fullLayout[`${letter}axis`].range.slice(),
          title: outer ? title : undefined,
          nticks: 5,
          ...(letter === "y" ? { scaleanchor: x, scaleratio: 1, constrain: "domain" } : { constrain: "domain" }),
        };
      });
      const own = shown.filter((trace) => group === null || trace.meta.dataset === group);
      own.forEach((trace) => data.push({ ...filled(gd, trace), xaxis: x, yaxis: y }));
      layout.images.push(points(gd, own.map((trace) => trace.meta.dataset), PANEL, x, y));
      const n = groups.filter((name) => name && (group === null || name === group)).reduce((sum, name) => sum + datasets[name].n, 0);
      const text = `<b>${String.fromCharCode(97 + k)}</b>  ${group === null ? "all data sets" : group} (n = ${n.toLocaleString("en-GB")})`;
      const at = { xref: `${x} domain`, yref: `${y} domain`, x: 0, y: 1, xanchor: "left", yanchor: "bottom" };
      layout.annotations.push({ ...at, text, showarrow: false, font: { size: 14, color: ink } });
    });
    return { data, layout };
  }

  function saveMap() {
    const { triggered, triggered_id: source } = window.dash_clientside.callback_context;
    if (!triggered.some((t) => t.value)) return;
    const [, , form] = /^map-(panels-)?(png|svg)$/.exec(source);
    const inPanels = source.startsWith("map-panels");
    const gd = map().graphs().find((each) => !inPanels || !map().inSpace(each));
    if (!gd) return;
    const figure = inPanels ? panels(gd) : whole(gd);
    const { width, height } = figure.layout;
    const filename = inPanels ? "latent-map-panels" : "latent-map";
    window.Plotly.downloadImage(figure, { format: form, width, height, scale: form === "png" ? SCALE : 1, filename });
  }

  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { saveMap });
})();
