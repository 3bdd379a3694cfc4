// The desk by keyboard: j and k walk, Enter opens, d puts off, h hands over. Links and buttons do all of it as well.
"use strict";

(() => {
  const items = () => [...document.querySelectorAll("[data-desk-item]")];
  const titleOf = (item) => item.querySelector("a");
  const current = () => document.activeElement?.closest("[data-desk-item]");

  function showKeys(root) {
    for (const line of root.querySelectorAll?.("[data-desk-keys]") ?? []) line.hidden = false;
  }

  function walk(step) {
    const all = items();
    if (!all.length) return;
    const at = all.indexOf(current());
    const next = at < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + step, 0), all.length - 1);
    titleOf(all[next]).focus();
    all[next].scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("keydown", (event) => {
    if (!document.querySelector("[data-desk]")) return;
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "j" || event.key === "k") walk(event.key === "j" ? 1 : -1);
    else if (event.key === "d") current()?.querySelector("[data-desk-defer]")?.click();
    else if (event.key === "h") current()?.querySelector("[data-desk-hand]")?.click();
    else return;
    event.preventDefault();
  });

  showKeys(document);
  document.addEventListener("htmx:load", (event) => showKeys(event.target));
})();
