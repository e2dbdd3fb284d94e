// Notices at the foot of the page: from the server, or made here.
import { icon, text } from "./page.js";

const ICONS = { success: "circle-check", info: "info", warning: "triangle-alert", error: "circle-alert" };
const STAY = 8000;

export function notify(message, kind = "info") {
  const place = document.getElementById("notices");
  if (!place) return;
  const notice = document.createElement("div");
  notice.className = `notice notice-${kind}`;
  notice.dataset.notice = kind;
  const words = document.createElement("span");
  words.className = "notice-text";
  words.textContent = message;
  const close = document.createElement("button");
  close.type = "button";
  close.className = "button button-quiet button-icon button-small";
  close.dataset.dismiss = "";
  close.setAttribute("aria-label", text("dismiss"));
  close.append(icon("x"));
  notice.append(icon(ICONS[kind] ?? "info"), words, close);
  place.append(notice);
}

// Good news leaves by itself, unless the pointer or the focus is on it; bad news stays.
function leave(notice) {
  if (notice.dataset.timed || ["error", "warning"].includes(notice.dataset.notice)) return;
  notice.dataset.timed = "yes";
  const wait = () => setTimeout(() => (notice.matches(":hover, :focus-within") ? wait() : notice.remove()), STAY);
  wait();
}

const place = document.getElementById("notices");
if (place) {
  const all = () => place.querySelectorAll("[data-notice]").forEach(leave);
  new MutationObserver(all).observe(place, { childList: true });
  all();
}

document.addEventListener("click", (event) => {
  event.target.closest?.("[data-dismiss]")?.closest("[data-notice]")?.remove();
});
