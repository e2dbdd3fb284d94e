// [data-until="ISO time"] counts the seconds down between the server's answers.
function tick() {
  for (const place of document.querySelectorAll("[data-until]")) {
    const left = Math.max(0, Math.ceil((Date.parse(place.dataset.until) - Date.now()) / 1000));
    const words = place.dataset.words?.replace("0", String(left));
    if (words && place.textContent !== words) place.textContent = words;
  }
}
setInterval(tick, 500);
