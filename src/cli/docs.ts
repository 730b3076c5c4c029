// CLI: `lbd docs`: the reference manual, the table of compatibility and the manual pages, printed or written into a folder.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import { messageOf } from "../base/errors.ts";
import { compatibilityTable, referenceManual } from "../config/manual.ts";
import { outerSurface } from "./compat-cli.ts";
import { configurationPage, programPage } from "./manual-pages.ts";
import { print, writeError } from "./output.ts";
import type { OfferedCommand } from "./surface.ts";
import { complainUsage } from "./terminal.ts";

const DOCS_EXIT = { failed: 1, usage: 2 } as const;

/** The texts of docs/, by their name. */
export const DOCUMENTS = {
  reference: { file: "reference.md", text: referenceManual },
  compat: { file: "compat.md", text: compatibilityTable },
  "compat-cli": { file: "compat-cli.md", text: outerSurface },
} as const;

/** Manual pages, which packages hold. */
const PAGES: Readonly<Record<string, (surface: readonly OfferedCommand[]) => string>> = {
  "lbd.8": programPage,
  "lbd.conf.5": configurationPage,
};

/** @param surface what the command line offers, all commands of it */
export const docsCommandOf = (surface: () => Promise<readonly OfferedCommand[]>) =>
  defineCommand({
    meta: { name: "lbd docs", description: "The reference of all keywords, and how far each is effective" },
    args: {
      name: {
        type: "positional",
        required: false,
        description: "Which; all three manuals without",
        valueHint: "reference|compat|compat-cli|lbd.8|lbd.conf.5",
      },
      write: { type: "string", description: "Write the files into this folder instead of printing", valueHint: "DIR" },
    },
    run: async ({ args }) => {
      const names = args.name === undefined ? Object.keys(DOCUMENTS) : [args.name];
      for (const name of names) {
        const document = await documentOf(name, surface);
        if (!document)
          complainUsage(
            `there is no document ${name}`,
            DOCS_EXIT.usage,
            [...Object.keys(DOCUMENTS), ...Object.keys(PAGES)],
            "lbd docs",
          );
        else if (args.write === undefined) print(document.text);
        else writeDocument(args.write, document.file, document.text);
      }
    },
  });

async function documentOf(
  name: string,
  surface: () => Promise<readonly OfferedCommand[]>,
): Promise<{ readonly file: string; readonly text: string } | undefined> {
  if (name === "reference" || name === "compat" || name === "compat-cli")
    return { file: DOCUMENTS[name].file, text: DOCUMENTS[name].text() };
  const page = Object.hasOwn(PAGES, name) ? PAGES[name] : undefined;
  return page && { file: name, text: page(await surface()) };
}

function writeDocument(folder: string, file: string, text: string): void {
  const path = join(folder, file);
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(path, text);
  } catch (error) {
    writeError(`lbd docs: can't write ${path}: ${messageOf(error)}\n`);
    process.exitCode = DOCS_EXIT.failed;
  }
}
