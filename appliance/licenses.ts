// Prints, as one JSON string for the build, the licence texts of what is compiled into the program: lbd itself, each package that it
// depends on at run time, and what is to be said of the runtime, whose package holds no text. A package without a text is an error.
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { npmPackage, runtimePackages } from "./npm.ts";

const ROOT = resolve(import.meta.dirname, "..");

const own = npmPackage(ROOT);
const sections = [
  section(`lbd ${own.version}`, textIn(ROOT)),
  ...[...runtimePackages(ROOT)].toSorted().map((name) => {
    const folder = join(ROOT, "node_modules", name);
    const { version, license } = npmPackage(folder);
    return section(`${name} ${version} (${license})`, textIn(folder));
  }),
  section(`bun ${npmPackage(join(ROOT, "node_modules", "bun")).version} (MIT), the runtime`, runtimeText()),
];
process.stdout.write(JSON.stringify(sections.join("\n")));

function textIn(folder: string): string {
  const names = readdirSync(folder).filter((name) => /^(licen[cs]e|copying|notice)(\.|$)/i.test(name));
  if (names.length === 0) throw new Error(`${folder} holds no licence text`);
  return names.map((name) => readFileSync(join(folder, name), "utf8").trim()).join("\n\n");
}

function section(title: string, text: string): string {
  return `${title}\n${"=".repeat(title.length)}\n\n${text}\n`;
}

function runtimeText(): string {
  const { version } = npmPackage(join(ROOT, "node_modules", "bun"));
  return [
    "Bun is under the MIT licence. It is linked with JavaScriptCore and WTF of WebKit, parts of which are under the GNU Library General",
    "Public License, version 2 or later, and with other libraries (BoringSSL, mimalloc, zlib, zstd, libarchive, lol-html, c-ares,",
    "uSockets and more) under licences of their own. All of them, with their texts and with how to link the program anew with another",
    `JavaScriptCore, are listed in https://github.com/oven-sh/bun/blob/bun-v${version}/LICENSE.md`,
    "and in the documents that it names. lbd uses the runtime as it is published, without changes.",
  ].join("\n");
}
