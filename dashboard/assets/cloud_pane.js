/* A canvas in a window over the area of a plot, under all that Plotly draws, with lines for what is awaited and what is wrong. */
(function () {
  "use strict";

  const QUICK = 25; // milliseconds that a frame may take to be drawn anew at each move of the mouse

  const made = (name, attributes) => Object.assign(document.createElement(name), attributes);

  class Pane {
    constructor() {
      this.element = made("div", { className: "map-cloud" });
      this.canvas = document.createElement("canvas");
      this.words = made("p", { className: "map-cloud-note", role: "status", hidden: true });
      this.awaited = made("label", { className: "map-cloud-awaited", hidden: true });
      this.bar = made("progress", { max: 1 });
      this.awaited.append(document.createElement("span"), this.bar);
      this.element.append(this.canvas, this.awaited, this.words);
      this.key = []; // what the last frame depended on
      this.view = null; // what it showed
      this.cost = 0; // milliseconds that it took
      this.asked = false; // whether another one is to come
    }

    /** Lay it under a plot, whatever Plotly has done there. */
    under(gd) {
      const around = gd.querySelector(".svg-container");
      if (around.firstChild !== this.element) around.prepend(this.element);
      return this;
    }

    /** What is to be said: why there are no points, or how many of n have come (null: they are not awaited), or nothing. */
    tell(trouble, come, n) {
      const { words, awaited, bar } = this;
      if (words.textContent !== trouble) words.textContent = trouble;
      words.hidden = !trouble;
      awaited.hidden = come === null;
      if (awaited.hidden) return;
      const share = Math.min(1, come / n);
      awaited.firstChild.textContent = `Loading ${n.toLocaleString("en-GB")} points …` + (share ? ` ${Math.floor(100 * share)} %` : "");
      if (share) bar.value = share;
      else bar.removeAttribute("value");
    }

    /** At the next frame, once. */
    soon(draw) {
      if (this.asked) return;
      this.asked = true;
      requestAnimationFrame(() => {
        this.asked = false;
        draw();
      });
    }

    /**
     * Draw a view, unless all that the frame depends on is as it was; whether it was drawn.
     * paint(context, ratio): at so many pixels of the canvas to one of the page.
     */
    draw(view, dependencies, paint) {
      const key = [...dependencies, window.devicePixelRatio, ...Object.values(view)];
      if (window.vqscopeMap.same(key, this.key)) return false;
      const begun = performance.now();
      const { canvas, element } = this;
      Object.assign(element.style, { left: `${view.x}px`, top: `${view.y}px`, width: `${view.width}px`, height: `${view.height}px` });
      const ratio = Math.min(2, window.devicePixelRatio);
      const [width, height] = [Math.max(1, Math.round(view.width * ratio)), Math.max(1, Math.round(view.height * ratio))];
      Object.assign(canvas, { width, height });
      canvas.style.transform = "";
      paint(canvas.getContext("2d"), ratio);
      Object.assign(this, { key, view, cost: performance.now() - begun });
      return true;
    }

    /** While the mouse moves the plot: whether the last frame moves with it, as to draw another would not be quick. */
    follow(is) {
      if (!this.view || this.cost < QUICK) return false;
      const was = this.view;
      const [x, y] = [(was.left - is.left) * is.perX, (is.top - was.top) * is.perY];
      this.canvas.style.transform = `translate(${x}px, ${y}px) scale(${is.perX / was.perX}, ${is.perY / was.perY})`;
      this.key = []; // whatever comes of it is drawn
      return true;
    }
  }

  /** Where the plot's area is and what part of the map it shows, now. */
  function viewOf(gd) {
    const { xaxis, yaxis } = gd._fullLayout;
    const [[left, right], [bottom, top]] = [xaxis.range, yaxis.range];
    const [width, height] = [xaxis._length, yaxis._length];
    return { left, top, perX: width / (right - left), perY: height / (top - bottom), width, height, x: xaxis._offset, y: yaxis._offset };
  }

  window.vqscopePane = { Pane, viewOf };
})();
