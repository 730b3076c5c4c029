// Process layer, appliance: the configuration folder over the API: read, judged, replaced. A folder with errors is not written unless it is
// forced; what was written is put into force at once, as far as it can be used.
import type { IncomingMessage, ServerResponse } from "node:http";
import * as v from "valibot";
import { isFatName } from "../../appliance/disk/fat.ts";
import { folderTag } from "../../appliance/folder/copy.ts";
import { type Files, OWN_FOLDER, partOf } from "../../appliance/folder/parts.ts";
import { messageOf } from "../../base/errors.ts";
import { type JsonDiagnostic, toJson } from "../../config/findings/render.ts";
import { type ApplianceRoute, sendJson, sendProblem } from "./api.ts";
import { KEEPALIVED_CONF } from "./configuration.ts";
import type { ConfigurationKeeper, ConfigurationStatus } from "./configuration-keeper.ts";

/** Of a call's body: a folder of texts is a thousandth of it. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** What is read of a larger one, and forgotten. */
const MAX_IGNORED_BYTES = 16 * MAX_BODY_BYTES;
const MAX_FILES = 1000;
const MAX_PATH_CHARS = 200;

/** A file of a folder: its text; as base64 what is no text; `keep` stands for what is there, and is all that is told of a private key. */
type FileBody = string | { readonly base64: string } | { readonly keep: true };

export interface FolderAnswer extends ConfigurationStatus {
  readonly files: Readonly<Record<string, FileBody>>;
}

export interface ReplacedAnswer extends ConfigurationStatus {
  readonly diagnostics: readonly JsonDiagnostic[];
}

export interface ConfigurationRoutePorts {
  readonly keeper: ConfigurationKeeper;
  /** Takes what the partition has, and applies it. */
  reload(): Promise<void>;
}

const FILE = v.union([
  v.string(),
  v.strictObject({ base64: v.pipe(v.string(), v.base64()) }),
  v.strictObject({ keep: v.literal(true) }),
]);
const BODY = v.strictObject({ files: v.record(v.string(), FILE) });

export function configurationRoutes({ keeper, reload }: ConfigurationRoutePorts): readonly ApplianceRoute[] {
  let busy = false;
  return [
    {
      method: "GET",
      path: "/v1/appliance/config",
      role: "admin",
      summary: "The configuration folder that is in force, and where each part of it comes from; `etag` is its tag",
      answer(_request, response) {
        const status = keeper.status();
        response.setHeader("etag", `"${status.tag}"`);
        const answer: FolderAnswer = {
          ...status,
          files: Object.fromEntries([...keeper.files()].map(([path, content]) => [path, bodyOf(content)])),
        };
        sendJson(response, answer);
      },
    },
    {
      method: "PUT",
      path: "/v1/appliance/config",
      role: "admin",
      summary: "Replaces the folder, and puts it into force; `if-match` as usual",
      query: { check: "true: it is only judged", force: "true: also one with errors" },
      body: {
        contentType: "application/json",
        description: '`{"files": {NAME: text, {"base64": …} or {"keep": true}}}`',
      },
      async answer(request, response) {
        if (busy) return sendProblem(response, 409, "busy", "another folder is being written");
        busy = true;
        try {
          await replace(keeper, reload, request, response);
        } finally {
          busy = false;
        }
      },
    },
  ];
}

