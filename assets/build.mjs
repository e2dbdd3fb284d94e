// Bundles the front end into ../var/assets (or --out DIR) under names that carry a hash of the
// content, and writes manifest.json, which the server reads to find them.
import { build, context } from "esbuild";
import { createHash } from "node:crypto";
import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const option = process.argv.indexOf("--out");
const out = option > 0 ? resolve(process.argv[option + 1]) : resolve(here, "../var/assets");
const watch = process.argv.includes("--watch");

const entries = ["js/app.js", "css/app.css", "css/public.css"];

async function hashed(name, text) {
  const hash = createHash("sha256").update(text).digest("hex").slice(0, 8).toUpperCase();
  const [stem, ending] = [name.replace(/\.[^.]+$/, ""), name.split(".").pop()];
  const file = `${stem}-${hash}.${ending}`;
  await writeFile(join(out, file), text);
  return file;
}

async function sprite() {
  const list = await readFile(join(here, "icons.txt"), "utf8");
  const names = list.split("\n").map((line) => line.trim()).filter((line) => line && !line.startsWith("#"));
  const symbols = [];
  for (const name of names) {
    const svg = await readFile(join(here, "node_modules/lucide-static/icons", `${name}.svg`), "utf8");
    const body = svg.replace(/<!--[\s\S]*?-->/g, "").replace(/^[\s\S]*?<svg[^>]*>/, "").replace(/<\/svg>\s*$/, "");
    symbols.push(
      `<symbol id="${name}" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="1.75" ` +
        `stroke-linecap="round" stroke-linejoin="round">${body.replace(/\s+/g, " ").trim()}</symbol>`,
    );
  }
  // The licence of the icons asks for its notice beside them.
  const notice = "<!-- Icons: Lucide, ISC licence, https://lucide.dev/license -->";
  return `<svg xmlns="http://www.w3.org/2000/svg">${notice}${symbols.join("")}</svg>\n`;
}

async function manifest(metafile) {
  const names = {};
  for (const [path, output] of Object.entries(metafile.outputs)) {
    const source = output.entryPoint && relative(here, resolve(here, output.entryPoint));
    if (entries.includes(source)) names[basename(source)] = relative(out, resolve(here, path));
  }
  names["icons.svg"] = await hashed("icons.svg", await sprite());
  names["favicon.svg"] = await hashed("favicon.svg", await readFile(join(here, "favicon.svg"), "utf8"));
  await writeFile(join(out, "manifest.json"), `${JSON.stringify(names, null, 2)}\n`);
  const keep = new Set([...Object.keys(metafile.outputs).map((path) => basename(path)), ...Object.values(names), "manifest.json"]);
  for (const file of await readdir(out)) if (!keep.has(file)) await rm(join(out, file));
}

const writesManifest = {
  name: "manifest",
  setup(build) {
    build.onEnd(async (result) => {
      if (result.metafile) await manifest(result.metafile);
    });
  },
};

const options = {
  absWorkingDir: here,
  entryPoints: entries.map((entry) => ({ in: entry, out: basename(entry).replace(/\.[^.]+$/, "") })),
  outdir: out,
  bundle: true,
  splitting: true,
  format: "esm",
  minify: !watch,
  metafile: true,
  legalComments: "linked",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  loader: { ".woff2": "file" },
  target: ["chrome123", "firefox120", "safari17.5"],
  logLevel: "warning",
  plugins: [writesManifest],
};

await mkdir(out, { recursive: true });
if (watch) {
  const running = await context(options);
  await running.watch();
} else {
  await build(options);
}
