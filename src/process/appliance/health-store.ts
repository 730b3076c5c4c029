// Process layer, appliance: how checks stood at the end of the director, carried over a restart of the machine: from the run directory, which
// is memory, to the loader's partition at an orderly end, and back, once, before the next director starts (roles/checker/kept-health.ts says
// what of it counts, and for how long).
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { messageOf } from "../../base/errors.ts";
import type { Level } from "../../base/log.ts";
import { readRegular } from "../../kernel/regular-file.ts";
import { journalFile, roleDirectory } from "../host/places.ts";
import { replaceFile } from "../host/replace-file.ts";
import type { WithFolder } from "./configuration-store.ts";
import { writeSafely } from "./partition.ts";

const KEPT = "lbd/health";
/** Of 20,000 checks, most of which stand as a start takes them. */
const MAX_BYTES = 1024 * 1024;
/** SHA-256 in hexadecimal digits, and a blank. */
const DIGEST_CHARS = 65;

export interface HealthStorePorts {
  /** The loader's partition. @throws Error when there is none, or it can't be used */
  readonly withFolder: WithFolder;
  /** Of the director. */
  readonly runDir: string;
  say(level: Level, message: string): void;
}

/** Puts back what the last orderly end left, and forgets it. Never throws. */
export function bringHealthBack({ withFolder, runDir, say }: HealthStorePorts): void {
  try {
    const text = withFolder("read", (folder) => textOf(join(folder, KEPT)));
    if (text === undefined) return;
    withFolder("write", (folder) => rmSync(join(folder, KEPT), { force: true }));
    const body = unpacked(text);
    if (body === undefined) {
      say("warning", "the health of servers that was kept is damaged: it is passed over");
      return;
    }
    const path = journalOf(runDir);
    mkdirSync(runDir, { recursive: true, mode: 0o755 });
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    chmodSync(dirname(path), 0o700);
    replaceFile(path, body, 0o600);
  } catch (error) {
    say("warning", `the health of servers that was kept: ${messageOf(error)}`);
  }
}

/** Once the director has ended in order. Never throws. */
export function takeHealthAway({ withFolder, runDir, say }: HealthStorePorts): void {
  try {
    const body = textOf(journalOf(runDir));
    if (body === undefined) return;
    withFolder("write", (folder) => writeSafely(join(folder, KEPT), packed(body)));
  } catch (error) {
    say("warning", `the health of servers is not kept: ${messageOf(error)}`);
  }
}

function journalOf(runDir: string): string {
  return join(roleDirectory(runDir, "checker"), journalFile("health"));
}

function packed(body: string): string {
  return `${createHash("sha256").update(body).digest("hex")} ${body}`;
}

function unpacked(text: string): string | undefined {
  const body = text.slice(DIGEST_CHARS);
  return text === packed(body) ? body : undefined;
}

/**
 * The role that was to write it may have been taken over, and this is the first process: no FIFO in its place holds that up, and no size fills it.
 * @throws Error for what is no regular file, and for what is too much
 */
function textOf(path: string): string | undefined {
  try {
    return readRegular(path, MAX_BYTES + DIGEST_CHARS, "refused").toString("utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") return undefined;
    throw error;
  }
}
