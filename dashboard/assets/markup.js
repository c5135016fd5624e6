/* What components/markup.py makes: the HTML in `data-markup` becomes the content of its element. Links in it (`data-link`)
   change the page as Dash's own do, without loading it anew. */
(function () {
  "use strict";

  window.vqscopeAdded("data-markup", (place) => (place.innerHTML = place.dataset.markup));

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-link]");
    if (!link || event.defaultPrevented || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    history.pushState({}, "", link.getAttribute("href"));
    window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
    window.scrollTo(0, 0);
  });
})();
