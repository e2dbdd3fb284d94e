// Draws [data-chart="#id"]: that element is a <script type="application/json"> with
// {kind: "line" | "bar", labels: [...], series: [{name, values: [...]}], stacked?: bool, percent?: bool}.
// The same numbers stand in a table beside it, so a chart is decoration for a screen reader.
import { BarChart, LineChart } from "echarts/charts";
import { GridComponent, LegendComponent, TooltipComponent } from "echarts/components";
import { init, use } from "echarts/core";
// The canvas renderer sets no style attributes, which the strict policy would refuse.
import { CanvasRenderer } from "echarts/renderers";

use([BarChart, LineChart, GridComponent, LegendComponent, TooltipComponent, CanvasRenderer]);

const drawn = new Map();
const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
const language = document.documentElement.lang || "en";

export function drawAll() {
  for (const [place, chart] of drawn) {
    if (place.isConnected) continue;
    chart.dispose();
    drawn.delete(place);
  }
  document.querySelectorAll("[data-chart]").forEach(draw);
}

function draw(place) {
  const data = JSON.parse(document.querySelector(place.dataset.chart).textContent);
  let chart = drawn.get(place);
  if (!chart) {
    chart = init(place, null, { renderer: "canvas" });
    drawn.set(place, chart);
    new ResizeObserver(() => chart.resize()).observe(place);
  }
  chart.setOption(options(place, data), true);
}

// A custom property may hold light-dark(), which only an element's own colour resolves.
function colour(place, name) {
  const before = place.style.color;
  place.style.color = `var(--${name})`;
  const value = getComputedStyle(place).color;
  place.style.color = before;
  return value;
}

function options(place, data) {
  const soft = colour(place, "text-soft");
  const line = colour(place, "line");
  const raised = colour(place, "raised");
  const colours = ["chart-1", "chart-2", "chart-3", "chart-4"].map((name) => colour(place, name));
  const number = new Intl.NumberFormat(language, data.percent ? { style: "percent", maximumFractionDigits: 1 } : {});
  const text = { color: soft, fontFamily: getComputedStyle(place).fontFamily, fontSize: 12 };
  const many = data.series.length > 1;
  return {
    animation: !still,
    animationDuration: 300,
    color: colours,
    textStyle: text,
    grid: { left: 4, right: 12, top: many ? 40 : 12, bottom: 4, containLabel: true },
    legend: many ? { top: 0, left: 0, icon: "roundRect", itemWidth: 10, itemHeight: 10, textStyle: text } : undefined,
    tooltip: {
      trigger: "axis",
      renderMode: "richText",
      backgroundColor: raised,
      borderColor: line,
      borderWidth: 1,
      padding: 10,
      textStyle: { ...text, color: colour(place, "text") },
      valueFormatter: (value) => number.format(value),
    },
    xAxis: {
      type: "category",
      data: data.labels,
      boundaryGap: data.kind === "bar",
      axisLine: { lineStyle: { color: line } },
      axisTick: { show: false },
      axisLabel: { ...text, hideOverlap: true, ...(data.kind === "line" && { alignMinLabel: "left", alignMaxLabel: "right" }) },
    },
    yAxis: {
      type: "value",
      minInterval: data.percent ? undefined : 1,
      splitNumber: 4,
      splitLine: { lineStyle: { color: line } },
      axisLabel: { ...text, formatter: (value) => number.format(value) },
    },
    series: data.series.map((row) => series(row, data)),
  };
}

function series(row, data) {
  const common = { name: row.name, data: row.values, stack: data.stacked ? "all" : undefined };
  if (data.kind === "bar") return { ...common, type: "bar", barMaxWidth: 28, itemStyle: { borderRadius: [3, 3, 0, 0] } };
  return { ...common, type: "line", showSymbol: false, symbolSize: 7, lineStyle: { width: 2 }, smooth: 0.15, areaStyle: { opacity: 0.07 } };
}

const redraw = () => document.querySelectorAll("[data-chart]").forEach(draw);
document.addEventListener("theme:changed", redraw);
// Paper is light, whatever the screen is.
matchMedia("print").addEventListener("change", redraw);
