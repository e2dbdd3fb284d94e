// Menus and tabs. Menus are <details class="menu">: one open at a time, Escape and a click elsewhere close, arrows move.
document.addEventListener("click", (event) => {
  document.querySelectorAll("details.menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.removeAttribute("open");
  });
});

document.addEventListener("keydown", (event) => {
  const menu = event.target.closest?.("details.menu[open]");
  if (!menu) return;
  const items = [...menu.querySelectorAll(".menu-item")];
  const at = items.indexOf(document.activeElement);
  if (event.key === "Escape") {
    menu.removeAttribute("open");
    menu.querySelector("summary").focus();
  } else if (event.key === "ArrowDown") {
    event.preventDefault();
    items[(at + 1) % items.length]?.focus();
  } else if (event.key === "ArrowUp") {
    event.preventDefault();
    items[(at - 1 + items.length) % items.length]?.focus();
  }
});

// A table scrolls sideways, and what scrolls cuts off what stands out of it: there a menu floats.
document.addEventListener(
  "toggle",
  (event) => {
    const menu = event.target;
    if (menu.matches?.(".table-box details.menu[open]")) float(menu);
  },
  true,
);

function float(menu) {
  const items = menu.querySelector(".menu-items");
  const button = menu.getBoundingClientRect();
  const below = button.bottom + 4;
  const up = below + items.offsetHeight > innerHeight;
  Object.assign(items.style, {
    position: "fixed",
    inset: `${up ? Math.max(4, button.top - 4 - items.offsetHeight) : below}px ${document.documentElement.clientWidth - button.right}px auto auto`,
  });
  addEventListener("scroll", () => menu.removeAttribute("open"), { once: true, capture: true });
}

// Tabs that don't fit scroll sideways: the current one is in sight.
document.querySelectorAll(".tabs [aria-current]").forEach((tab) => {
  const row = tab.parentElement;
  row.scrollLeft = tab.offsetLeft - row.offsetLeft - (row.clientWidth - tab.offsetWidth) / 2;
});
