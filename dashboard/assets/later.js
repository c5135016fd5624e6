/* Scripts that are loaded when they are first needed: dashboard/index_page.py says which, and where they are. */
(function () {
  "use strict";

  const loading = new Map(); // address -> promise

  function load(address) {
    if (!loading.has(address)) {
      const loaded = new Promise((resolve, reject) => {
        const script = Object.assign(document.createElement("script"), { src: address, onload: resolve });
        script.onerror = () => {
          loading.delete(address); // the next one who needs it tries again
          script.remove();
          reject(new Error(`${address} cannot be loaded`));
        };
        document.head.append(script);
      });
      loading.set(address, loaded);
    }
    return loading.get(address);
  }

  /** The selection whose table is to be shown, once there is what shows tables. */
  async function openTable(tab, inside) {
    if (tab !== "table" || !inside) return window.dash_clientside.no_update;
    if (!window.dash_ag_grid) await load(window.vqscopeLater.grid);
    return inside;
  }

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { openTable });
})();
