/* For files that draw elements by what an attribute of theirs says: now, and whenever it changes. Loaded before them. */
window.vqscopeAdded = function (attribute, draw) {
  "use strict";

  const selector = `[${attribute}]`;
  new MutationObserver((records) => {
    for (const record of records) {
      if (record.type === "attributes") draw(record.target);
      for (const added of record.addedNodes) {
        if (!(added instanceof Element)) continue;
        if (added.matches(selector)) draw(added);
        added.querySelectorAll(selector).forEach(draw);
      }
    }
  }).observe(document, { subtree: true, childList: true, attributeFilter: [attribute] });
};
