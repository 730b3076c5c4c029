// CLI: `lbd update FILE`: brings an update to an appliance, or to two that stand in for each other. The machine judges the file; what is
// decided here is in appliance/rollout.ts.
import { createReadStream, openSync, readSync, statSync } from "node:fs";
import { request } from "node:http";
import { defineCommand } from "citty";
import * as v from "valibot";
import { firstOfPair, type MachineView, objection, progressOf, takesPart } from "../appliance/rollout.ts";
import { MAX_MANIFEST_BYTES, peekManifest } from "../appliance/update-file.ts";
import { messageOf } from "../base/errors.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { type AskError, ask } from "./client.ts";
import { print } from "./output.ts";
import { type Peer, REMOTE_ARGS } from "./peer.ts";
import { drawer } from "./progress.ts";
import { openRemote } from "./remote.ts";
import { askFor } from "./status-query.ts";
import { complain } from "./terminal.ts";
import { withAppliance } from "./with-peer.ts";

/** Three starts that fail, and the one of the slot before, on a slow machine. */
const RESTART_LIMIT_MS = 20 * 60_000;
const LOOK_EVERY_MS = 2000;
/** kernel: each connection is told again after sync_refresh_period (appliance/sysctls.ts), and once more for what was lost. */
const SYNC_WAIT_MS = 20_000;

export const updateCommand = defineCommand({
  meta: {
    name: "lbd update",
    description:
      "Write an update to the other slot of an appliance; exit 1 when it was refused or given up, 3 when nobody answers",
  },
  args: {
    file: { type: "positional", required: true, description: "lbd-VERSION.update", valueHint: "FILE" },
    restart: {
      type: "boolean",
      description: "Start the machine again with it, and wait until it has shown that it works or was given up",
    },
    pair: {
      type: "string",
      valueHint: "NAME[:PORT]",
      description: "The other director of a pair: each is updated and restarted while the other one serves",
    },
    "allow-downgrade": { type: "boolean", description: "Also an update that is older than what runs" },
    ...REMOTE_ARGS,
  },
  run: async ({ args }) => {
    const update = readUpdate(args.file, args["allow-downgrade"] === true);
    if (typeof update === "string") return complain(update, ASK_EXIT.usage);
    if (args.pair === undefined)
      return withAppliance(args, async (peer) => finish(await updateOne(peer, update, args.restart === true)));
    if (args.host === undefined) return complain("--pair needs --host, the first one of the two", ASK_EXIT.usage);
    const [one, other] = [await openRemote(args), await openRemote({ ...args, host: args.pair })];
    if (!one.ok) return complain(one.error.message, one.error.exit);
    if (!other.ok) return complain(other.error.message, other.error.exit);
    finish(await updatePair([one.value, other.value], update));
  },
});

function finish(failed: AskError | undefined): void {
  if (failed) complain(failed.message, failed.exit);
}

interface Update {
  readonly path: string;
  readonly version: string;
  readonly bytes: number;
  readonly allowDowngrade: boolean;
}

/** What the file says of itself, not yet judged; else why it is none. */
function readUpdate(path: string, allowDowngrade: boolean): Update | string {
  try {
    const head = Buffer.alloc(MAX_MANIFEST_BYTES);
    const count = readSync(openSync(path, "r"), head);
    const manifest = peekManifest(head.subarray(0, count));
    if (!manifest) return `${path}: this is no update of lbd (lbd-VERSION.update beside the image)`;
    return { path, version: manifest.version, bytes: statSync(path).size, allowDowngrade };
  } catch (error) {
    return messageOf(error);
  }
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
const Instances = v.object({ vrrp: v.array(v.object({ name: v.string(), state: v.string() })) });

async function lookAt(peer: Peer): Promise<Decoded<MachineView, AskError>> {
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
    instances: vrrp.ok ? vrrp.value.vrrp : [],
  });
}

async function updateOne(peer: Peer, update: Update, restart: boolean): Promise<AskError | undefined> {
  const before = await lookAt(peer);
  if (!before.ok) return before.error;
  const { hostname, version } = before.value;
  const sent = await send(peer, update);
  if (!sent.ok) return { ...sent.error, message: `${hostname}: ${sent.error.message}` };
  print(`${hostname}: slot ${sent.value.slot} holds ${update.version}, ${version} runs`);
  if (restart) return restartInto(peer, hostname, update.version);
  print("the next start tries it: lbd reboot");
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

async function restartInto(peer: Peer, hostname: string, version: string): Promise<AskError | undefined> {
  const ending = await askFor(
    (path) => ask(peer, path, "POST"),
    "/v1/appliance/reboot",
    v.object({ ending: v.string() }),
  );
  if (!ending.ok) return ending.error;
  print(`${hostname}: starts again`);
  const deadline = performance.now() + RESTART_LIMIT_MS;
  while (performance.now() < deadline) {
    await pause(LOOK_EVERY_MS);
    const view = await lookAt(peer);
    const progress = progressOf(view.ok ? view.value : undefined, version);
    if (progress.kind === "failed")
      return { exit: ASK_EXIT.failed, message: `${hostname}: ${version} was given up: ${progress.reason}` };
    if (progress.kind === "waiting") continue;
    print(`${hostname}: runs ${version}`);
    return undefined;
  }
  const message = `${hostname}: nothing was heard of ${version} within ${RESTART_LIMIT_MS / 60_000} minutes`;
  return { exit: ASK_EXIT.failed, message };
}

/** The second one is not touched before the first one serves again. */
async function updatePair(peers: readonly [Peer, Peer], update: Update): Promise<AskError | undefined> {
  const [a, b] = [await lookAt(peers[0]), await lookAt(peers[1])];
  if (!a.ok) return a.error;
  if (!b.ok) return b.error;
  const reason = objection([a.value, b.value]);
  if (reason !== undefined) return { exit: ASK_EXIT.failed, message: `nothing was done: ${reason}` };
  const order = firstOfPair([a.value, b.value]) === 0 ? peers : [peers[1], peers[0]];
  for (const [n, peer] of order.entries()) {
    const failed = (await updateOne(peer, update, true)) ?? (await untilItTakesPart(peer));
    if (failed) return n === 0 ? { ...failed, message: `${failed.message}; the other one was not touched` } : failed;
    if (n > 0) continue;
    print(`waiting ${SYNC_WAIT_MS / 1000} s for the connections that the other one knows`);
    await pause(SYNC_WAIT_MS);
  }
  return undefined;
}

async function untilItTakesPart(peer: Peer): Promise<AskError | undefined> {
  const deadline = performance.now() + RESTART_LIMIT_MS;
  for (;;) {
    const view = await lookAt(peer);
    if (view.ok && view.value.instances.length > 0 && takesPart(view.value)) return undefined;
    if (performance.now() > deadline)
      return view.ok
        ? { exit: ASK_EXIT.failed, message: `${view.value.hostname}: its VRRP instances don't come up` }
        : view.error;
    await pause(LOOK_EVERY_MS);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
