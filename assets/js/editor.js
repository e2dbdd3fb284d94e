// The editor of templates and broadcasts: merge tags, pictures, line numbers, preview.
import htmx from "htmx.org";

const form = document.querySelector("form[data-editor]");

// --- Source text: the Tab key indents, Escape lets the next Tab leave, lines are numbered.
let leaving = false;

function number(area) {
  const gutter = area.parentElement.querySelector("[data-lines]");
  if (!gutter) return;
  const lines = area.value.split("\n").length;
  if (Number(gutter.dataset.lines) !== lines) {
    gutter.dataset.lines = lines;
    gutter.textContent = Array.from({ length: lines }, (_, index) => index + 1).join("\n");
  }
  gutter.scrollTop = area.scrollTop;
}

function put(field, text, from = field.selectionStart, to = field.selectionEnd) {
  field.focus();
  field.setSelectionRange(from, to);
  // The one way that keeps the browser's undo; where it is gone, the text comes in all the same.
  if (!document.execCommand("insertText", false, text)) {
    field.setRangeText(text, from, to, "end");
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }
}

for (const area of document.querySelectorAll("textarea[data-code]")) {
  number(area);
  area.addEventListener("input", () => number(area));
  area.addEventListener("scroll", () => number(area));
  area.addEventListener("keydown", (event) => {
    if (event.key === "Escape") leaving = true;
    else if (event.key === "Tab" && !event.shiftKey && !leaving && !area.readOnly) {
      event.preventDefault();
      put(area, "  ");
    } else if (event.key !== "Shift") leaving = false;
  });
}

function goToLine(line) {
  const area = form.querySelector("textarea[data-code]");
  const lines = area.value.split("\n");
  const start = lines.slice(0, line - 1).reduce((sum, text) => sum + text.length + 1, 0);
  area.focus();
  area.setSelectionRange(start, start + (lines[line - 1]?.length ?? 0));
  area.scrollLeft = 0;
  area.scrollTop = Math.max(0, (line - 4) * parseFloat(getComputedStyle(area).lineHeight));
}

// --- A file takes the place of the source: chosen, or dropped on it. One can undo it.
function decoded(bytes) {
  const [first, second] = bytes;
  if ((first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)) {
    return new TextDecoder(first === 0xff ? "utf-16le" : "utf-16be").decode(bytes);
  }
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return new TextDecoder("windows-1252").decode(bytes);
  }
}

function kindOf(name, text) {
  if (/\.mjml$/i.test(name) || /^\s*<mjml\b/i.test(text)) return "mjml";
  return /\.txt$/i.test(name) ? "text" : "html";
}

async function openFile(area, file) {
  const text = decoded(new Uint8Array(await file.arrayBuffer())).replace(/\r\n?/g, "\n");
  const kind = form.querySelector(`[name=kind][value=${kindOf(file.name, text)}]`);
  if (kind && !kind.checked) kind.click();
  put(area, text, 0, area.value.length);
  area.setSelectionRange(0, 0);
  area.scrollTop = 0;
}

for (const area of document.querySelectorAll("textarea[data-code]")) {
  area.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  area.addEventListener("drop", (event) => {
    const [file] = event.dataTransfer.files;
    if (!file || area.readOnly) return;
    event.preventDefault();
    openFile(area, file);
  });
}

form?.querySelector("[data-into-source]")?.addEventListener("change", ({ target: chooser }) => {
  const [file] = chooser.files;
  if (file) openFile(form.querySelector("textarea[data-code]"), file);
  chooser.value = "";
});

// --- Merge tags and pictures go where the cursor was.
let last = null;
form?.addEventListener("focusin", (event) => {
  if (event.target.matches("[data-mergeable]")) last = event.target;
});

function target(menu) {
  const own = menu && document.querySelector(menu);
  return own ?? last ?? form.querySelector("textarea[data-code]");
}

