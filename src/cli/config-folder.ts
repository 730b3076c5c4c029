// CLI: `lbd config get DIR` and `lbd config put DIR`: the configuration folder of an appliance on a laptop and back. The machine judges what it is
// given, and takes a folder whole or not at all. Private keys never leave it: what stays there is named.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { defineCommand } from "citty";
import * as v from "valibot";
import { messageOf } from "../base/errors.ts";
import { escapeControls } from "../base/log.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import { readFiles } from "../process/appliance/configuration.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { type AskError, ask } from "./client.ts";
import { print, writeError } from "./output.ts";
import { type Peer, REMOTE_ARGS } from "./peer.ts";
import { askFor } from "./status-query.ts";
import { complain } from "./terminal.ts";
import { withAppliance } from "./with-peer.ts";

const PATH = "/v1/appliance/config";
const MAX_PARTS = 16;

const Body = v.union([v.string(), v.object({ base64: v.string() }), v.object({ keep: v.literal(true) })]);
const Part = v.object({ name: v.string(), from: v.string(), reason: v.exactOptional(v.string()) });
const Held = v.object({ tag: v.string(), parts: v.array(Part), files: v.record(v.string(), Body) });
const Diagnostic = v.object({
  severity: v.string(),
  code: v.string(),
  file: v.string(),
  line: v.number(),
  column: v.number(),
  message: v.string(),
  hint: v.nullable(v.string()),
});
const Judged = v.object({ tag: v.string(), diagnostics: v.array(Diagnostic), parts: v.exactOptional(v.array(Part)) });
const Refused = v.object({ code: v.string(), detail: v.string(), diagnostics: v.exactOptional(v.array(Diagnostic)) });

export const configGetCommand = defineCommand({
  meta: {
    name: "lbd config get",
    description: "Write the configuration folder that an appliance has to a new folder; private keys stay there",
  },
  args: {
    dir: { type: "positional", required: true, description: "A folder that is empty or not there", valueHint: "DIR" },
    ...REMOTE_ARGS,
  },
  run: ({ args }) => {
    if (existsSync(args.dir) && readdirSync(args.dir).length > 0)
      return complain(`${args.dir} is not empty: nothing was written`, ASK_EXIT.usage);
    return withAppliance(args, async (peer) => {
      const held = await askFor((path) => ask(peer, path), PATH, Held);
      if (!held.ok) return complain(held.error.message, held.error.exit);
      try {
        for (const [name, body] of Object.entries(held.value.files)) keep(args.dir, name, body);
      } catch (error) {
        return complain(messageOf(error), ASK_EXIT.failed);
      }
      tellParts(held.value.parts);
    });
  },
});

function keep(dir: string, name: string, body: v.InferOutput<typeof Body>): void {
  if (!isBelow(name)) throw new Error(`the machine has a file ${JSON.stringify(name)}: it is not written`);
  if (typeof body === "object" && "keep" in body) {
    writeError(`stays on the machine: ${escapeControls(name)}\n`);
    return;
  }
  const path = join(dir, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof body === "string" ? body : Buffer.from(body.base64, "base64"), { mode: 0o600 });
}

/** What another machine says is a name never leads out of the folder. */
function isBelow(name: string): boolean {
  const parts = name.split("/");
  return parts.length <= MAX_PARTS && parts.every((part) => !["", ".", ".."].includes(part) && !/[\\\0]/.test(part));
}

export const configPutCommand = defineCommand({
  meta: {
    name: "lbd config put",
    description:
      "Replace the configuration folder of an appliance, and put it into force; exit 1 when it was refused, and nothing is changed",
  },
  args: {
    dir: { type: "positional", required: true, description: "The folder", valueHint: "DIR" },
    check: { type: "boolean", description: "Only have it judged" },
    force: { type: "boolean", description: "Also one with errors: what can't be used of it is the last good one" },
    ...REMOTE_ARGS,
  },
  run: ({ args }) => {
    const files = readLocal(args.dir);
    if (!files.ok) return complain(files.error.message, files.error.exit);
    return withAppliance(args, async (peer) => {
      const held = await askFor((path) => ask(peer, path), PATH, Held);
      if (!held.ok) return complain(held.error.message, held.error.exit);
      const kept = keysOf(held.value.files).filter((name) => !(name in files.value));
      const body = { files: { ...files.value, ...Object.fromEntries(kept.map((name) => [name, { keep: true }])) } };
      const query = args.check ? "?check=true" : args.force ? "?force=true" : "";
      await put(peer, `${PATH}${query}`, body, held.value.tag, kept);
    });
  },
});

type Local = Readonly<Record<string, string | { readonly base64: string }>>;

function readLocal(dir: string): Decoded<Local, AskError> {
  try {
    const files = [...readFiles(dir)].map(([name, content]) => {
      const text = Buffer.from(content).toString("utf8");
      return [name, Buffer.from(text).equals(content) ? text : { base64: Buffer.from(content).toString("base64") }];
    });
    return files.length > 0
      ? ok(Object.fromEntries(files))
      : err({ exit: ASK_EXIT.usage, message: `${dir} is empty: nothing was changed` });
  } catch (error) {
    return err({ exit: ASK_EXIT.usage, message: messageOf(error) });
  }
}

function keysOf(files: v.InferOutput<typeof Held>["files"]): readonly string[] {
  return Object.entries(files).flatMap(([name, body]) => (typeof body === "object" && "keep" in body ? [name] : []));
}

/** Not over a folder that somebody else has changed since it was read. */
async function put(peer: Peer, path: string, body: unknown, tag: string, kept: readonly string[]): Promise<void> {
  const answer = await ask(peer, path, "PUT", { json: body, headers: { "if-match": `"${tag}"` } });
  if (!answer.ok) return complain(answer.error.message, answer.error.exit);
  const refused = v.safeParse(Refused, answer.value.body);
  if (refused.success) {
    tell(refused.output.diagnostics ?? []);
    return complain(refused.output.detail, ASK_EXIT.failed);
  }
  const judged = v.safeParse(Judged, answer.value.body);
  if (!judged.success) return complain(`${path}: the answer is none of lbd's`, ASK_EXIT.failed);
  tell(judged.output.diagnostics);
  for (const name of kept) writeError(`stays on the machine: ${escapeControls(name)}\n`);
  if (!judged.output.parts) {
    const errors = judged.output.diagnostics.filter(({ severity }) => severity === "error").length;
    if (errors > 0) process.exitCode = ASK_EXIT.failed;
    return print(errors > 0 ? `${errors} errors: it would be refused` : "it would be taken");
  }
  tellParts(judged.output.parts);
}

function tell(diagnostics: readonly v.InferOutput<typeof Diagnostic>[]): void {
  for (const { severity, code, file, line, column, message, hint } of diagnostics)
    writeError(
      `${escapeControls(`${file}:${line}:${column}: ${severity}[${code}]: ${message}${hint === null ? "" : ` (${hint})`}`)}\n`,
    );
}

/** Which part is in force from where: a part that could not be used is the last good one. */
function tellParts(parts: readonly v.InferOutput<typeof Part>[]): void {
  for (const { name, from, reason } of parts)
    print(escapeControls(`${name}: ${from}${reason === undefined ? "" : `, ${reason}`}`));
}
