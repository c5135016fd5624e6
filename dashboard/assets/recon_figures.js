/* Histograms of the figures, marked with the images on the page and the one in question; window and level. */
(function () {
  "use strict";

  const SHOWN = {
    psnr: (v) => v.toFixed(2) + " dB",
    ssim: (v) => v.toFixed(3),
    mae: (v) => (100 * v).toFixed(2) + " %",
  };
  const LEVELS = 255;
  const REST = 250; // milliseconds without a movement after which the address says window and level
  const page = () => document.getElementById("page-reconstructions");
  let histograms = {};
  let rest = 0; // timer
  let pointed = null; // card that the pointer or the focus is on

  const place = (one, value) => (100 * Math.min(1, Math.max(0, (value - one.low) / (one.high - one.low)))) + "%";

  function bars(counts) {
    const most = Math.max(...counts, 1);
    const path = counts.map((n, i) => (n ? `M${i} 100V${100 - Math.max(3, (100 * n) / most)}h1V100z` : ""));
    return (
      `<svg viewBox="0 0 ${counts.length} 100" preserveAspectRatio="none" aria-hidden="true">` +
      `<path d="${path.join("")}"/></svg>`
    );
  }

  function tick(name, one, value) {
    const element = document.createElement("span");
    element.className = name;
    element.style.left = place(one, value);
    return element;
  }

  /* Draw the histograms in an element, with ticks for these cards and a line for one. */
  function draw(root, cards, current) {
    for (const figure of root.querySelectorAll(".hist")) {
      const name = figure.dataset.figure;
      const one = histograms[name];
      const say = (part, text) => { figure.querySelector(".hist-" + part).textContent = text; };
      const plot = figure.querySelector(".hist-plot");
      figure.classList.toggle("hist-none", !one);
      plot.replaceChildren();
      for (const part of ["low", "median", "high", "value"]) say(part, "");
      if (!one) continue;
      const words = SHOWN[name];
      plot.innerHTML = bars(one.counts);
      for (const card of cards) plot.append(tick("hist-tick", one, Number(card.dataset[name])));
      const middle = tick("hist-middle", one, one.median);
      middle.title = "median";
      plot.append(middle);
      if (current) {
        plot.append(tick("hist-now", one, Number(current.dataset[name])));
        say("value", words(Number(current.dataset[name])));
      }
      say("low", words(one.low));
      say("median", "median " + words(one.median));
      say("high", words(one.high));
      const title = figure.querySelector(".hist-title").textContent;
      const here = current ? `; the image in question: ${words(Number(current.dataset[name]))}` : "";
      plot.setAttribute(
        "aria-label",
        `${title} of the images chosen, from ${words(one.low)} to ${words(one.high)}, median ${words(one.median)}${here}`,
      );
    }
  }

  function redraw() {
    const cards = [...document.querySelectorAll("#recon-grid .card")];
    if (pointed && !cards.includes(pointed)) pointed = null;
    for (const card of cards) card.toggleAttribute("data-pointed", card === pointed);
    draw(document.getElementById("recon-hists"), cards, pointed);
  }

  function point(event) {
    const card = event.target.closest && event.target.closest("#recon-grid .card");
    if (!card || card === pointed) return;
    pointed = card;
    redraw();
  }

  function drawFigures(data) {
    const grid = document.getElementById("recon-grid");
    if (!grid.dataset.watched) {
      grid.dataset.watched = "true";
      new MutationObserver(redraw).observe(grid, { childList: true });
      grid.addEventListener("pointerover", point);
      grid.addEventListener("focusin", point);
    }
    histograms = data.figures;
    redraw();
    return !data.grey;
  }

  /* One linear curve for all pictures: level - window / 2 becomes black, level + window / 2 white. */
  function windowLevel(width, level, hidden, [keptWidth, keptLevel] = []) {
    const curve = document.getElementById("window-level") || addFilter();
    for (const f of curve.querySelectorAll("feFuncR, feFuncG, feFuncB")) {
      f.setAttribute("slope", LEVELS / width);
      f.setAttribute("intercept", (width / 2 - level) / width);
    }
    document.getElementById("recon-window-shown").textContent = Math.round(width);
    document.getElementById("recon-level-shown").textContent = Math.round(level);
    const same = width === LEVELS && level === LEVELS / 2;
    document.getElementById("recon-window-reset").disabled = same;
    page().toggleAttribute("data-windowed", !hidden && !same);
    clearTimeout(rest);
    if (width === keptWidth && level === keptLevel) return;
    rest = setTimeout(() => window.dash_clientside.set_props("recon-windowed", { data: [width, level] }), REST);
  }

  function addFilter() {
    const holder = document.createElement("div");
    holder.className = "unseen";
    holder.setAttribute("aria-hidden", "true");
    holder.innerHTML =
      '<svg width="0" height="0"><filter id="window-level" color-interpolation-filters="sRGB"><feComponentTransfer>' +
      '<feFuncR type="linear"/><feFuncG type="linear"/><feFuncB type="linear"/></feComponentTransfer></filter></svg>';
    document.body.append(holder);
    return holder.querySelector("filter");
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, {
    drawFigures,
    windowLevel,
    drawHistograms: draw,
  });
})();
