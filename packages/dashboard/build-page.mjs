// Bundles the page (ui/) into page/files.ts: strings that the server sends as they are, so that it needs no files at run time.
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LIMIT = 60 * 1024;
const here = dirname(fileURLToPath(import.meta.url));
const ui = join(here, "ui");
const page = join(here, "page");

const result = await build({
  entryPoints: { script: join(ui, "app.tsx"), style: join(ui, "style.css") },
  absWorkingDir: here,
  outdir: page,
  write: false,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  charset: "utf8",
  logLevel: "warning",
});

/** @param {string} ending */
function output(ending) {
  const file = result.outputFiles.find(({ path }) => path.endsWith(ending));
  if (!file) throw new Error(`esbuild made no ${ending}`);
  return file.text.trim();
}

const files = {
  script: output(".js"),
  style: output(".css"),
  icon: readFileSync(join(ui, "icon.svg"), "utf8").trim(),
};

let total = 0;
const lines = ["// Made by build-page.mjs from ui/.", "export const pageFiles = {"];
for (const [name, text] of Object.entries(files)) {
  const size = gzipSync(text, { level: 9 }).length;
  total += size;
  lines.push(`  ${name}: ${JSON.stringify(text)},`);
  lines.push(`  ${name}Hash: "${createHash("sha256").update(text).digest("hex").slice(0, 16)}",`);
  console.log(`${name.padEnd(6)} ${kb(Buffer.byteLength(text))}, ${kb(size)} gzip`);
}
lines.push("} as const;", "");
console.log(`all    ${kb(total)} gzip of ${kb(LIMIT)}`);
if (total > LIMIT) {
  console.error(`The page is too large: ${kb(total)} gzip, ${kb(LIMIT)} are allowed.`);
  process.exit(1);
}
mkdirSync(page, { recursive: true });
writeFileSync(join(page, "files.ts"), lines.join("\n"));

/** @param {number} bytes */
function kb(bytes) {
  return `${(bytes / 1024).toFixed(1)} KB`;
}
