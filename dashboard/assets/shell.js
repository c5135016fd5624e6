/* What every page shares: state of the service, current page, address, colour scheme, broken pictures. */
(function () {
  "use strict";

  const BANNERS = {
    away:
      "The VQScope service does not answer. Start it again (vqscope serve, or vqscope explore) or look at its log; " +
      "this page goes on by itself as soon as the service is back.",
    starting: "The VQScope service is starting and loads its model; this page goes on by itself when it is ready.",
    gone:
      "The dashboard itself does not answer. Start it again (vqscope explore); this page goes on by itself " +
      "as soon as it is back.",
  };
  const PAGES = { "/": ["nav-map", "Map"], "/reconstructions": ["nav-reconstructions", "Reconstructions"] };
  const same = (a, b) => Boolean(a && b) && ["state", "model", "index"].every((key) => a[key] === b[key]);

  function showService(api) {
    document.body.dataset.api = api.state;
    const text = { ready: api.model, away: "Service away", starting: "Service starting", gone: "Dashboard away" };
    document.getElementById("service-text").textContent = text[api.state];
    const banner = document.getElementById("banner");
    banner.hidden = api.state === "ready";
    banner.textContent = BANNERS[api.state] || "";
    if (api.state === "ready") document.querySelectorAll("img[data-failed]").forEach((img) => (img.src = img.src));
  }

  async function pulse(_n, known) {
    let api = { state: "gone", model: null, index: null };
    try {
      const answer = await fetch("/health", { cache: "no-store" });
      if (answer.ok) api = (await answer.json()).api;
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // TypeError: no connection, which is what we ask about
    }
    if (same(api, known)) return window.dash_clientside.no_update;
    showService(api);
    return api;
  }

  function route(pathname) {
    const page = PAGES[pathname];
    Object.values(PAGES).forEach(([id]) => document.getElementById(id).removeAttribute("aria-current"));
    if (page) document.getElementById(page[0]).setAttribute("aria-current", "page");
    document.title = (page ? page[1] : "Not found") + " · VQScope";
    // A figure that was laid out while hidden has no size; let it measure itself again.
    requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
    return [pathname !== "/", pathname !== "/reconstructions", Boolean(page)];
  }

  function keepAddress(mapQuery, reconstructionsQuery, pathname) {
    const queries = { "/": mapQuery, "/reconstructions": reconstructionsQuery };
    const changed = window.dash_clientside.callback_context.triggered.map((t) => t.prop_id);
    const own = { "/": "map-query.data", "/reconstructions": "recon-query.data" }[pathname];
    const query = queries[pathname];
    if (changed.includes(own) && typeof query === "string" && location.pathname === pathname) {
      if (location.search !== query) history.replaceState(history.state, "", pathname + query);
    }
    return ["/" + (mapQuery || ""), "/reconstructions" + (reconstructionsQuery || "")];
  }

  function switchScheme() {
    const root = document.documentElement;
    const scheme = root.getAttribute("data-mantine-color-scheme") === "dark" ? "light" : "dark";
    root.setAttribute("data-mantine-color-scheme", scheme);
    try {
      localStorage.setItem("mantine-color-scheme-value", scheme);
    } catch (error) {
      console.info("The colour scheme is not kept: this browser has no storage.", error.name);
    }
  }

  // "error" and "load" of pictures do not bubble, so they are caught on their way down.
  document.addEventListener("error", (event) => mark(event, true), true);
  document.addEventListener("load", (event) => mark(event, false), true);
  function mark(event, failed) {
    const img = event.target;
    if (img instanceof HTMLImageElement && img.classList.contains("pixels")) img.toggleAttribute("data-failed", failed);
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, {
    pulse,
    route,
    keepAddress,
    switchScheme,
  });
})();
