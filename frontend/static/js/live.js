// A line that renews itself when the server says that it has changed. Without this script it does when the page is loaded.
"use strict";

(() => {
  const SOURCES = new WeakMap();
  const PAUSE = 400; // Milliseconds in which several events make one request.

  function watch(line) {
    if (SOURCES.has(line) || !("EventSource" in window)) return;
    const source = new EventSource(line.dataset.live);
    SOURCES.set(line, source);
    let waiting = 0;
    source.addEventListener("changed", () => {
      if (!line.isConnected) return source.close();
      clearTimeout(waiting);
      waiting = setTimeout(() => htmx.ajax("GET", line.dataset.line, { target: line, swap: "innerHTML" }), PAUSE);
    });
    // The viewer may not read it any more, or is signed out: the page says so when it is loaded again.
    source.addEventListener("over", () => source.close());
    addEventListener("pagehide", () => source.close(), { once: true });
  }

  const prepare = (root) => root.querySelectorAll("[data-live]").forEach(watch);
  document.addEventListener("htmx:load", (event) => prepare(event.target));
  addEventListener("pageshow", (event) => event.persisted && location.reload());
  prepare(document);
})();
