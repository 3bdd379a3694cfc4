// Small comforts over pages that work without any script.
"use strict";

(() => {
  const COUNT_FROM = 0.8; // Share of a text's limit from which the counter shows.
  let leaving = false;
  const unsaved = new Set();
  const edits = new WeakMap(); // How often each form has been typed into: what is saved may be outdated already.
  const NARROW = matchMedia("(max-width: 767px)");

  // The error summary takes the focus, so that it is read out and the way to the fields is short.
  function focusSummary(root) {
    const summary = root.querySelector?.(".error-summary");
    if (summary) summary.focus();
  }

  // What a fragment says of itself (a number of results) is read out in the page's own live region.
  function announce(root) {
    const spoken = root.matches?.("[data-announce]") ? root : root.querySelector?.("[data-announce]");
    const region = document.getElementById("announcer");
    if (spoken && region) region.textContent = spoken.dataset.announce;
  }

  // The server counts characters, not UTF-16 units, and a line break as one.
  const lengthOf = (text) => [...text.trim()].length;

  function count(area) {
    const limit = Number(area.dataset.limit);
    const length = lengthOf(area.value);
    let counter = area.nextElementSibling;
    if (!counter?.classList.contains("counter")) {
      if (length < limit * COUNT_FROM) return;
      counter = document.createElement("p");
      counter.className = "counter";
      counter.setAttribute("aria-live", "polite");
      area.after(counter);
    }
    const left = limit - length;
    counter.hidden = length < limit * COUNT_FROM;
    counter.classList.toggle("over", left < 0);
    const words = left < 0 ? document.body.dataset.countOver : document.body.dataset.countLeft;
    counter.textContent = words.replace("{n}", Math.abs(left).toLocaleString(document.documentElement.lang));
  }

  function prepare(root) {
    for (const area of root.querySelectorAll("textarea[data-limit]")) count(area);
    for (const form of root.querySelectorAll("form[data-guard][data-unsaved]")) unsaved.add(form);
  }

  function setPressed(form, pressed) {
    for (const button of form.querySelectorAll("button[type=submit]")) button.disabled = pressed;
    if (pressed) form.setAttribute("aria-busy", "true");
    else form.removeAttribute("aria-busy");
  }

  document.addEventListener("input", (event) => {
    const field = event.target;
    if (field.matches("textarea[data-limit]")) count(field);
    const form = field.closest("form[data-guard]");
    if (form) {
      unsaved.add(form);
      edits.set(form, (edits.get(form) ?? 0) + 1);
    }
  });

  // A form that saves itself is clean once what was sent is what it holds.
  const isSaving = (element) => element?.matches?.("[data-autosave]");
  function saved(form, at, done) {
    form.dataset.autosaved = done ? "yes" : "no";
    if (done && (edits.get(form) ?? 0) === at) unsaved.delete(form);
  }
  document.addEventListener("htmx:beforeRequest", (event) => {
    const line = event.detail.elt;
    // A form is on its way: what arrives after it, of a draft or its rehearsal, would be refused.
    if (leaving) event.preventDefault();
    else if (isSaving(line)) line.dataset.at = edits.get(line.closest("form")) ?? 0;
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const line = event.detail.target;
    if (isSaving(line)) saved(line.closest("form"), Number(line.dataset.at), line.querySelector("[data-saved]") !== null);
  });

  // Once more on leaving, whether the tab is closed or only put aside. What was saved is known to the server.
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState !== "hidden" || leaving) return;
    for (const form of unsaved) {
      const line = form.querySelector("[data-autosave]");
      if (!form.isConnected || !line || form.dataset.autosaved === "no") continue;
      if (!form.elements.title?.value.trim()) continue;
      const at = edits.get(form) ?? 0;
      fetch(line.dataset.autosave, {
        method: "POST",
        body: new URLSearchParams(new FormData(form)),
        headers: { "HX-Request": "true" },
        keepalive: true,
      })
        .then((answer) => saved(form, at, answer.ok))
        .catch(() => {});
    }
  });

  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const form = event.target;
    if (form.method !== "post") return;
    leaving = true;
    for (const asking of document.querySelectorAll("[hx-post], [hx-get]")) htmx.trigger(asking, "htmx:abort");
    // After this event: a button that is disabled earlier would not be sent along.
    setTimeout(() => setPressed(form, true), 0);
  });

  addEventListener("pageshow", () => {
    leaving = false;
    for (const form of document.querySelectorAll("form[aria-busy]")) setPressed(form, false);
  });

  addEventListener("beforeunload", (event) => {
    if (leaving) return;
    // A form that has saved itself so far does so once more.
    if ([...unsaved].some((form) => form.isConnected && form.dataset.autosaved !== "yes")) event.preventDefault();
  });

  document.addEventListener("htmx:afterSwap", (event) => {
    const target = event.detail.target;
    if (target.id === "flash") target.scrollIntoView({ block: "nearest" });
  });

  document.addEventListener("htmx:load", (event) => {
    if (event.target === document.body) return;
    prepare(event.target);
    focusSummary(event.target);
    announce(event.target);
  });

  // On a phone a long form shows its first section; the others say how much of them is filled in.
  function tellFilled(section) {
    const state = section.querySelector(".fold-state");
    const filled = [...section.querySelectorAll("textarea, input[type=text], input:not([type])")].filter((e) => e.value.trim());
    const checked = section.querySelector("fieldset.field input:checked") ? 1 : 0;
    const count = filled.length + checked;
    state.textContent = count ? state.dataset.filled.replace("{n}", count) : state.dataset.empty;
  }
  function fold(root) {
    const sections = root.querySelectorAll("details[data-fold]");
    sections.forEach((section, place) => {
      section.addEventListener("toggle", () => tellFilled(section));
      tellFilled(section);
      if (NARROW.matches && place && !section.querySelector(".has-error")) section.open = false;
    });
  }
  function reveal(hash) {
    const target = hash.length > 1 ? document.getElementById(decodeURIComponent(hash.slice(1))) : null;
    const section = target?.closest("details:not([open])");
    if (section) section.open = true;
    return section ? target : null;
  }
  document.addEventListener("click", (event) => {
    const link = event.target.closest('a[href^="#"]');
    if (link) reveal(link.hash);
  });

  // One menu open at a time, and none after a click elsewhere or Escape.
  function closeMenus(except) {
    for (const menu of document.querySelectorAll("details.account[open], details.confirm[open]")) {
      if (!menu.contains(except)) menu.open = false;
    }
  }
  document.addEventListener("click", (event) => closeMenus(event.target));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = document.activeElement?.closest("details.account[open], details.confirm[open]");
    closeMenus(null);
    open?.querySelector("summary")?.focus();
  });

  prepare(document);
  fold(document);
  reveal(location.hash)?.scrollIntoView();
  focusSummary(document);
})();
