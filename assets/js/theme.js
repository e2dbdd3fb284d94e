// Light, dark or as the device: shown at once, kept in a cookie so that the server renders it.
const YEAR = 31536000;

document.addEventListener("click", (event) => {
  const choice = event.target.closest?.("[data-theme-choice]")?.dataset.themeChoice;
  if (!choice) return;
  const secure = location.protocol === "https:" ? "; Secure" : "";
  document.cookie = `theme=${choice}; Path=/; Max-Age=${YEAR}; SameSite=Lax${secure}`;
  document.documentElement.dataset.theme = choice;
  mark(choice);
  document.dispatchEvent(new CustomEvent("theme:changed"));
});

function mark(choice) {
  document.querySelectorAll("[data-theme-choice]").forEach((button) => {
    button.setAttribute("aria-pressed", String(button.dataset.themeChoice === choice));
  });
}

mark(document.documentElement.dataset.theme || "auto");
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () =>
  document.dispatchEvent(new CustomEvent("theme:changed")),
);
