// Keys: `/` search, `?` help, `g` and a letter for a page, Ctrl/⌘ K for the palette.
const PAUSE = 1200;
let went = 0;

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    openPalette();
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey || busy(event.target)) return;
  if (event.key === "/") press(event, () => document.querySelector("[data-search]")?.focus());
  else if (event.key === "?") press(event, () => document.getElementById("shortcuts")?.showModal());
  else if (event.key === "g") went = Date.now();
  else if (Date.now() - went < PAUSE) {
    went = 0;
    document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`)?.click();
  }
});

function busy(target) {
  return target.matches?.("input, textarea, select, [contenteditable]") || document.querySelector("dialog[open]");
}

function press(event, act) {
  event.preventDefault();
  act();
}

// The palette offers every link and button marked [data-command] or [data-key] on the page.
const palette = document.getElementById("palette");
const field = palette?.querySelector("input");
const place = palette?.querySelector("[role=listbox]");
let at = 0;

function openPalette() {
  if (!palette || palette.open) return;
  field.value = "";
  fill();
  palette.showModal();
  field.focus();
}

function commands() {
  const seen = new Set();
  return [...document.querySelectorAll("[data-key], [data-command]")].filter((element) => {
    const name = label(element);
    if (!name || seen.has(name)) return false;
    seen.add(name);
    return true;
  });
}

function label(element) {
  return (element.dataset.command || element.textContent).trim().replace(/\s+/g, " ");
}

function fill() {
  const words = field.value.trim().toLowerCase();
  const found = commands().filter((element) => label(element).toLowerCase().includes(words));
  at = 0;
  place.replaceChildren(...found.map(option));
  palette.querySelector("[data-none]").hidden = found.length > 0;
  select(0);
}

function option(element, index) {
  const item = document.createElement("div");
  item.className = "menu-item";
  item.id = `palette-${index}`;
  item.setAttribute("role", "option");
  const icon = element.querySelector("svg")?.cloneNode(true);
  if (icon) item.append(icon);
  item.append(label(element));
  item.addEventListener("click", () => {
    palette.close();
    element.click();
  });
  return item;
}

function select(index) {
  const items = [...place.children];
  if (!items.length) return;
  at = (index + items.length) % items.length;
  items.forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
  field.setAttribute("aria-activedescendant", items[at].id);
  items[at].scrollIntoView({ block: "nearest" });
}

field?.addEventListener("input", fill);
field?.addEventListener("keydown", (event) => {
  if (event.key === "ArrowDown") press(event, () => select(at + 1));
  else if (event.key === "ArrowUp") press(event, () => select(at - 1));
  else if (event.key === "Enter") press(event, () => place.children[at]?.click());
});
document.addEventListener("click", (event) => {
  if (event.target.closest?.("[data-open-palette]")) openPalette();
});
