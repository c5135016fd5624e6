/* Number fields (components/number_field.py) tell their value at Enter. Who types or steps need not press it: it is
   pressed for them when they pause, and before they leave the field. */
(function () {
  "use strict";

  const PAUSE = 300; // ms
  const due = new Map(); // field -> timer of its Enter

  function submit(input) {
    clearTimeout(due.get(input));
    due.delete(input);
    input.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
  }

  function later(target) {
    const field = target instanceof Element && target.closest(".number-field");
    const input = field && field.querySelector("input");
    if (!input) return;
    clearTimeout(due.get(input));
    due.set(input, setTimeout(submit, PAUSE, input));
  }

  // "change": what is pasted with another decimal sign is put in as a whole.
  ["input", "change", "compositionend"].forEach((type) =>
    document.addEventListener(type, (event) => event.isComposing || later(event.target)),
  );

  // Of the arrows alone: a click that only enters the field says nothing. The pointer may be let go elsewhere.
  let held = null;
  document.addEventListener("pointerdown", (event) => {
    held = event.target instanceof Element ? event.target.closest(".number-field button") : null;
  });
  ["pointerup", "pointercancel"].forEach((type) =>
    document.addEventListener(type, () => {
      later(held);
      held = null;
    }),
  );
  document.addEventListener("keydown", (event) => {
    if (event.key === "ArrowUp" || event.key === "ArrowDown") later(event.target);
    if (event.key === "Enter" && !event.isComposing && due.has(event.target)) {
      clearTimeout(due.get(event.target)); // pressed by hand
      due.delete(event.target);
    }
  });
  document.addEventListener("focusout", (event) => {
    const input = event.target;
    if (due.has(input)) submit(input);
    // A number out of bounds is brought within them as the field is left, just after its value was told: told again.
    const within = event.isTrusted && input.closest(".number-field");
    if (within) setTimeout(() => input.dispatchEvent(new FocusEvent("focusout", { bubbles: true })));
  });
})();