async function replace(
  keeper: ConfigurationKeeper,
  reload: () => Promise<void>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const query = new URLSearchParams(request.url?.split("?")[1] ?? "");
  const unknown = [...query.keys()].find((name) => name !== "check" && name !== "force");
  if (unknown !== undefined) return sendProblem(response, 400, "bad-query", "accepted here: check, force");
  const { tag } = keeper.status();
  const wanted = request.headers["if-match"];
  if (wanted !== undefined && wanted !== "*" && wanted !== `"${tag}"`)
    return sendProblem(response, 412, "changed", `the folder in force is another one: its tag is "${tag}"`);
  const text = await bodyText(request);
  if (text === undefined) {
    response.setHeader("connection", "close");
    return sendProblem(response, 413, "too-large", `a folder of at most ${MAX_BODY_BYTES} bytes is taken`);
  }
  const read = readBody(text, keeper.files());
  if (typeof read === "string") return sendProblem(response, 400, "bad-body", read);
  const diagnostics = (await keeper.judge(read)).map((one) => toJson(one, KEEPALIVED_CONF));
  const hasErrors = diagnostics.some(({ severity }) => severity === "error");
  if (query.get("check") === "true") return sendJson(response, { tag: folderTag(read), diagnostics });
  if (hasErrors && query.get("force") !== "true")
    return sendJson(
      response,
      {
        type: "urn:lbd:problem:bad-configuration",
        code: "bad-configuration",
        title: "Unprocessable Entity",
        status: 422,
        detail: errorText(diagnostics),
        diagnostics,
      },
      422,
    );
  try {
    keeper.replace(read);
  } catch (error) {
    const isFull = error instanceof Error && "code" in error && error.code === "ENOSPC";
    return sendProblem(
      response,
      isFull ? 507 : 500,
      isFull ? "full" : "not-written",
      `nothing was changed: ${messageOf(error)}`,
    );
  }
  await reload();
  const answer: ReplacedAnswer = { ...keeper.status(), diagnostics };
  sendJson(response, answer);
}

function errorText(diagnostics: readonly JsonDiagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === "error");
  const [first] = errors;
  return `the folder has ${errors.length} error${errors.length === 1 ? "" : "s"}, nothing was changed: ${first?.file}:${first?.line}: ${first?.message}`;
}

/** The files of a body; else what is wrong with it. */
function readBody(text: string, present: Files): Files | string {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return `the body is no JSON: ${messageOf(error)}`;
  }
  const body = v.safeParse(BODY, json);
  if (!body.success)
    return 'expected {"files": {"keepalived.conf": "text", "a.pem": {"base64": "…"}, "b": {"keep": true}}}';
  const entries = Object.entries(body.output.files);
  if (entries.length > MAX_FILES) return `a folder of at most ${MAX_FILES} files is taken`;
  const files = new Map<string, Uint8Array>();
  const names = new Set<string>();
  for (const [path, file] of entries) {
    // FAT does not tell upper case from lower case.
    const wrong = names.has(path.toUpperCase()) ? `${JSON.stringify(path)} stands twice` : wrongPath(path);
    names.add(path.toUpperCase());
    if (wrong !== undefined) return wrong;
    if (typeof file === "string") files.set(path, Buffer.from(file));
    else if ("base64" in file) files.set(path, Buffer.from(file.base64, "base64"));
    else {
      const there = present.get(path);
      if (!there) return `there is no ${path} that could be kept`;
      files.set(path, there);
    }
  }
  const below = [...files.keys()].find((path) => foldersOf(path).some((folder) => names.has(folder.toUpperCase())));
  return below === undefined ? files : `${JSON.stringify(below)} lies below a file`;
}

/** `a`, `a/b` of `a/b/c`. */
function foldersOf(path: string): readonly string[] {
  const names = path.split("/").slice(0, -1);
  return names.map((_, at) => names.slice(0, at + 1).join("/"));
}

/** Some names FAT can't have, and some belong to the machine. */
function wrongPath(path: string): string | undefined {
  const shown = JSON.stringify(path);
  const names = path.split("/");
  if (path.length > MAX_PATH_CHARS || !names.every(isFatName)) return `${shown} is no name below the folder`;
  // FAT takes `ACCESS` and `Access` for `access`.
  const folded = path.toLowerCase();
  const part = partOf(folded);
  if (part === "own" || part === "none" || `${folded}/` === OWN_FOLDER) return `${shown} is the machine's own`;
  if (part !== partOf(path)) return `${shown} is written ${part}`;
  return undefined;
}

function bodyOf(content: Uint8Array): FileBody {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const text = bytes.toString("utf8");
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) return { keep: true };
  return Buffer.from(text).equals(bytes) ? text : { base64: bytes.toString("base64") };
}

/** Undefined: it is larger than is taken; the caller has sent it all the same, so that it reads the answer. */
async function bodyText(request: IncomingMessage): Promise<string | undefined> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    bytes += part.byteLength;
    if (bytes > MAX_IGNORED_BYTES) return undefined;
    if (bytes <= MAX_BODY_BYTES) parts.push(part);
  }
  return bytes > MAX_BODY_BYTES ? undefined : Buffer.concat(parts).toString("utf8");
}
