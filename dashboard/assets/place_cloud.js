/* The points of the map under the stars of the page "Place an image", on a canvas under Plotly's axes as on the map page. */
(function () {
  "use strict";

  const { Pane, viewOf } = window.vqscopePane;
  const points = window.vqscopePoints;
  const panes = new WeakMap(); // gd -> Pane
  let whole = { figure: null, size: "", moved: false }; // when all of the map was last shown; whether it was moved since

  /** The plot, where it shows a map and is seen. */
  function graph() {
    const gd = document.querySelector("#place-graph .js-plotly-plot");
    return gd && gd._fullLayout && gd.layout.meta && !gd.closest("[hidden]") ? gd : null;
  }

  const tracesOf = (gd) => gd.data.filter(({ meta }) => meta.role === "points");
  const addressFor = ({ layout: { meta } }) => points.addressOf(meta.map, meta.index);

  function paneOf(gd) {
    if (!panes.has(gd)) panes.set(gd, new Pane());
    return panes.get(gd).under(gd);
  }

  function tell() {
    const gd = graph();
    if (!gd) return;
    const n = tracesOf(gd).reduce((sum, { meta }) => meta.runs.reduce((some, [first, end]) => some + end - first, sum), 0);
    paneOf(gd).tell(points.troubleOf(addressFor(gd)), points.comingOf(addressFor(gd)), n);
  }

  function layout() {
    const gd = graph();
    if (!gd) return;
    fit(gd);
    paneOf(gd).soon(draw);
  }

  /** All of the map, where the plot got another shape and nobody has moved it: Plotly itself then only shows more and more. */
  function fit(gd) {
    const { xaxis, yaxis } = gd._fullLayout;
    const [figure, size] = [gd.layout.meta, `${xaxis._length} ${yaxis._length}`];
    if (whole.figure !== figure) whole = { figure, size, moved: false };
    if (whole.moved || whole.size === size) return;
    whole.size = size;
    const { x, y } = gd.data.find(({ meta }) => meta.role === "ends");
    window.Plotly.relayout(gd, { "xaxis.range": [...x], "yaxis.range": [...y] });
  }

  function draw() {
    const gd = graph();
    if (!gd) return;
    const cloud = points.cloudAt(addressFor(gd));
    tell();
    const view = viewOf(gd);
    paneOf(gd).draw(view, [cloud, gd.layout.meta], (context, ratio) => cloud && paint(gd, cloud, view, context, ratio));
    if (cloud) gd.dataset.drawn = gd.layout.meta.map;
    else delete gd.dataset.drawn;
  }

  /** The points of each data set in its colour and shape, at `ratio` pixels of the canvas to one of the page. */
  function paint(gd, cloud, { left, top, perX, perY }, context, ratio) {
    const raster = new window.vqscopeRaster.Raster(context.canvas.width, context.canvas.height);
    tracesOf(gd).forEach(({ marker, meta: { look, runs } }) => {
      const colours = Uint8Array.from(window.vqscopeRaster.bytes(look.color));
      const marks = { shape: marker.symbol, size: marker.size * ratio, opacity: look.opacity, colours, colourOf: null };
      raster.scatter(cloud.x, cloud.y, runs, { left, top, perX: perX * ratio, perY: perY * ratio }, marks);
    });
    context.putImageData(raster.image(), 0, 0);
  }

  /** Dash gives the figure to Plotly some time after it is told here. */
  function drawPlaced(figure) {
    if (!figure || !figure.layout.meta) return;
    const gd = graph();
    if (!gd) return void requestAnimationFrame(() => drawPlaced(figure));
    if (!gd.hasAttribute("data-attached")) {
      gd.setAttribute("data-attached", "");
      gd.on("plotly_afterplot", layout);
      gd.on("plotly_relayouting", () => paneOf(gd).follow(viewOf(gd)) || layout());
      // Before Plotly is told of it: a zoom gives the plot another shape for a moment, as other ticks need other margins.
      ["pointerdown", "wheel"].forEach((name) => gd.addEventListener(name, () => (whole.moved = true), { capture: true, passive: true }));
      gd.on("plotly_click", open);
    }
    layout();
  }

  /** A neighbour on the map leads where its picture among the cards does. */
  function open(event) {
    const link = event.points.map(({ customdata }) => document.querySelector(`.place-neighbour[href="${CSS.escape(customdata || "")}"]`)).find(Boolean);
    if (link) link.click();
  }

  points.add({ maps: () => (graph() ? [graph().layout.meta.map] : []), tell, changed: layout });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { drawPlaced });
})();
