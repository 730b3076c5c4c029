// CLI: `lbd docs`: the reference manual and the table of compatibility, printed or written into a folder.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineCommand } from "citty";
import { messageOf } from "../base/errors.ts";
import { compatibilityTable, referenceManual } from "../config/manual.ts";
import { print, writeError } from "./output.ts";
import { complainUsage } from "./terminal.ts";

const DOCS_EXIT = { failed: 1, usage: 2 } as const;

/** The two texts by the name of their file in docs/. */
export const DOCUMENTS = {
  reference: { file: "reference.md", text: referenceManual },
  compat: { file: "compat.md", text: compatibilityTable },
} as const;

export const docsCommand = defineCommand({
  meta: { name: "lbd docs", description: "The reference of all keywords, and how far each is effective" },
  args: {
    name: { type: "positional", required: false, description: "reference or compat; both without", valueHint: "NAME" },
    write: { type: "string", description: "Write the files into this folder instead of printing", valueHint: "DIR" },
  },
  run: ({ args }) => {
    const names = args.name === undefined ? Object.keys(DOCUMENTS) : [args.name];
    for (const name of names) {
      const document = name === "reference" || name === "compat" ? DOCUMENTS[name] : undefined;
      if (!document) complainUsage(`there is no document ${name}`, DOCS_EXIT.usage, Object.keys(DOCUMENTS), "lbd docs");
      else if (args.write === undefined) print(document.text());
      else writeDocument(args.write, document.file, document.text());
    }
  },
});

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
