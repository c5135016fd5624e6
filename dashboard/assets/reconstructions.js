/* Paging through reconstructions by button and by keyboard. */
(function () {
  "use strict";

  const KEYS = {
    ArrowLeft: "recon-previous",
    PageUp: "recon-previous",
    ArrowRight: "recon-next",
    PageDown: "recon-next",
    Home: "recon-first",
    End: "recon-last",
  };

  const TAKEN =
    "input, select, textarea, dialog, [role=listbox], [role=radiogroup], [role=slider], .popover";

  function turnPage(_first, _previous, _next, _last, page, pages) {
    const context = window.dash_clientside.callback_context;
    if (!context.triggered.some((t) => t.value)) return window.dash_clientside.no_update;
    const target = { "recon-first": 1, "recon-previous": page - 1, "recon-next": page + 1, "recon-last": pages };
    return Math.min(Math.max(1, target[context.triggered_id]), pages);
  }

  document.addEventListener("keydown", (event) => {
    const button = KEYS[event.key] && document.getElementById(KEYS[event.key]);
    if (!button || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (document.getElementById("page-reconstructions").hidden || document.querySelector("dialog[open]")) return;
    // Fields and switches use these keys themselves.
    if (event.target.closest(TAKEN)) return;
    event.preventDefault();
    if (!button.disabled) button.click();
  });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { turnPage });
})();
