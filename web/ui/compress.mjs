// Leaves a .br and a .gz beside each built file that they make smaller, prints
// what a first view weighs, and refuses a build whose first view is too heavy.
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";

const most = 160_000; // bytes of the first view, as gzip: what every browser takes
const dist = new URL("../dist/", import.meta.url);
const names = readdirSync(dist, { recursive: true }).filter((n) => /\.(html|js|css|svg)$/.test(n));
const size = {};
for (const name of names) {
  const file = new URL(name, dist), body = readFileSync(file);
  const packed = { br: brotliCompressSync(body, { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } }), gz: gzipSync(body, { level: 9 }) };
  size[name] = { plain: body.length, br: packed.br.length, gz: packed.gz.length };
  for (const [ending, bytes] of Object.entries(packed)) {
    const out = new URL(`${name}.${ending}`, dist);
    if (bytes.length < body.length) writeFileSync(out, bytes); else rmSync(out, { force: true });
  }
}
// The first view: the page, what it names, and the overview's own part with what that imports.
const html = readFileSync(new URL("index.html", dist), "utf8"), first = new Set(["index.html", "favicon.svg"]);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist), "utf8"));
for (const name of names) if (html.includes(name)) first.add(name);
const take = (key) => {
  const part = manifest[key];
  if (!part || part.seen) return;
  part.seen = true;
  for (const f of [part.file, ...(part.css ?? [])]) first.add(f);
  part.imports?.forEach(take);
};
take("index.html");
take("src/pages/Overview.tsx");
rmSync(new URL(".vite", dist), { recursive: true });
const sum = (list, k) => [...list].reduce((n, name) => n + size[name][k], 0);
const kB = (n) => (n / 1000).toFixed(1) + " kB";
const line = (what, list) => console.log(`${what}: ${kB(sum(list, "plain"))}, gzip ${kB(sum(list, "gz"))}, brotli ${kB(sum(list, "br"))}`);
line("first view", first);
line("all pages ", names);
if (sum(first, "gz") > most) {
  console.error(`the first view is more than ${kB(most)} as gzip: load less at once, or import less`);
  process.exit(1);
}
