/* A click on a card's pictures, or its button, shows them large; arrows go on, Escape closes. Which one is shown is in the
   store recon-enlarged, and by that in the address. */
(function () {
  "use strict";

  const MOST = 480; // pixels of an edge
  const AROUND = 96; // pixels that the dialog takes beside its pictures
  const dialog = () => document.getElementById("enlarged");
  const cards = () => [...document.querySelectorAll("#recon-grid .card")].filter((c) => c.querySelector(".trio"));
  let shown = null; // data-point of the card
  let asked = null; // that of the card to be shown as soon as it is there
  const kept = []; // what was written into the store here and has not come back from it yet
  let heard = null; // what the store said last

  /* The largest whole multiple of the picture's pixels that fits, or a whole fraction. */
  function edge(size) {
    const room = Math.min(MOST, (window.innerWidth - AROUND) / 3, window.innerHeight - 280);
    return size <= room ? size * Math.floor(room / size) : size / Math.ceil(size / room);
  }

  function show(card) {
    const box = dialog();
    const list = cards();
    const another = shown !== card.dataset.point;
    shown = card.dataset.point;
    box.dataset.size = card.dataset.size;
    const label = card.querySelector(".card-label").textContent;
    const place = card.querySelector(".card-place").textContent;
    document.getElementById("enlarged-title").textContent = label;
    document.getElementById("enlarged-place").textContent = `${card.dataset.point.split("/")[0]}, ${place}`;
    for (const img of box.querySelectorAll("img")) {
      const small = card.querySelector(`img[data-view="${img.dataset.view}"]`);
      const side = edge(Number(card.dataset.size));
      img.src = small.src;
      img.alt = small.alt;
      img.style.width = img.style.height = side + "px";
    }
    if (another) window.dash_clientside.vqscope.wholeImage();
    button("previous").disabled = list[0] === card;
    button("next").disabled = list[list.length - 1] === card;
    window.dash_clientside.vqscope.drawHistograms(box, [], card);
    if (!box.open) box.showModal();
  }

  function keep(point) {
    kept.push(point);
    window.dash_clientside.set_props("recon-enlarged", { data: point });
  }

  /** At once, not by the store: the next key is already meant for this card. */
  function open(card) {
    show(card);
    keep(shown);
  }

  /** Show, or close, what the store says, again when other histograms have been drawn; on another page nothing. */
  function followEnlarged(point, away) {
    if (away) kept.length = 0;
    const own = kept.indexOf(point);
    if (own >= 0) kept.splice(0, own + 1);
    else if (point !== heard) kept.length = 0; // the service's word, not an old one of the store
    heard = point;
    if (kept.length) return window.dash_clientside.no_update; // more has been done since, and comes next
    asked = away ? null : point;
    const card = cards().find((one) => one.dataset.point === asked);
    if (card) show(card);
    else if (!asked && shown) {
      shown = null; // the store knows
      dialog().close();
    }
    return window.dash_clientside.no_update;
  }

  function closed(event) {
    if (event.target !== dialog() || !shown) return;
    shown = null;
    keep(null);
  }

  const button = (does) => dialog().querySelector(`[data-enlarged="${does}"]`);

  function go(step) {
    const list = cards();
    const at = list.findIndex((card) => card.dataset.point === shown);
    const next = list[at + step];
    if (at >= 0 && next) open(next);
  }

  document.addEventListener("click", (event) => {
    const does = event.target.closest("[data-enlarged]");
    if (does) {
      const name = does.dataset.enlarged;
      if (name === "close") dialog().close();
      else go(name === "next" ? 1 : -1);
      return;
    }
    const opener = event.target.closest("#recon-grid .card .trio img, #recon-grid .card-enlarge");
    if (opener) open(opener.closest(".card"));
    else if (event.target === dialog()) dialog().close(); // beside it
  });
  document.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || event.shiftKey || !dialog() || !dialog().open) return; // with Shift: recon_zoom.js
    event.preventDefault();
    go(step);
  });
  document.addEventListener("close", closed, true); // it does not bubble, so it is caught on its way down
  window.vqscopeAdded("data-point", (card) => {
    if (card.dataset.point === asked && asked !== shown && card.matches("#recon-grid .card")) show(card);
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { followEnlarged });
})();
