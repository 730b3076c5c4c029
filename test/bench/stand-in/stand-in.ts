// A kernel with IPVS where there is none: the director's socket options for it go to a table of ours (seccomp's user notification), all
// else to the kernel. Both directors pay the same for it, some 50 µs a call, so what counts is CPU and when the first command came.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mkfifo } from "../../../ffi/fd.ts";
import type { Rule } from "./table.ts";

export interface TimedRule extends Rule {
  /** Milliseconds since 1970, as it came. */
  readonly at: number;
}

/** What the listener says of the time since it spoke last. */
export interface Told {
  readonly reads: number;
  /** Services and destinations that are there. */
  readonly entries: number;
  readonly rules: TimedRule[];
}

export class IpvsHost {
  readonly #dir = mkdtempSync(join(tmpdir(), "lbd-stand-in-"));
  readonly #listener: ChildProcess;
  #entries = 0;
  readonly rules: TimedRule[] = [];
  /** Readings of the table. */
  reads = 0;
  /** When the director was executed, milliseconds since 1970. */
  execAt = Number.NaN;

  constructor() {
    for (const name of ["to-listener", "to-confined"]) mkfifo(join(this.#dir, name), 0o600);
    this.#listener = spawn(process.execPath, [join(import.meta.dirname, "listener.ts"), this.#dir], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let rest = "";
    this.#listener.stdout?.on("data", (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#hear(JSON.parse(line));
    });
  }

  /** Services and destinations that are there. */
  entries(): number {
    return this.#entries;
  }

  /** Words before the director's own command. */
  get wrapper(): string[] {
    return [process.execPath, join(import.meta.dirname, "confined.ts"), this.#dir];
  }

  #hear(said: Told | { readonly execAt: number }): void {
    if ("execAt" in said) {
      this.execAt = said.execAt;
      return;
    }
    this.reads += said.reads;
    // One by one: a spread of tens of thousands is too many arguments.
    for (const rule of said.rules) this.rules.push(rule);
    this.#entries = said.entries;
  }

  [Symbol.dispose](): void {
    this.#listener.kill("SIGKILL");
    rmSync(this.#dir, { recursive: true, force: true });
  }
}
