/* The inspector: small pictures that open in it, cells of the code grid, the grid over the image. */
(function () {
  "use strict";

  const STEPS = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] };

  function choose(cell) {
    const body = cell.closest(".inspector-body");
    const [row, column] = cell.dataset.cell.split(",").map(Number);
    body.querySelectorAll("[data-cell]").forEach((other) => other.toggleAttribute("data-chosen", other.dataset.cell === cell.dataset.cell));
    window.dash_clientside.set_props("map-cell", { data: { point: body.dataset.point, row, column } });
  }

  document.addEventListener("click", (event) => {
    const picture = event.target.closest("[data-inspect]");
    if (picture) window.dash_clientside.set_props("map-selected", { data: picture.dataset.inspect });
    const cell = event.target.closest("[data-cell]");
    if (cell) choose(cell);
    const mark = event.target.closest("[data-mark-code]");
    if (mark) {
      window.dash_clientside.set_props("map-code", { value: Number(mark.dataset.markCode) });
      window.dash_clientside.set_props("map-colour", { value: "code" });
    }
  });

  // The table of codes is one stop of the Tab key; arrow keys move within.
  document.addEventListener("keydown", (event) => {
    const step = STEPS[event.key];
    const cell = step && event.target.closest(".codes [data-cell]");
    if (!cell) return;
    const [row, column] = cell.dataset.cell.split(",").map(Number);
    const next = cell.closest(".codes").querySelector(`[data-cell="${row + step[0]},${column + step[1]}"]`);
    if (!next) return;
    event.preventDefault();
    cell.tabIndex = -1;
    next.tabIndex = 0;
    next.focus();
  });

  function showCodes(clicks) {
    const button = document.getElementById("map-codes-over");
    const shown = Boolean(clicks) && button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(shown));
    document.getElementById("map-inspector").classList.toggle("with-codes", shown);
  }

  /** What the inspector is to show, told on only where something has changed for it. */
  function askInspector(selected, api, loaded, shown, sample, asked) {
    const same = window.dash_clientside.no_update;
    const changed = new Set(window.dash_clientside.callback_context.triggered.map((t) => t.prop_id));
    const only = (id) => changed.size === 1 && changed.has(`${id}.data`);
    if (!selected) return asked ? null : same;
    if (!loaded) return same; // what is loading comes back to this image
    // What is shown stays true while the service is away; the banner tells the rest.
    if (only("api") && !(api && api.state === "ready")) return same;
    // The second map may have been fitted after the image was asked for, so that its place there is not known.
    if (only("map-shown") && !(shown && sample && !(shown.map in sample.places))) return same;
    return { point: selected, turn: asked ? asked.turn + 1 : 0 };
  }

  function drawCell(found) {
    const body = document.querySelector(".inspector-body");
    if (found && body && body.dataset.point === found.point) body.querySelector(".cell").innerHTML = found.markup;
  }

  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { showCodes, askInspector, drawCell });
})();
