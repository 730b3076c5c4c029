// Process layer: the one file above ffi/ that speaks to Bun itself: how this program starts itself again as a child.
import { keptEnvironment } from "../base/environment.ts";
import { ROLE_WORD } from "./options.ts";
import type { RoleName } from "./role.ts";

/** A child as the parent holds it. */
export interface ChildHandle {
  readonly pid: number;
  /** Never blocks; the caller bounds what waits. False when the channel is closed. */
  send(message: unknown): boolean;
  kill(signal: "SIGTERM" | "SIGKILL"): void;
}

export interface ChildEvents {
  message(raw: unknown): void;
  /** Text on the child's standard output or error: last words, warnings of the runtime. */
  stderr(text: string): void;
  /** The process has ended: `status 1`, `signal SIGKILL`. */
  exit(how: string): void;
}

export type SpawnChild = (role: RoleName, events: ChildEvents) => ChildHandle;

const LAST_WORDS_MS = 100;
const DEPTH_VARIABLE = "LBD_DEPTH";
const PARENT_VARIABLE = "LBD_PARENT";
const CORE_VARIABLE = "LBD_CORE";

/** Compiled, the program's own path lies in Bun's embedded file system. */
const compiled = Bun.main.startsWith("/$bunfs/");

/** Version of the runtime, for lbd_build_info. */
export const runtimeVersion = Bun.version;

/** It marks a child: a director that finds it is none that anybody meant to start. */
export const CHILD_MARK = DEPTH_VARIABLE;

/** The process that this one says it is a child of, when it was started by spawnChild(); else undefined. */
export function expectedParent(): number | undefined {
  const parent = Number(process.env[PARENT_VARIABLE]);
  return process.env[DEPTH_VARIABLE] === "1" && Number.isInteger(parent) && parent > 0 ? parent : undefined;
}

/** Whether the parent was asked for core files (`--core-dump`). */
export function expectsCoreFiles(): boolean {
  return process.env[CORE_VARIABLE] === "1";
}

/** For this process and the children that it starts from now on. */
export function permitCoreFiles(): void {
  process.env[CORE_VARIABLE] = "1";
}

/**
 * Starts a role in a process of its own: same program image even if the file was replaced meanwhile, own session, so that a
 * terminal's interrupt reaches only the parent, and an environment without what could turn the runtime into something else.
 */
export const spawnChild: SpawnChild = (role, events) => {
  if (process.env[DEPTH_VARIABLE] !== undefined) throw new Error("a child does not start children");
  const child = Bun.spawn(["/proc/self/exe", ...(compiled ? [] : [Bun.main]), ROLE_WORD, role], {
    argv0: `lbd-${role}`,
    cwd: "/",
    detached: true,
    env: {
      ...keptEnvironment(process.env),
      ...(expectsCoreFiles() ? { [CORE_VARIABLE]: "1" } : {}),
      [DEPTH_VARIABLE]: "1",
      [PARENT_VARIABLE]: `${process.pid}`,
    },
    stdio: ["ignore", "pipe", "pipe"],
    serialization: "json",
    ipc: (message) => events.message(message),
    // Last words first: the pipes are read to their end, unless somebody else still holds them.
    onExit: (_child, status, signal) => {
      const limit = new Promise<void>((resolve) => setTimeout(resolve, LAST_WORDS_MS));
      void Promise.race([pipesEnd, limit]).then(() => events.exit(describeExit(status, signal)));
    },
  });
  const pipesEnd = Promise.all([relay(child.stdout, events.stderr), relay(child.stderr, events.stderr)]);
  return {
    pid: child.pid,
    send(message) {
      try {
        child.send(message);
        return true;
      } catch {
        return false;
      }
    },
    kill: (signal) => child.kill(signal),
  };
};

function describeExit(status: number | null, signal: number | string | null): string {
  if (signal !== null) return `signal ${signalName(signal)}`;
  return `status ${status}`;
}

function signalName(number: number | string): string {
  const { signals } = process.getBuiltinModule("node:os").constants;
  return Object.entries(signals).find(([, value]) => value === number)?.[0] ?? `${number}`;
}

async function relay(stream: ReadableStream<Uint8Array>, take: (text: string) => void): Promise<void> {
  const decoder = new TextDecoder();
  try {
    for await (const chunk of stream) take(decoder.decode(chunk, { stream: true }));
  } catch {
    // The pipe broke with the child; its exit is told by onExit.
  }
}
