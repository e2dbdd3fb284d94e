// [data-copy="#id"] copies the value or text of that element, [data-copy-text="…"] those words.
import { notify } from "./notices.js";
import { text } from "./page.js";

document.addEventListener("click", async (event) => {
  const button = event.target.closest?.("[data-copy], [data-copy-text]");
  if (!button) return;
  const source = button.dataset.copy && document.querySelector(button.dataset.copy);
  const words = button.dataset.copyText ?? source?.value ?? source?.textContent ?? "";
  try {
    await navigator.clipboard.writeText(words);
    notify(text("copied"), "success");
  } catch {
    // No permission, or a page over plain HTTP: select it, so that the person can copy.
    if (source instanceof HTMLInputElement || source instanceof HTMLTextAreaElement) source.select();
    else if (source) getSelection()?.selectAllChildren(source);
  }
});
