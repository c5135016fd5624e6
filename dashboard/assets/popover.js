// What components/popover.py makes: the button of a `.popover-anchor` opens the `.popover` beside it.
(function () {
  "use strict";

  const GAP = 6;

  // On its way down, so that the button knows what it opens before the browser does what the click asks for.
  document.addEventListener(
    "click",
    (event) => {
      const opener = event.target.closest && event.target.closest(".popover-anchor > button");
      if (!opener || opener.popoverTargetElement) return;
      const content = opener.parentElement.querySelector(".popover");
      content.popover = "auto";
      content.addEventListener("toggle", (change) => change.newState === "open" && enter(content));
      content.addEventListener("beforetoggle", (change) => change.newState === "open" && place(content, opener));
      opener.popoverTargetElement = content;
    },
    true,
  );

  // A choice that is made closes its menu (components/menu.py); after whatever the click itself does.
  document.addEventListener("click", (event) => {
    const item = event.target.closest(".menu-item");
    const content = item && item.closest(".popover");
    if (content) setTimeout(() => content.hidePopover());
  });

  // What is open goes with its button, and closes when that leaves the window. (Not at every such event: the page
  // itself announces a resize, so that figures measure themselves again.)
  const follow = () => {
    for (const content of document.querySelectorAll(".popover:popover-open")) {
      const opener = content.parentElement.querySelector(":scope > button");
      const box = opener.getBoundingClientRect();
      if (box.bottom < 0 || box.top > innerHeight || !box.width) content.hidePopover();
      else place(content, opener);
    }
  };
  addEventListener("scroll", follow, { passive: true, capture: true });
  addEventListener("resize", follow);

  function place(content, opener) {
    const box = opener.getBoundingClientRect();
    const style = content.style;
    style.left = style.right = style.top = style.bottom = "auto";
    if (box.bottom < 0.6 * innerHeight) style.top = `${box.bottom + GAP}px`;
    else style.bottom = `${innerHeight - box.top + GAP}px`;
    if (content.classList.contains("popover-end")) style.right = `${Math.max(8, innerWidth - box.right)}px`;
    else style.left = `${Math.max(8, Math.min(box.left, innerWidth - 8 - (parseFloat(style.width.match(/\d+/)) || 0)))}px`;
  }

  function enter(content) {
    const first = content.querySelector("a[href], button, [tabindex]");
    if (first) first.focus();
  }
})();