function picture(button) {
  const kind = form.querySelector("[name=kind]:checked")?.value;
  const alt = document.querySelector("[data-picture-alt]")?.value.replaceAll('"', "&quot;") ?? "";
  const { url, width } = button.dataset;
  const shown = Math.min(Number(width) || 600, 600);
  if (kind === "mjml") return `<mj-image src="${url}" alt="${alt}" width="${shown}px" />`;
  return kind === "text" ? url : `<img src="${url}" alt="${alt}" width="${shown}" style="max-width:100%;height:auto">`;
}

document.addEventListener("click", (event) => {
  const at = (selector) => event.target.closest?.(selector);
  if (at("[data-choose-file]")) document.querySelector(at("[data-choose-file]").dataset.chooseFile).click();
  else if (at("[data-line]")) goToLine(Number(at("[data-line]").dataset.line));
  else if (at("[data-insert]")) {
    const item = at("[data-insert]");
    item.closest("details.menu")?.removeAttribute("open");
    put(target(item.closest("[data-into]")?.dataset.into), item.dataset.insert);
  } else if (at("[data-picture]")) {
    at("dialog")?.close();
    put(form.querySelector("textarea[data-code]"), picture(at("[data-picture]")));
  } else if (at("[data-tick]")) {
    const box = document.querySelector(at("[data-tick]").dataset.tick);
    box.checked = true;
    box.dispatchEvent(new Event("input", { bubbles: true }));
  } else if (at("[data-overwrite]")) {
    form.querySelector("[name=version]").value = at("[data-overwrite]").dataset.overwrite;
    at(".note")?.remove();
    htmx.trigger(form, "autosave");
  } else if (at("[data-person]")) person(at("[data-person]"));
  else if (at("[data-look]")) look(at("[data-look]"));
});

// --- The preview: a new frame loads behind the shown one, so that nothing flickers.
const preview = document.querySelector("[data-preview]");

function refresh() {
  if (!preview) return;
  const shown = preview.querySelector("iframe:last-of-type");
  const url = new URL(preview.dataset.preview, location.href);
  url.searchParams.set("contact", preview.dataset.contact ?? "");
  url.searchParams.set("look", preview.classList.contains("preview-dark") ? "dark" : "light");
  url.searchParams.set("v", Date.now());
  const next = shown.cloneNode();
  next.classList.add("is-loading");
  next.src = url;
  next.addEventListener("load", () => {
    next.classList.remove("is-loading");
    for (const frame of preview.querySelectorAll("iframe")) if (frame !== next) frame.remove();
  });
  shown.before(next);
}

function person(button) {
  preview.dataset.contact = button.dataset.person;
  for (const field of document.querySelectorAll("[data-person-field]")) field.value = button.dataset.person;
  preview.querySelector("[data-person-name]").textContent = button.dataset.name;
  button.closest("details.menu")?.removeAttribute("open");
  // The answer brings the subject as this person reads it; then the frame follows.
  if (form?.hasAttribute("hx-post")) htmx.trigger(form, "autosave");
  else refresh();
}

function look(button) {
  const group = button.closest("[role=group]");
  for (const other of group.querySelectorAll("[data-look]")) other.setAttribute("aria-pressed", String(other === button));
  preview.classList.toggle("preview-phone", Boolean(preview.querySelector('[data-look="phone"][aria-pressed="true"]')));
  const dark = Boolean(preview.querySelector('[data-look="dark"][aria-pressed="true"]'));
  if (preview.classList.toggle("preview-dark", dark) || button.dataset.look === "light") refresh();
}

document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.elt === form && event.detail.xhr.status === 200) refresh();
});

// --- A link away from unsaved text saves it first and goes then.
document.addEventListener(
  "click",
  (event) => {
    const link = event.target.closest?.("a[href]");
    if (!form?.dataset.dirty || !form.hasAttribute("hx-post") || !link || link.target || event.ctrlKey || event.metaKey) return;
    if (link.origin !== location.origin || link.getAttribute("href").startsWith("#")) return;
    event.preventDefault();
    const go = (done) => {
      if (done.detail.elt !== form) return;
      document.removeEventListener("htmx:afterRequest", go);
      if (done.detail.xhr.status === 200) location.assign(link.href);
    };
    document.addEventListener("htmx:afterRequest", go);
    htmx.trigger(form, "autosave");
  },
  true,
);
