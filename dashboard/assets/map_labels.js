/* Labels that are switched off: their points are nowhere, so that nobody draws, meets or saves them. */
(function () {
  "use strict";

  const NONE = -1; // stands for "no label" where an image may have several
  const map = () => window.vqscopeMap;

  let off = new Map(); // data set -> Set of its labels that are off; another object for another choice
  const made = new WeakMap(); // labels of a map's points -> { off, traces, gone: points of each data set, cloud: the others }

  /** Whether all labels of an image are off; `several`: its value is a bit mask (bit c: class c). */
  function isOff(labels, value, several) {
    if (!several) return labels.has(value);
    if (value === 0) return labels.has(NONE);
    for (let c = 0; 2 ** c <= value; c++) if (Math.floor(value / 2 ** c) % 2 && !labels.has(c)) return false;
    return true;
  }

  /** The points of a map without those whose labels are off, which have no place. */
  function withLabels(gd, cloud) {
    if (!cloud || !off.size) return cloud;
    const known = made.get(cloud.label);
    if (known && known.off === off && known.traces === gd.data) return known.cloud;
    const x = cloud.x.slice();
    const left = { ...cloud, x };
    made.set(cloud.label, { off, traces: gd.data, gone: drop(gd, cloud.label, x), cloud: left });
    return left;
  }

  /** Take the places of those that are off; how many of each data set. */
  function drop(gd, label, x) {
    const { datasets } = map().wanted.loaded;
    const gone = new Map();
    gd.data.forEach(({ meta }) => {
      if (meta.role !== "points" || !off.has(meta.dataset) || !datasets[meta.dataset]) return; // of an index before
      const known = new Map(); // value -> whether it is off: few values, many images
      const [labels, several] = [off.get(meta.dataset), datasets[meta.dataset].multiLabel];
      let n = 0;
      meta.runs.forEach(([first, end]) => {
        for (let row = first; row < end; row++) {
          const value = label[row];
          if (!known.has(value)) known.set(value, isOff(labels, value, several));
          if (!known.get(value)) continue;
          x[row] = NaN;
          n++;
        }
      });
      gone.set(meta.dataset, n);
    });
    return gone;
  }

  /** Whether an image of this label value is on, as far as its label goes. */
  function isLabelOn(dataset, value) {
    const about = map().wanted.loaded.datasets[dataset];
    return !about || !off.has(dataset) || !isOff(off.get(dataset), value, about.multiLabel);
  }

  /** Images of a data set whose labels are on. */
  function countOf(gd, name) {
    const { n } = map().wanted.loaded.datasets[name];
    const cloud = off.has(name) && map().cloudOf(gd);
    return cloud ? n - (made.get(cloud.label).gone.get(name) || 0) : n;
  }

  /** The switches of all data sets, what is off as the page keeps it, and what the buttons say. */
  function switchLabels(checked, _all, _none, ids, options) {
    const { triggered, triggered_id: source } = window.dash_clientside.callback_context;
    const pressed = triggered.length === 1 && triggered[0].value && source; // a click, not a new row
    const all = options.map((some) => some.map(({ value }) => value));
    const next = checked.map((values, i) => {
      if (!pressed || source.name !== ids[i].name) return values;
      if (source.type === "label-all") return all[i];
      return source.type === "label-none" ? [] : values;
    });
    const gone = next.map((values, i) => all[i].filter((value) => !values.includes(value)));
    off = new Map(ids.map(({ name }, i) => [name, new Set(gone[i])]).filter(([, labels]) => labels.size));
    map().sync();
    const words = next.map((values, i) => (gone[i].length ? `${values.length} of ${all[i].length} labels` : "labels"));
    return [next, Object.fromEntries([...off].map(([name, labels]) => [name, [...labels]])), words];
  }

  Object.assign(window.vqscopeMap, { withLabels, isLabelOn, countOf });
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { switchLabels });
})();
