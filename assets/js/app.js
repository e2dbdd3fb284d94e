// Everything signed-in pages do in the browser; pages work without it except where noted.
import "./requests.js";
import "./dialogs.js";
import "./notices.js";
import "./menus.js";
import "./theme.js";
import "./copy.js";
import "./forms.js";
import "./keyboard.js";
import "./charts_on_demand.js";
import "./report.js";
import "./countdown.js";
import "./editor.js";
import Alpine from "@alpinejs/csp";
import { dropzone, selection, switcher } from "./components.js";

Alpine.data("dropzone", dropzone);
Alpine.data("selection", selection);
Alpine.data("switcher", switcher);
Alpine.start();
