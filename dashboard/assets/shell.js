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
  const same = (a, b) => Boolean(a && b) && ["state", "model", "index"].every((key) => a[key] === b[key]);

  function showService(api) {
    document.body.dataset.api = api.state;
    document.dispatchEvent(new CustomEvent("vqscope-service", { detail: api }));
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

  const filled = new Set(); // names of the pages that have been asked for
  let gone = false; // whether the dashboard itself was away when it was last looked for

  /** For each page whether it is to be filled now: the one that is shown, once. */
  function wanted(pathname, routes) {
    return routes.map((one) => {
      if (one.path !== pathname || filled.has(one.name)) return window.dash_clientside.no_update;
      filled.add(one.name);
      return true;
    });
  }

  // What was asked of the dashboard while it was away never comes: it is asked again.
  function refill(api, pathname, routes) {
    const back = gone && api.state !== "gone";
    gone = api.state === "gone";
    const empty = (one) => !document.getElementById("page-" + one.name).children.length;
    if (back) routes.filter(empty).forEach((one) => filled.delete(one.name));
    return wanted(pathname, routes);
  }

  // `routes` is what dashboard/pages/registry.py says: [{name, path, title, query}, …].
  function route(pathname, routes) {
    const page = routes.find((one) => one.path === pathname);
    routes.forEach((one) => {
      const link = document.getElementById("nav-" + one.name);
      if (one === page) link.setAttribute("aria-current", "page");
      else link.removeAttribute("aria-current");
    });
    document.title = (page ? page.title : "Not found") + " · VQScope";
    // A figure that was laid out while hidden has no size; let it measure itself again.
    requestAnimationFrame(() => window.dispatchEvent(new Event("resize")));
    return [...routes.map((one) => one !== page), Boolean(page), ...wanted(pathname, routes)];
  }

  // `queries` are the values of the stores that the routes name, in their order, and then the routes.
  function keepAddress(pathname, ...queries) {
    const routes = queries.pop();
    const stores = routes.map((one) => one.query).filter(Boolean);
    const queryOf = (one) => (one.query ? queries[stores.indexOf(one.query)] : null);
    const changed = window.dash_clientside.callback_context.triggered.map((t) => t.prop_id);
    const page = routes.find((one) => one.path === pathname);
    const query = page && queryOf(page);
    if (typeof query === "string" && changed.includes(`page-${page.name}-address.data`) && location.pathname === pathname) {
      if (location.search !== query) history.replaceState(history.state, "", pathname + query);
    }
    return routes.map((one) => one.path + (queryOf(one) || ""));
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
    refill,
    keepAddress,
    copy: (value) => value,
    switchScheme,
  });
})();
