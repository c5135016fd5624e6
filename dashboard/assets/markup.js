/* What components/markup.py makes: the HTML in `data-markup` becomes the content of its element. Links in it (`data-link`)
   change the page as Dash's own do, without loading it anew. */
(function () {
  "use strict";

  const draw = (place) => (place.innerHTML = place.dataset.markup);

  new MutationObserver((records) => {
    for (const record of records) {
      if (record.type === "attributes") draw(record.target);
      for (const added of record.addedNodes) {
        if (!(added instanceof Element)) continue;
        if (added.matches("[data-markup]")) draw(added);
        added.querySelectorAll("[data-markup]").forEach(draw);
      }
    }
  }).observe(document, { subtree: true, childList: true, attributeFilter: ["data-markup"] });

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-link]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.pushState({}, "", link.getAttribute("href"));
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  });
})();
