// Dialogs: [data-open="#id"] opens, [data-close] closes, a click beside one closes it.
document.addEventListener("click", (event) => {
  const opener = event.target.closest?.("[data-open]");
  if (opener) {
    const dialog = document.querySelector(opener.dataset.open);
    if (dialog instanceof HTMLDialogElement && !dialog.open) {
      event.preventDefault();
      opener.closest("details.menu")?.removeAttribute("open");
      dialog.showModal();
    }
    return;
  }
  if (event.target.closest?.("[data-close]")) event.target.closest("dialog")?.close();
  else if (event.target instanceof HTMLDialogElement && event.target.open) closeBeside(event);
});

function closeBeside(event) {
  const box = event.target.getBoundingClientRect();
  const inside =
    event.clientX >= box.left && event.clientX <= box.right && event.clientY >= box.top && event.clientY <= box.bottom;
  if (!inside) event.target.close();
}

// A page that came back with errors in a dialog shows it again.
document.querySelectorAll("dialog[data-open-now]").forEach((dialog) => dialog.showModal());
