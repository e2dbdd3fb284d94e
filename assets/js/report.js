// Definitions beside figures: Escape puts one away until pointer and focus have left it. And paper.
for (const name of ["keydown", "pointerout", "focusout", "click"]) document.addEventListener(name, listen);

function listen(event) {
  if (event.type === "click") {
    if (event.target.closest?.("[data-print]")) print();
  } else if (event.type !== "keydown") {
    event.target.closest?.(".tip")?.removeAttribute("data-away");
  } else if (event.key === "Escape") {
    document.querySelectorAll(".tip:is(:hover, :focus)").forEach((tip) => tip.setAttribute("data-away", ""));
  }
}
