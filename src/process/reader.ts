// Process layer: the work of the process that reads configurations: what the files say beside what is in force, what of it each role has to
// hear, and the record that what is in force can be read from again. Pure but for its ports.
import type { Clock } from "../base/clock.ts";
import { jsonPieces, ofLength } from "../base/json-pieces.ts";
import type { Config } from "../config/model/config.ts";
import type { RoleName } from "../roles/role.ts";
import { changesOf } from "./configuration/changes.ts";
import type { Reading } from "./configuration/configuration.ts";
import { ALL_ROLES, outlineOf } from "./configuration/outline.ts";
import { readConfiguration, unread } from "./configuration/read-config.ts";
import { lostAltogether } from "./configuration/reload-guard.ts";
import { needsRestart, newErrorsOf } from "./configuration/reload-refused.ts";
import { type Look, lookAt, type SettledPorts, stampsOf, stampTexts } from "./configuration/settled-files.ts";
import { readSettled, unsettledError } from "./configuration/settled-reading.ts";
import { differencePieces, shareOf, wholePieces } from "./configuration/shares.ts";
import { type SharePieces, type Standing, standingOf } from "./configuration/standing.ts";
import type { InForce } from "./configuration/unchanged.ts";
import { filesRead, type Recorder, recordWorld, replayWorld, stillHolds, type World } from "./configuration/world.ts";
import type { Answer, Details, FindingLines, ReaderOptions, ReadRequest, ShareAsked } from "./reader-messages.ts";
import { rightsOf } from "./role-rights.ts";

/** Findings of each kind that are told one by one; a file that is no configuration at all has one in every line. */
const MAX_TOLD = 50;
const MAX_REFUSALS = 1000;
/** When changes came to this part of a whole, a process that starts would read many of them for nothing: the next one is a whole. */
const MOST_CHANGED = 0.5;
/** UTF-16 units of a piece of the effective configuration. */
export const EFFECTIVE_CHARS = 64 * 1024;

export interface ReaderPorts extends SettledPorts {
  readonly clock: Clock;
  /** The world as it is now, for one reading. */
  world(): World;
  /** What a reading may cost, from now on. */
  budget(): () => string | undefined;
  sha256(parts: readonly Uint8Array[]): string;
}

/** What reading gives beyond the answer; each is made when it is asked for. */
export interface Outcome {
  readonly answer: Answer;
  /** What of the share of each role is new. */
  shares(): Iterable<RolePieces>;
  /** To read again what is in force from now on. */
  record(): InForce;
  details(): Details;
}

export interface RolePieces {
  readonly role: RoleName;
  /** They are all of it, and what came before is forgotten. */
  readonly whole: boolean;
  readonly pieces: Iterable<string>;
}

/** What a look at the files gives: what is in force would come of them again, or a reading. */
export type Seen =
  | { readonly kind: "same" }
  | { readonly kind: "read"; readonly reading: Reading; readonly recorder: Pick<Recorder, "record"> };

export interface Sources {
  /** The files as they are now. */
  look(): Look<Seen>;
  /** What is in force. */
  old(): Standing | undefined;
}

/** The files that `options` name, beside what is in force, of which `shares` are what roles have. */
export function sourcesOf(
  options: ReaderOptions,
  inForce: InForce | undefined,
  shares: SharePieces,
  ports: ReaderPorts,
): Sources {
  const known = inForce && stampsOf(inForce.stamps);

  function see(world: World): Seen {
    if (inForce && stillHolds(inForce.answers, world)) return { kind: "same" };
    const recorder = recordWorld(world);
    return { kind: "read", reading: read(options, recorder.world, ports.budget()), recorder };
  }

  return {
    look() {
      const world = ports.world();
      return lookAt(options.configFile, world, known, (files) => see({ ...world, ...files }), ports);
    },
    old: () => inForce && ((inForce.said && standingOf(inForce.said, shares)) ?? readAgain(options, inForce)),
  };
}

/** What is in force, by its record. */
export function readAgain(options: ReaderOptions, { answers }: InForce): Reading {
  return read(options, replayWorld(answers));
}

/** What comes of `request`. Never rejects: what goes wrong is a refusal. */
export async function readFor(
  request: ReadRequest,
  { look, old }: Sources,
  { clock, sha256 }: Pick<ReaderPorts, "clock" | "sha256">,
): Promise<Outcome> {
  const began = clock.now();
  const first = request.at === "start" ? look() : undefined;
  const { look: last, beganAt } =
    first && !isOdd(first) ? { look: first, beganAt: began } : await readSettled(look, clock);
  return outcomeOf(request, last, old, () => clock.now() - beganAt, sha256);
}

