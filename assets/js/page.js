// Sentences and addresses the server put into the page for the scripts, already translated.
const source = document.getElementById("page-texts");
const texts = source ? JSON.parse(source.textContent) : {};

export function text(name) {
  return texts[name] ?? "";
}

export function icon(name) {
  const sprite = document.querySelector('meta[name="icons"]')?.content ?? "";
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS("http://www.w3.org/2000/svg", "use");
  use.setAttribute("href", `${sprite}#${name}`);
  svg.append(use);
  return svg;
}
