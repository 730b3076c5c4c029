// CLI: what `lbd update` asks and tells one appliance: its state, the file, a restart into the new version. The machine judges the file; what its
// answers mean is decided in appliance/rollout.ts.
import { createReadStream } from "node:fs";
import { request } from "node:http";
import * as v from "valibot";
import { type MachineView, progressOf } from "../appliance/rollout.ts";
import { escapeControls } from "../base/log.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { type AskError, ask } from "./client.ts";
import { print } from "./output.ts";
import type { Peer } from "./peer.ts";
import { drawer } from "./progress.ts";
import { askFor } from "./status-query.ts";

/** Three starts that fail, and the one of the slot before, on a slow machine. */
export const RESTART_LIMIT_MS = 20 * 60_000;
export const LOOK_EVERY_MS = 2000;
/** Two words, or a problem. */
const MAX_ANSWER_CHARS = 64 * 1024;

export interface Update {
  readonly path: string;
  readonly version: string;
  readonly bytes: number;
  readonly allowDowngrade: boolean;
}

const History = v.object({
  pending: v.exactOptional(v.object({ version: v.string() })),
  failure: v.exactOptional(v.object({ version: v.string(), reason: v.string() })),
});
const Machine = v.object({
  hostname: v.string(),
  version: v.string(),
  slot: v.exactOptional(v.string()),
  image: v.object({ start: v.object({ good: v.boolean() }), history: History }),
});
const Instances = v.object({ instances: v.array(v.object({ name: v.string(), state: v.string() })) });

export async function lookAt(peer: Peer): Promise<Decoded<MachineView, AskError>> {
  const machine = await askFor((path) => ask(peer, path), "/v1/appliance", Machine);
  if (!machine.ok) return machine;
  const vrrp = await askFor((path) => ask(peer, path), "/v1/vrrp", Instances);
  const { hostname, version, slot, image } = machine.value;
  const { pending, failure } = image.history;
  return ok({
    ...{ hostname, version, slot, good: image.start.good },
    ...(pending && { pending }),
    ...(failure && { failure }),
    // One that does not say has none that could take over.
    instances: vrrp.ok ? vrrp.value.instances : [],
  });
}

/** To the slot that does not run; nothing is restarted. */
export async function writeUpdate(
  peer: Peer,
  { hostname, version }: MachineView,
  update: Update,
): Promise<AskError | undefined> {
  const sent = await send(peer, update);
  if (!sent.ok) return { ...sent.error, message: `${hostname}: ${sent.error.message}` };
  tell(`${hostname}: slot ${sent.value.slot} holds ${update.version}, ${version} runs`);
  return undefined;
}

const Written = v.object({ slot: v.string(), version: v.string() });

/** Sends the file with its progress; the machine answers when it has read everything back from its disk. */
async function send(
  peer: Peer,
  { path, bytes, allowDowngrade }: Update,
): Promise<Decoded<v.InferOutput<typeof Written>, AskError>> {
  const draw = drawer();
  const to = `/v1/appliance/update${allowDowngrade ? "?allow-downgrade=1" : ""}`;
  const put = (): ReturnType<typeof ask> =>
    new Promise((resolve) => {
      const headers = { ...peer.headers, "content-length": `${bytes}`, "content-type": "application/octet-stream" };
      const where = { socketPath: peer.socket, path: to, method: "PUT", headers, agent: false };
      let answered = false;
      const source = createReadStream(path, { highWaterMark: 256 * 1024 });
      const asked = request(where, (answer) => {
        answered = true;
        // It may be refused before all of it was sent.
        source.destroy();
        let text = "";
        answer.on("data", (chunk: Buffer) => {
          text += chunk.toString("utf8");
          if (text.length > MAX_ANSWER_CHARS) answer.destroy(new Error("the answer has no end"));
        });
        answer.on("error", ({ message }) => resolve(err({ exit: ASK_EXIT.failed, message })));
        answer.on("end", () => resolve(ok({ status: answer.statusCode ?? 0, body: jsonOf(text) })));
      });
      asked.on("error", (error) => {
        if (answered) return;
        const { message, isNone } = peer.silent(error);
        resolve(err({ exit: isNone ? ASK_EXIT.none : ASK_EXIT.failed, message }));
      });
      let doneBytes = 0;
      source.on("data", (chunk) => {
        doneBytes += chunk.length;
        draw({ kind: doneBytes === bytes ? "sent" : "send", doneBytes, allBytes: bytes });
      });
      source.on("error", (error) => asked.destroy(error));
      source.pipe(asked);
    });
  return askFor(put, "/v1/appliance/update", Written);
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export async function restartInto(peer: Peer, hostname: string, version: string): Promise<AskError | undefined> {
  const ending = await askFor(
    (path) => ask(peer, path, "POST"),
    "/v1/appliance/reboot",
    v.object({ ending: v.string() }),
  );
  if (!ending.ok) return ending.error;
  tell(`${hostname}: starts again`);
  const deadline = performance.now() + RESTART_LIMIT_MS;
  while (performance.now() < deadline) {
    await pause(LOOK_EVERY_MS);
    const view = await lookAt(peer);
    const progress = progressOf(view.ok ? view.value : undefined, version);
    if (progress.kind === "failed")
      return { exit: ASK_EXIT.failed, message: `${hostname}: ${version} was given up: ${progress.reason}` };
    if (progress.kind === "waiting") continue;
    tell(`${hostname}: runs ${version}`);
    return undefined;
  }
  const message = `${hostname}: nothing was heard of ${version} within ${RESTART_LIMIT_MS / 60_000} minutes`;
  return { exit: ASK_EXIT.failed, message };
}

/** A line about a machine: what it calls itself does not speak to this terminal. */
export function tell(line: string): void {
  print(escapeControls(line));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