/** Half a file with something wrong in it may be a whole one in a moment. */
function isOdd({ reading: seen, unsettled }: Look<Seen>): boolean {
  return unsettled !== undefined && (unsettled.changed || seen?.kind !== "read" || seen.reading.errors.length > 0);
}

/** The effective values of a reading, as JSON text. */
export function effectivePieces(reading: Reading | undefined): Iterator<string, void> {
  return ofLength(jsonPieces(reading?.effective() ?? null), EFFECTIVE_CHARS);
}

function read(options: ReaderOptions, world: World, spent?: () => string | undefined): Reading {
  return readConfiguration({ ...options, ...(spent && { spent }) }, world);
}

function outcomeOf(
  request: ReadRequest,
  { reading: seen, unsettled, stamps }: Look<Seen>,
  readOld: () => Standing | undefined,
  tookMs: () => number,
  sha256: ReaderPorts["sha256"],
): Outcome {
  const unsettledNow = request.at === "reload" ? unsettledError(unsettled) : [];
  if (seen?.kind === "same" && unsettledNow.length === 0) return outcome({ kind: "same", tookMs: tookMs() });
  const next =
    seen?.kind === "read" ? seen.reading : unread(unsettled?.reason ?? `${request.options.configFile}: not read`);
  const old = readOld();
  const findings = linesOf(next);
  const refusals = old?.config
    ? refusalsOf(request, { ...old, config: old.config }, next, unsettledNow)
    : next.config
      ? []
      : next.errors;
  if (!next.config || seen?.kind !== "read" || refusals.length > 0) {
    const beyondFindings = refusals.filter((line) => !next.errors.includes(line));
    return outcome({
      kind: "refused",
      tookMs: tookMs(),
      findings,
      refusals: refusals.slice(0, MAX_REFUSALS),
      beyondFindings,
    });
  }
  const { config } = next;
  const record = seen.recorder.record();
  return {
    answer: {
      kind: "taken",
      tookMs: tookMs(),
      findings,
      outline: outlineOf(config),
      rights: Object.fromEntries(ALL_ROLES.flatMap((role) => rightsEntry(role, config, request.options))),
      ...(old?.config && { changes: changesOf(old.config, config) }),
      stamps: stampTexts(stamps),
    },
    *shares() {
      for (const asked of request.shares) yield* piecesFor(asked, old?.config, config);
    },
    record: () => ({ answers: record, stamps: stampTexts(stamps), ...saidOf(next) }),
    details: () => ({ sha256: sha256(filesRead(record, next.files)), notes: next.notes() }),
  };
}

function saidOf({ content, errorKeys }: Reading): Pick<InForce, "said"> {
  const keys = errorKeys();
  return keys.length > MAX_REFUSALS ? {} : { said: { content, errorKeys: keys } };
}

/** An outcome with nothing to hand on. */
function outcome(answer: Answer): Outcome {
  return {
    answer,
    shares: () => [],
    record: () => ({ answers: [], stamps: [] }),
    details: () => ({ sha256: "", notes: [] }),
  };
}

/** Why a reading is not taken beside what is in force; empty when it is. */
function refusalsOf(
  { options, mayEmpty }: ReadRequest,
  old: Standing & { readonly config: Config },
  next: Reading,
  unsettled: readonly string[],
): readonly string[] {
  if (!next.config) return next.errors;
  const lost = mayEmpty ? [] : lostAltogether(old, { ...next, config: next.config }, options.configFile, options.roles);
  return [...unsettled, ...newErrorsOf(old, next), ...needsRestart(old.config, next.config), ...lost];
}

function linesOf({ errors, warnings }: Reading): FindingLines {
  return {
    errors: errors.slice(0, MAX_TOLD),
    errorCount: errors.length,
    warnings: warnings.slice(0, MAX_TOLD),
    warningCount: warnings.length,
  };
}

function rightsEntry(role: RoleName, config: Config, options: ReaderOptions) {
  const rights = rightsOf(role, config, options);
  return rights ? [[role, rights] as const] : [];
}

function* piecesFor(
  { role, wholeBytes, changedBytes }: ShareAsked,
  old: Config | undefined,
  next: Config,
): Generator<RolePieces> {
  const share = shareOf(role, next);
  if (!old || changedBytes >= MOST_CHANGED * wholeBytes) return yield { role, whole: true, pieces: wholePieces(share) };
  const pieces = [...differencePieces(shareOf(role, old), share)];
  if (pieces.length > 0) yield { role, whole: false, pieces };
}
