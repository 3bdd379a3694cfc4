// Files: checked before they are sent, several at once, each with its progress. Without this script the form sends one.
"use strict";

(() => {
  const BUSY = new WeakSet(); // Forms that are sending.
  const FILES = new WeakMap(); // The file of each row.
  const MB = 1_000_000;

  // Checks of a file ------------------------------------------------------------------------------------------------

  function problemOf(file, field) {
    const endings = field.accept.split(",");
    if (!endings.some((ending) => file.name.toLowerCase().endsWith(ending))) return field.dataset.wrongType;
    if (file.size > Number(field.dataset.maxBytes)) return field.dataset.tooLarge;
    return file.size ? "" : field.dataset.empty;
  }

  function say(line, text) {
    line.hidden = !text;
    line.querySelector("span").textContent = text;
  }

  const sizeOf = (bytes) => (bytes < MB / 10 ? `${Math.max(1, Math.round(bytes / 1000))} kB` : `${(bytes / MB).toFixed(1)} MB`);

  // A field that is sent with its form: what the server would refuse is not kept in it.
  function checkSingle(field) {
    const line = document.getElementById(field.dataset.problem);
    const problem = field.files[0] ? problemOf(field.files[0], field) : "";
    if (line) say(line, problem);
    field.classList.toggle("is-invalid", Boolean(problem));
    if (problem) field.value = "";
  }

  // A queue of files ------------------------------------------------------------------------------------------------

  const rowsOf = (form) => [...form.querySelectorAll(".upload-row")];

  const isGoing = (row) => row.dataset.state === "sending" || row.dataset.state === "checking";

  function setState(row, state, text = row.closest("ul").dataset[state]) {
    row.dataset.state = state;
    row.querySelector("[data-state-text]").textContent = text ?? "";
    row.querySelector("progress").hidden = !isGoing(row);
    const button = row.querySelector("[data-take-off]");
    button.hidden = state === "done";
    button.firstElementChild.textContent = isGoing(row) ? button.dataset.callOff : button.dataset.takeOff;
  }

  function refuse(row, problem, again = false) {
    setState(row, again ? "waiting" : "refused", "");
    say(row.querySelector(".field-error"), problem);
  }

  // The id comes from the browser, so that a file that is sent again after a broken line is kept once.
  const newId = () => [...crypto.getRandomValues(new Uint8Array(8))].map((byte) => byte.toString(16).padStart(2, "0")).join("");

  function add(form, files) {
    const field = form.elements.file;
    const list = form.querySelector(".uploads");
    // What was said of the last attempt is over.
    for (const said of form.parentElement.querySelectorAll("#error-summary, #file-error")) said.remove();
    for (const file of files) {
      const row = form.querySelector("template").content.firstElementChild.cloneNode(true);
      FILES.set(row, file);
      row.dataset.id = newId();
      row.querySelector("[data-name]").textContent = file.name;
      row.querySelector("[data-size]").textContent = sizeOf(file.size);
      row.querySelector("[data-take-off]").append(Object.assign(document.createElement("span"), { className: "visually-hidden", textContent: file.name }));
      list.append(row);
      htmx.process(row);
      const taken = rowsOf(form).filter((other) => other.dataset.state !== "refused").length;
      const problem = problemOf(file, field) || (taken > Number(field.dataset.room) ? field.dataset.tooMany : "");
      if (problem) refuse(row, problem);
      else setState(row, "waiting");
    }
    field.value = "";
  }

  // What the server says of one file; null where nothing came back.
  function settle(form, row, answer) {
    const list = row.closest("ul");
    if (!answer) return refuse(row, list.dataset.lost, true);
    const target = answer.getResponseHeader("HX-Redirect");
    if (answer.status < 300 && target) return setState(row, "done");
    if (target) return refuse(row, list.dataset.signedOut, true);
    const page = new DOMParser().parseFromString(answer.responseText, "text/html");
    const told = page.querySelector("#file-error:not([hidden]) span, .alert span, .error-summary li")?.textContent.trim();
    refuse(row, told || list.dataset.failed, answer.status >= 500 || answer.status === 429);
  }

  function send(form, row) {
    setState(row, "sending");
    say(row.querySelector(".field-error"), "");
    const values = { file: FILES.get(row), attachment_id: row.dataset.id };
    return new Promise((done) => {
      const handler = (_element, { xhr }) => done(xhr);
      htmx.ajax("POST", form.action, { source: row, values, handler }).then(() => done(null), () => done(null));
    });
  }

  function setBusy(form, busy) {
    if (busy) BUSY.add(form);
    else BUSY.delete(form);
    if (busy) form.setAttribute("aria-busy", "true");
    else form.removeAttribute("aria-busy");
    form.querySelector("button[type=submit]").disabled = busy;
  }

  // One after the other: each is checked in turn by the server, too. Those added meanwhile follow.
  async function sendAll(form) {
    if (BUSY.has(form)) return;
    setBusy(form, true);
    const tried = new Set();
    const next = () => rowsOf(form).find((row) => row.dataset.state === "waiting" && !tried.has(row));
    for (let row = next(); row; row = next()) {
      tried.add(row);
      const answer = await send(form, row);
      if (row.isConnected) settle(form, row, answer);
    }
    setBusy(form, false);
    const rows = rowsOf(form);
    const done = rows.filter((row) => row.dataset.state === "done");
    if (done.length && done.length === rows.length) location.assign(form.dataset.done);
    else if (done.length && form.isConnected) await refresh(form, done);
  }

  // The list shows what is there now; rows that need somebody's attention stay.
  async function refresh(form, done) {
    for (const row of done) row.remove();
    await htmx.ajax("GET", form.action, { target: "#attachment-list", select: "#attachment-list", swap: "outerHTML" });
    const room = document.getElementById("attachment-list")?.dataset.room;
    if (room !== undefined) form.elements.file.dataset.room = room;
    form.querySelector(".upload-row .field-error:not([hidden])")?.scrollIntoView({ block: "nearest" });
  }

  function takeOff(row) {
    const form = row.closest("form");
    if (isGoing(row)) htmx.trigger(row, "htmx:abort");
    row.remove();
    form.elements.file.focus();
  }

  const queueOf = (element) => element?.closest?.("form[data-queue]");

  function prepare(root) {
    for (const form of root.querySelectorAll("form[data-queue]")) {
      form.classList.add("is-queue");
      form.elements.file.multiple = true;
    }
  }

  document.addEventListener("change", (event) => {
    const field = event.target;
    if (!field.matches("input[type=file][data-max-bytes]")) return;
    const form = queueOf(field);
    if (form) add(form, field.files);
    else checkSingle(field);
  });
  // Before htmx, which would send the fields of the form themselves.
  document.addEventListener(
    "submit",
    (event) => {
      const form = queueOf(event.target);
      if (!form || !rowsOf(form).length) return;
      event.preventDefault();
      event.stopImmediatePropagation();
      sendAll(form);
    },
    true,
  );
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-take-off]");
    if (button) takeOff(button.closest(".upload-row"));
  });

  document.addEventListener("htmx:xhr:progress", (event) => {
    const row = event.target.closest?.(".upload-row");
    if (!row || !event.detail.lengthComputable || row.dataset.state !== "sending") return;
    const { loaded, total } = event.detail;
    const share = Math.floor((100 * loaded) / total);
    row.querySelector("progress").value = share;
    if (loaded < total) row.querySelector("[data-state-text]").textContent = `${row.closest("ul").dataset.sending} ${share}%`;
    else setState(row, "checking");
  });

  // A file that misses the box does not replace the page.
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  for (const kind of ["dragover", "dragleave", "drop"]) {
    document.addEventListener(kind, (event) => {
      const all = document.querySelectorAll("form[data-queue]");
      if (!all.length || !carriesFiles(event)) return;
      const form = queueOf(event.target);
      for (const other of all) other.classList.toggle("is-over", kind === "dragover" && other === form);
      if (kind === "dragleave") return;
      event.preventDefault();
      if (kind === "drop" && form) add(form, event.dataTransfer.files);
    });
  }

  addEventListener("beforeunload", (event) => {
    for (const form of document.querySelectorAll("form[data-queue]")) if (BUSY.has(form)) event.preventDefault();
  });

  document.addEventListener("htmx:load", (event) => prepare(event.target));
  prepare(document);
})();
