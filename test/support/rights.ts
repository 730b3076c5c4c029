// What a process is allowed once it has taken the rights that a configuration asks for.
import { resolve } from "node:path";
import type { ProcessRights } from "../../src/config/model/global.ts";
import type { KernelView } from "./kernel-view.ts";

/** A process of its own takes them one after the other: this one would keep them. */
export function taken(...rights: readonly ProcessRights[]): { views: KernelView[]; logged: string[]; files: string } {
  const script = resolve(import.meta.dir, "rights-child.ts");
  const done = Bun.spawnSync([process.execPath, script, JSON.stringify(rights)]);
  if (done.exitCode !== 0) throw new Error(done.stderr.toString());
  return JSON.parse(done.stdout.toString());
}
