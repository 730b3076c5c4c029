// CLI: `lbd update FILE`: brings an update to an appliance, or to two that stand in for each other.
import { openSync, readSync, statSync } from "node:fs";
import { defineCommand } from "citty";
import { MAX_MANIFEST_BYTES, peekManifest } from "../appliance/update-file.ts";
import { messageOf } from "../base/errors.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import type { AskError } from "./client.ts";
import { print } from "./output.ts";
import { type Peer, REMOTE_ARGS } from "./peer.ts";
import { complain } from "./terminal.ts";
import { lookAt, restartInto, type Update, writeUpdate } from "./update-machine.ts";
import { withAppliance } from "./with-peer.ts";

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
    "pair-fingerprint": {
      type: "string",
      valueHint: "SHA256",
      description: "Of the other director's certificate, as --fingerprint is of the first one's",
    },
    ...REMOTE_ARGS,
  },
  run: async ({ args }) => {
    const update = readUpdate(args.file, args["allow-downgrade"] === true);
    if (typeof update === "string") return complain(update, ASK_EXIT.usage);
    if (args.pair === undefined && args["pair-fingerprint"] !== undefined)
      return complain("--pair-fingerprint belongs to --pair", ASK_EXIT.usage);
    if (args.pair === undefined)
      return withAppliance(args, async (peer) => finish(await updateOne(peer, update, args.restart === true)));
    const { host, pair } = args;
    if (host === undefined) return complain("--pair needs --host, the first one of the two", ASK_EXIT.usage);
    const { openRemote } = await import("./remote.ts");
    const { updatePair } = await import("./update-pair.ts");
    const one = await openRemote(args);
    if (!one.ok) return complain(one.error.message, one.error.exit);
    const other = await openRemote({ ...args, host: pair, fingerprint: args["pair-fingerprint"] });
    if (!other.ok) return complain(other.error.message, other.error.exit);
    finish(await updatePair([one.value, other.value], update));
  },
});

function finish(failed: AskError | undefined): void {
  if (failed) complain(failed.message, failed.exit);
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

async function updateOne(peer: Peer, update: Update, restart: boolean): Promise<AskError | undefined> {
  const before = await lookAt(peer);
  if (!before.ok) return before.error;
  const failed = await writeUpdate(peer, before.value, update);
  if (failed) return failed;
  if (restart) return restartInto(peer, before.value.hostname, update.version);
  print("the next start tries it: lbd reboot");
  return undefined;
}
