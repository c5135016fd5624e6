/* The enlarged picture, its reconstruction and its error show the same part, at the same zoom: by wheel, drag, double click,
   button or key. Doublings only, so that each pixel stays a square. */
(function () {
  "use strict";

  const MOST = 16; // times the enlarged picture
  const NOTCH = 100; // pixels of wheel that make a doubling
  const STEP = 0.25; // of what is seen: how far a key moves
  const dialog = () => document.getElementById("enlarged");
  let zoom = 1;
  let corner = { x: 0, y: 0 }; // upper left of what is seen, in parts of the picture
  let wheeled = 0;
  let drag = null; // which pointer has hold of the picture, and where it was last

  const within = (value) => Math.min(Math.max(value, 0), 1 - 1 / zoom);

  function draw() {
    corner = { x: within(corner.x), y: within(corner.y) };
    const moved = `scale(${zoom}) translate(${-100 * corner.x}%, ${-100 * corner.y}%)`;
    for (const img of dialog().querySelectorAll(".zoom-view img")) {
      img.style.transform = zoom === 1 ? "" : moved;
      img.classList.toggle("shrunk", parseFloat(img.style.width) * zoom < Number(dialog().dataset.size));
    }
    dialog().dataset.zoom = zoom;
    document.getElementById("enlarged-zoom").textContent = `${zoom}×`;
    able("out", zoom > 1);
    able("whole", zoom > 1);
    able("in", zoom < MOST);
  }

  /** Not by `disabled`, which takes the focus away, and with it the keys from the dialog. */
  function able(does, can) {
    dialog().querySelector(`[data-zoom="${does}"]`).setAttribute("aria-disabled", String(!can));
  }

  /** By a factor, around a place of what is seen, in parts of it. */
  function by(factor, x = 0.5, y = 0.5) {
    const next = Math.min(Math.max(zoom * factor, 1), MOST);
    corner = { x: corner.x + x / zoom - x / next, y: corner.y + y / zoom - y / next };
    zoom = next;
    draw();
  }

  function wholeImage() {
    zoom = 1;
    corner = { x: 0, y: 0 };
    drag = null;
    draw();
  }

  function place(event, view) {
    const box = view.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  const viewOf = (event) => event.target.closest && event.target.closest("#enlarged .zoom-view");
  const DOES = { in: () => by(2), out: () => by(0.5), whole: wholeImage };
  const KEYS = { "+": "in", "=": "in", "-": "out", 0: "whole" };
  const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

  document.addEventListener("click", (event) => {
    const does = event.target.closest("#enlarged [data-zoom]");
    if (does) DOES[does.dataset.zoom]();
  });
  document.addEventListener("dblclick", (event) => {
    const view = viewOf(event);
    if (view) by(zoom === MOST ? 1 / MOST : 2, ...place(event, view));
  });
  document.addEventListener(
    "wheel",
    (event) => {
      const view = viewOf(event);
      if (!view || (zoom === 1 && event.deltaY > 0)) return; // there the wheel moves the dialog
      event.preventDefault();
      wheeled = Math.sign(wheeled) === Math.sign(event.deltaY) ? wheeled + event.deltaY : event.deltaY;
      if (Math.abs(wheeled) < NOTCH) return;
      by(wheeled < 0 ? 2 : 0.5, ...place(event, view));
      wheeled = 0;
    },
    { passive: false },
  );
  document.addEventListener("pointerdown", (event) => {
    const view = viewOf(event);
    if (!view || zoom === 1 || event.button) return;
    event.preventDefault(); // the browser's own dragging of pictures
    view.setPointerCapture(event.pointerId);
    if (!drag) drag = { pointer: event.pointerId, at: place(event, view), view };
  });
  document.addEventListener("pointermove", (event) => {
    if (!drag || event.pointerId !== drag.pointer) return;
    const [x, y] = place(event, drag.view);
    corner = { x: corner.x + (drag.at[0] - x) / zoom, y: corner.y + (drag.at[1] - y) / zoom };
    drag.at = [x, y];
    draw();
  });
  for (const ending of ["pointerup", "pointercancel", "lostpointercapture"]) {
    document.addEventListener(ending, (event) => {
      if (drag && event.pointerId === drag.pointer) drag = null;
    });
  }
  document.addEventListener("close", (event) => event.target === dialog() && wholeImage(), true);
  document.addEventListener("keydown", (event) => {
    if (!dialog() || !dialog().open || event.ctrlKey || event.metaKey || event.altKey) return;
    const move = event.shiftKey && MOVES[event.key];
    if (move) {
      event.preventDefault();
      corner = { x: corner.x + (move[0] * STEP) / zoom, y: corner.y + (move[1] * STEP) / zoom };
      draw();
    } else if (KEYS[event.key]) DOES[KEYS[event.key]]();
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { wholeImage });
})();
