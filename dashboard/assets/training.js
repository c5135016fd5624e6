/* Replaying the epochs of a training. */
(function () {
  "use strict";

  // The button starts and stops; each tick moves the slider on by one epoch, at the last one it stops by itself.
  function playEpochs(_clicks, _tick, pathname, place, last, fixed, paused) {
    const keep = window.dash_clientside.no_update;
    const by = window.dash_clientside.callback_context.triggered_id;
    const stop = [keep, true, "▶ Play"];
    if (pathname !== "/training" || fixed || by === "url") return stop;
    if (by === "training-play") {
      if (!paused) return stop;
      return [place >= last ? 0 : keep, false, "❚❚ Pause"];
    }
    if (paused) return [keep, keep, keep];
    return place + 1 >= last ? [last, true, "▶ Play"] : [place + 1, keep, keep];
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { playEpochs });
})();
