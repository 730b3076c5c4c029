// CLI: `lbd --host NAME check`: what `lbd check --appliance` says of the folder that an appliance has.
import * as v from "valibot";
import { escapeControls } from "../base/log.ts";
import { ask } from "./client.ts";
import { write, writeError } from "./output.ts";
import type { RemoteWords } from "./peer.ts";
import { askFor } from "./status-query.ts";
import { complain } from "./terminal.ts";
import { withAppliance } from "./with-peer.ts";

const USAGE_EXIT = 2;
const Checked = v.object({ status: v.number(), output: v.string(), beside: v.string() });

/** @param rest words that mean something for files here only */
export function checkRemote(args: RemoteWords, format: string, rest: readonly string[]): Promise<void> | void {
  if (rest.length > 0)
    return complain(`--host checks the folder that the machine has: it goes without ${rest.join(" ")}`, USAGE_EXIT);
  return withAppliance(args, async (peer) => {
    const checked = await askFor((path) => ask(peer, path), `/v1/appliance/check?format=${format}`, Checked);
    if (!checked.ok) return complain(checked.error.message, checked.error.exit);
    const { status, output, beside } = checked.value;
    write(shown(output));
    writeError(shown(beside));
    process.exitCode = status;
  });
}

/** Lines and tabs stay; nothing that a machine sends speaks to this terminal. */
function shown(text: string): string {
  return text.replace(/[^\n\t]+/g, escapeControls);
}
