/* Page "Place an image": a file field and drop zone that send images as they are, and hand the answers to Dash. */
(function () {
  "use strict";

  const MOST = 16; // as dashboard/routes_place.py
  const MOST_BYTES = 32 * 2 ** 20; // the same
  const RETRY = 3000; // milliseconds
  const AWAY = "The dashboard does not answer. Start it again (vqscope explore): the images are then placed by themselves.";

  let reading = null; // the files chosen last
  let kept = []; // the same with their bytes: they are placed again on another map, or when the service is back
  let onto = null; // { name, title } of the map that is chosen, null until the page has its maps
  let placing = null; // { name, abort(): ends it } of what was asked last
  let placed = null; // { model, index } that the last answer is of
  let timer = null; // of the next try

  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const say = (words) => set("place-status", { children: words });
  const names = () => (kept.length === 1 ? kept[0].name : kept.length + " images") + (onto ? ` on ${onto.title}` : "");
  const mapName = () => (onto ? onto.name : new URLSearchParams(location.search).get("map") || "pca");

  /** Take over files: their bytes, as a file may change or go before it is placed on another map. */
  async function choose(files) {
    if (files.length === 0) return;
    stop();
    kept = [];
    reading = files;
    const refuse = (problem) => show({ problem, again: false });
    if (files.length > MOST) return refuse(`choose at most ${MOST} images at once; these are ${files.length}`);
    if (files.reduce((sum, { size }) => sum + size, 0) > MOST_BYTES) return refuse("these images are larger than 32 MB together; place fewer at once");
    try {
      const read = await Promise.all(files.map(async (file) => new File([await file.arrayBuffer()], file.name, { type: file.type })));
      if (reading !== files) return; // others were chosen meanwhile
      kept = read;
    } catch {
      return reading === files && refuse("not all of these can be read as files; choose them again");
    }
    place();
  }

  /** Nothing is under way or to be tried again. */
  function stop() {
    clearTimeout(timer);
    if (placing) placing.abort();
    placing = null;
  }

  /** Send the files that are kept; a newer choice of files or map replaces what is under way. */
  async function place() {
    stop();
    busy(true);
    say(`Placing ${names()} …`);
    const ending = new AbortController();
    const mine = (placing = { name: mapName(), abort: () => ending.abort() });
    const form = new FormData();
    kept.forEach((file) => form.append("file", file, file.name));
    try {
      const address = `/place?map=${encodeURIComponent(mine.name)}`;
      const answer = await fetch(address, { method: "POST", body: form, headers: { "X-VQScope": "place" }, signal: ending.signal });
      const body = await answer.json();
      if (mine !== placing) return;
      if (answer.ok) placed = body.project;
      show(answer.ok ? body : { problem: body.detail, again: answer.status === 503 });
    } catch {
      if (mine !== placing) return;
      busy(false);
      say(AWAY); // by itself: without the dashboard no card can be shown
      again();
    }
  }

  function show(data) {
    busy(false);
    say(data.problem ? "" : told(data));
    set("place-answers", { data });
  }

  /** How many files were placed, and how many could not be. */
  function told({ project }) {
    const refused = project.items.filter(({ problem }) => problem).length;
    if (!refused) return `Placed ${names()}.`;
    const placed = refused < kept.length ? `Placed ${kept.length - refused} of ${names()}` : `Placed none of ${names()}`;
    return `${placed}; why not the others stands below.`;
  }

  function busy(is) {
    document.querySelectorAll("#place-cards, #place-map").forEach((part) => part.setAttribute("aria-busy", String(is)));
  }

  /** Place the same files in a while, as soon as the service is there. */
  function again() {
    clearTimeout(timer);
    timer = setTimeout(() => (document.body.dataset.api === "ready" ? place() : again()), RETRY);
  }

  /** What came cannot be shown yet; `wanted` is false where it never can be. */
  function placeAgain(wanted) {
    if (!wanted || !kept.length) return;
    say("");
    again();
  }

  /** The map that is chosen: what has been placed on another one is placed on it. */
  function placeOn(name, maps) {
    if (!name) return;
    onto = { name, title: maps.find(({ value }) => value === name).label };
    if (kept.length && placing && placing.name !== name) place();
  }

  // Another index has other maps: places on the old one mean nothing there.
  document.addEventListener("vqscope-service", ({ detail: { state, model, index } }) => {
    if (state === "ready" && kept.length && placed && (placed.model !== model || placed.index !== index)) place();
  });

  function build(host) {
    const label = document.createElement("label");
    label.className = "drop";
    label.innerHTML = "<strong>Drop images here</strong><span>or choose files</span>";
    const field = document.createElement("input");
    field.type = "file";
    field.multiple = true;
    field.id = "place-file";
    field.accept = "image/png,image/jpeg,image/tiff,.tif,.tiff,.png,.jpg,.jpeg";
    field.addEventListener("change", () => {
      choose([...field.files]);
      field.value = ""; // the same file may be chosen again
    });
    label.append(field);
    host.append(label);
    const page = document.getElementById("page-place");
    page.addEventListener("dragover", (event) => {
      event.preventDefault();
      label.classList.add("over");
    });
    ["dragleave", "drop"].forEach((name) => page.addEventListener(name, () => label.classList.remove("over")));
    page.addEventListener("drop", (event) => {
      event.preventDefault();
      choose([...event.dataTransfer.files]);
    });
  }

  // Dash draws the page some time after this script runs.
  const waiting = new MutationObserver(() => {
    const host = document.getElementById("place-field");
    if (!host || host.childElementCount) return;
    waiting.disconnect();
    build(host);
  });
  waiting.observe(document.documentElement, { childList: true, subtree: true });

  window.dash_clientside = window.dash_clientside || {};
  window.dash_clientside.vqscope = Object.assign(window.dash_clientside.vqscope || {}, { placeOn, placeAgain });
})();
