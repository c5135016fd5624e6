/* The ring around the inspected image on a map. An element over the map, not a trace of it: a trace that moves makes Plotly
   draw all anew. */
(function () {
  "use strict";

  const map = () => window.vqscopeMap;

  function place(gd) {
    const { sample } = map().wanted;
    const on = sample && map().isOn(sample.dataset) && map().isLabelOn(sample.dataset, sample.label);
    const at = (on && sample.places[map().mapOf(gd)]) || null;
    return at && map().inSpace(gd) ? map().seenAt(gd, at) : at;
  }

  function draw(gd) {
    const around = gd.querySelector(".svg-container");
    let ring = around.querySelector(":scope > .map-ring");
    if (!ring) {
      ring = document.createElement("div");
      ring.className = "map-ring";
      around.append(ring);
    }
    const at = place(gd);
    const { xaxis, yaxis } = gd._fullLayout;
    const [x, y] = at ? [xaxis.l2p(at[0]), yaxis.l2p(at[1])] : [NaN, NaN];
    ring.hidden = !(x >= 0 && x <= xaxis._length && y >= 0 && y <= yaxis._length);
    ring.dataset.place = JSON.stringify(at);
    if (!ring.hidden) ring.style.transform = `translate(${xaxis._offset + x}px, ${yaxis._offset + y}px)`;
  }

  function attached(gd) {
    gd.on("plotly_relayouting", () => draw(gd));
  }

  /** For a saved picture: the same as a trace. */
  function trace(gd, color) {
    const at = place(gd);
    if (!at) return [];
    const marker = { symbol: "circle-open", size: 18, color, line: { width: 3 } };
    return [{ type: "scatter", mode: "markers", x: [at[0]], y: [at[1]], marker, meta: { role: "selected" }, showlegend: false }];
  }

  window.vqscopeMap.add({ attached, layout: draw, turned: draw });
  window.vqscopeMap.ringTrace = trace;
})();
