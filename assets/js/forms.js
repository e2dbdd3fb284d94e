// Forms: no double sending, autosave with its indicator, a warning before unsaved text is lost,
// and fields that send their form when changed.
import htmx from "htmx.org";

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.method !== "post" || form.hasAttribute("hx-post")) return;
  if (form.dataset.busy) event.preventDefault();
  form.dataset.busy = "yes";
  form.removeAttribute("data-dirty");
});
// A page that comes back from the browser's cache must be usable again.
addEventListener("pageshow", () => document.querySelectorAll("form[data-busy]").forEach((form) => delete form.dataset.busy));

document.addEventListener("change", (event) => {
  if (event.target.matches?.("[data-submit-on-change]")) event.target.form?.requestSubmit();
});

// <form data-autosave hx-post=… hx-trigger="autosave">, with <… data-saved> for the indicator.
const PAUSE = 900;
const waiting = new WeakMap();

document.addEventListener("input", (event) => {
  const form = event.target.form;
  if (!form?.matches?.("[data-autosave], [data-warn-unsaved]")) return;
  form.dataset.dirty = "yes";
  if (form.hasAttribute("data-autosave")) plan(form);
});

function plan(form) {
  show(form, "saving");
  clearTimeout(waiting.get(form));
  waiting.set(form, setTimeout(() => htmx.trigger(form, "autosave"), PAUSE));
}

document.addEventListener("htmx:afterRequest", (event) => {
  const form = event.detail.elt;
  if (!form.matches?.("[data-autosave]")) return;
  const { status } = event.detail.xhr;
  const saved = status >= 200 && status < 300;
  if (saved) delete form.dataset.dirty;
  show(form, saved ? "saved" : status === 409 ? "refused" : "failed");
});

// The indicator holds its sentences, translated: data-saving, data-saved-text, data-failed, data-refused.
function show(form, state) {
  const place = document.querySelector(form.dataset.autosave || "[data-saved]");
  if (!place) return;
  const sentences = { saving: place.dataset.saving, saved: place.dataset.savedText, failed: place.dataset.failed, refused: place.dataset.refused };
  const words = place.querySelector("[data-words]") ?? place;
  words.textContent = sentences[state] ?? "";
}

addEventListener("beforeunload", (event) => {
  if (document.querySelector("form[data-dirty]")) event.preventDefault();
});
