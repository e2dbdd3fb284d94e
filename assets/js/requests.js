// htmx: the CSRF header on every request, and what happens when one fails.
import htmx from "htmx.org";
import { notify } from "./notices.js";
import { text } from "./page.js";

// Set here and not in the meta tag alone: the bundle runs after the document is parsed, and a page
// without the tag must still not inject styles or evaluate code under the strict policy.
Object.assign(htmx.config, {
  includeIndicatorStyles: false,
  allowEval: false,
  allowScriptTags: false,
  selfRequestsOnly: true,
  // Without "style", which the policy would refuse to be set as an attribute.
  attributesToSettle: ["class", "width", "height"],
  historyCacheSize: 0,
  refreshOnHistoryMiss: true,
  scrollBehavior: "auto",
});

document.addEventListener("htmx:configRequest", (event) => {
  const token = document.querySelector('meta[name="csrf-token"]')?.content;
  if (token && event.detail.verb !== "get") event.detail.headers["X-CSRFToken"] = token;
});

// A form with errors (422) is shown in its place; other failures are shown when the server says
// where (HX-Retarget), else as a notice.
document.addEventListener("htmx:beforeSwap", (event) => {
  const { xhr } = event.detail;
  if (xhr.status < 400) return;
  if (xhr.status === 422 || xhr.getResponseHeader("HX-Retarget")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
});
document.addEventListener("htmx:responseError", () => notify(text("failed"), "error"));
document.addEventListener("htmx:sendError", () => notify(text("offline"), "error"));
document.addEventListener("htmx:timeout", () => notify(text("offline"), "error"));
