// The chart library is loaded only where a page has a chart.
async function load() {
  if (!document.querySelector("[data-chart]")) return;
  const { drawAll } = await import("./charts.js");
  drawAll();
}

load();
document.addEventListener("htmx:afterSettle", load);
