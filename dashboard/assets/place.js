/* Page "Place an image": a file field and drop zone that send images as they are, and hand the answers to Dash. */
(function () {
  "use strict";

  const MOST = 16; // as dashboard/routes_place.py
  let asked = null; // AbortController of what is under way: a newer choice replaces it

  const set = (id, props) => window.dash_clientside.set_props(id, props);
  const names = (files) => (files.length === 1 ? files[0].name : files.length + " images");

  async function send(files) {
    if (files.length === 0) return;
    if (asked) asked.abort();
    if (files.length > MOST) {
      set("place-answers", { data: { problem: `choose at most ${MOST} images at once; these are ${files.length}` } });
      set("place-status", { children: "" });
      return;
    }
    const mine = (asked = new AbortController());
    set("place-status", { children: `Placing ${names(files)} …` });
    const form = new FormData();
    files.forEach((file) => form.append("file", file, file.name));
    let data;
    try {
      const answer = await fetch("/place", {
        method: "POST", body: form, headers: { "X-VQScope": "place" }, signal: mine.signal,
      });
      const body = await answer.json();
      data = answer.ok ? body : { problem: body.detail };
    } catch (error) {
      if (error.name === "AbortError") return;
      data = { problem: "the dashboard does not answer; start it again (vqscope explore) and choose the files again" };
    }
    set("place-status", { children: data.problem ? "" : `Placed ${names(files)}.` });
    set("place-answers", { data });
  }

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
      send([...field.files]);
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
      send([...event.dataTransfer.files]);
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
})();
