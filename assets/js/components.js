// The Alpine components the macros use; expressions in templates are names only (strict policy).

// A file field that takes a dropped file and shows its name.
export function dropzone() {
  return {
    name: "",
    over: false,
    choose() {
      this.name = this.$refs.file.files[0]?.name ?? "";
    },
    enter() {
      this.over = true;
    },
    leave() {
      this.over = false;
    },
    drop(event) {
      this.over = false;
      if (event.dataTransfer?.files.length) {
        this.$refs.file.files = event.dataTransfer.files;
        this.choose();
        this.$refs.file.dispatchEvent(new Event("change", { bubbles: true }));
      }
    },
    get state() {
      return this.over ? "is-over" : "";
    },
  };
}

// Rows with a checkbox [data-row], one box for all of them, and a bar of actions while any is ticked.
export function selection() {
  return {
    count: 0,
    init() {
      this.recount();
    },
    boxes() {
      return [...this.$root.querySelectorAll("input[data-row]")];
    },
    recount() {
      this.count = this.boxes().filter((box) => box.checked).length;
      const all = this.$root.querySelector("input[data-all]");
      if (all) {
        all.checked = this.count > 0 && this.count === this.boxes().length;
        all.indeterminate = this.count > 0 && !all.checked;
      }
    },
    toggleAll(event) {
      for (const box of this.boxes()) box.checked = event.target.checked;
      this.recount();
    },
    get any() {
      return this.count > 0;
    },
  };
}

// Tabs over panels that are already on the page: buttons [data-panel="id"].
export function switcher() {
  return {
    init() {
      const tabs = this.tabs();
      this.show(tabs.find((tab) => tab.getAttribute("aria-selected") === "true") ?? tabs[0]);
    },
    tabs() {
      return [...this.$root.querySelectorAll("[role=tab]")];
    },
    pick(event) {
      this.show(event.target.closest("[role=tab]"));
    },
    move(event) {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      const tabs = this.tabs();
      const next = tabs[(tabs.indexOf(document.activeElement) + step + tabs.length) % tabs.length];
      this.show(next);
      next.focus();
    },
    show(chosen) {
      for (const tab of this.tabs()) {
        const here = tab === chosen;
        tab.setAttribute("aria-selected", String(here));
        tab.tabIndex = here ? 0 : -1;
        const panel = document.getElementById(tab.getAttribute("aria-controls"));
        if (panel) panel.hidden = !here;
      }
    },
  };
}
