// Who takes part in a comparison: the build under test, a build before it, and keepalived. `test/bench/run.ts` sets the variables.
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { Daemon, type DaemonOptions, lbdBinary } from "../support/daemon.ts";
import type { Namespace } from "../support/netns.ts";
import type { Results, Subject } from "./figure.ts";

/** Path of the build before; unset: there is none to compare with. */
export const BEFORE_VARIABLE = "LBD_BEFORE";
/** Another keepalived than Debian's. */
export const PEER_VARIABLE = "KEEPALIVED_BIN";

/** In the order in which they have their turns. */
export const SUBJECTS: readonly Subject[] =
  process.env[BEFORE_VARIABLE] === undefined ? ["lbd", "keepalived"] : ["lbd", "before", "keepalived"];

/** The program of a subject, as it is to be called. */
export function programOf(subject: Subject): string {
  if (subject === "lbd") return lbdBinary();
  return process.env[subject === "before" ? BEFORE_VARIABLE : PEER_VARIABLE] ?? "keepalived";
}

/**
 * The same as a copy, until this process ends: pages of a file are shared with everybody on the machine who runs it, and their part of
 * each (PSS) is the smaller the more they are.
 */
export function ownProgramOf(subject: Subject): string {
  const dir = mkdtempSync(join(tmpdir(), "lbd-bench-"));
  process.once("exit", () => rmSync(dir, { recursive: true, force: true }));
  const program = Bun.which(programOf(subject));
  if (program === null) throw new Error(`${programOf(subject)} is not there`);
  const copy = join(dir, basename(program));
  copyFileSync(program, copy);
  return copy;
}

/** A director of that subject, not started; it logs as it would with its own defaults. */
export function directorOf(
  subject: Subject,
  host: Namespace,
  configuration: string,
  options: Pick<DaemonOptions, "program" | "wrapper"> = {},
): Daemon {
  const kind = subject === "keepalived" ? "keepalived" : "lbd";
  return new Daemon(kind, host, configuration, { program: programOf(subject), detail: false, ...options });
}

/** Of the VRRP process, as a director in earnest has it. */
export const REALTIME_PRIORITY = 50;

/**
 * Gives keepalived's VRRP process its priority from outside. With vrrp_rt_priority in its file a reload kills it where it may not raise
 * limits (no CAP_SYS_RESOURCE): the limit of real-time CPU that it sets itself is the least one then.
 */
export function firstOnTheMachine(keepalived: Daemon): void {
  const pid = readFileSync(join(keepalived.dir, "r.pid"), "utf8").trim();
  const done = spawnSync("chrt", ["-r", "-p", String(REALTIME_PRIORITY), pid], { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`chrt of ${pid}: ${done.stderr}`);
}

/** Measures one subject after the other. */
export async function eachSubject<T>(measure: (subject: Subject) => Promise<T>): Promise<Results<T>> {
  const results: Partial<Record<Subject, T>> = {};
  for (const subject of SUBJECTS) results[subject] = await measure(subject);
  return results as Results<T>;
}

/** Measures all of them at the same time: for what leaves the machine idle nearly always. */
export async function allSubjects<T>(measure: (subject: Subject) => Promise<T>): Promise<Results<T>> {
  const entries = await Promise.all(SUBJECTS.map(async (subject) => [subject, await measure(subject)] as const));
  return Object.fromEntries(entries) as Results<T>;
}

/** Takes a value of each subject in every round, so that what changes on the machine meanwhile is in all of them. */
export async function inTurns(
  rounds: number,
  measure: (subject: Subject) => number | Promise<number>,
): Promise<Results<readonly number[]>> {
  const taken = new Map(SUBJECTS.map((subject) => [subject, [] as number[]]));
  for (let round = 0; round < rounds; round++)
    for (const [subject, values] of taken) values.push(await measure(subject));
  return Object.fromEntries(taken) as unknown as Results<readonly number[]>;
}

/** For a director whose IPVS are socket options only; keepalived finds out by itself (2.4 only when built without libnl). */
export function ipvsArguments(subject: Subject): readonly string[] {
  return subject === "keepalived" ? [] : ["--ipvs-transport", "sockopt"];
}

/** The same for one without VRRP, which keepalived has to be told. */
export function checkersArguments(subject: Subject): readonly string[] {
  return subject === "keepalived" ? ["-C"] : ipvsArguments(subject);
}
