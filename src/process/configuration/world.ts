// Process layer: what a reading of a configuration asks the outside. Reading is pure, so the answers determine what comes of it: they can be
// written down, to know later whether a reading would come to the same, and to read again what is in force when the files say something else.
import type { NameDirectories, NameTable } from "../../config/bind/reader.ts";
import type { ConfigFiles } from "../../config/expand/include.ts";
import type { Command } from "../../config/model/command.ts";
import type { ScriptSecurity } from "../../config/model/global.ts";
import type { ProgramVerdict } from "../../config/semantics/programs.ts";

export interface World extends ConfigFiles {
  hostName(): string;
  /** Number of a name in the tables of iproute2 and in /etc/protocols. */
  numberOf(table: NameTable, name: string, directories: NameDirectories): number | undefined;
  hasAccount(kind: "user" | "group", name: string): boolean;
  keyFile(path: string): Uint8Array | undefined;
  hasInterface(name: string): boolean;
  hasModule(name: string): boolean;
  /** What stands in the way of running a program, or should not be. */
  program(command: Pick<Command, "argv" | "user" | "group">, security: ScriptSecurity): ProgramVerdict | undefined;
  /** Why others than root can change a file. */
  openFile(path: string): { readonly reason: string; readonly mend: string } | undefined;
  /** From 0 to below 1. */
  random(): number;
}

/** JSON texts of questions and of their answers, each question once. */
export type WorldRecord = readonly (readonly [question: string, answer: string])[];

export interface Recorder {
  /** Asks `world` each question once; a second time gives the same answer. */
  readonly world: World;
  record(): WorldRecord;
}

export function recordWorld(world: World): Recorder {
  const answers = new Map<string, string>();
  const given = new Map<string, unknown>();
  return {
    world: through(world, (question, ask) => {
      if (given.has(question)) return given.get(question);
      const answer = ask();
      given.set(question, answer);
      answers.set(question, textOf(answer));
      return answer;
    }),
    record: () => [...answers],
  };
}

/** Answers as the recorded world did. A question that was not asked there is an error of the program. */
export function replayWorld(record: WorldRecord): World {
  const answers = new Map(record);
  return through(undefined, (question) => {
    const answer = answers.get(question);
    if (answer === undefined) throw new Error(`never asked before: ${question}`);
    return answerOf(answer);
  });
}

/** Whether `world` would answer as was recorded. Chance never does. */
export function stillHolds(record: WorldRecord, world: World): boolean {
  return record.every(([question, answer]) => {
    const [name, args]: [keyof World, unknown[]] = JSON.parse(question);
    return name !== "random" && textOf(Reflect.apply(world[name], world, args)) === answer;
  });
}

/** Bytes of the files that were read, in the order of reading. */
export function filesRead(record: WorldRecord, files: readonly string[]): readonly Uint8Array[] {
  const contents = new Map<string, Uint8Array>();
  for (const [question, answer] of record) {
    const [name, [path]]: [keyof World, unknown[]] = JSON.parse(question);
    if (name !== "read" || typeof path !== "string") continue;
    const content = answerOf(answer);
    if (typeof content === "object" && content !== null && "value" in content && content.value instanceof Uint8Array)
      contents.set(path, content.value);
  }
  return files.flatMap((file) => contents.get(file) ?? []);
}

/** The same questions, each by way of `via`. */
function through(world: World | undefined, via: (question: string, ask: () => unknown) => unknown): World {
  let chances = 0;
  const ask = <K extends keyof World>(name: K, ...args: Parameters<World[K]>): ReturnType<World[K]> => {
    // Each throw of the dice is a question of its own.
    const question = JSON.stringify([name, name === "random" ? [chances++] : args]);
    const answer = via(question, () => world && Reflect.apply(world[name], world, args));
    return answer as ReturnType<World[K]>;
  };
  return {
    read: (path, maxBytes) => ask("read", path, maxBytes),
    list: (directory) => ask("list", directory),
    exists: (path) => ask("exists", path),
    resolve: (path) => ask("resolve", path),
    hostName: () => ask("hostName"),
    numberOf: (table, name, directories) => ask("numberOf", table, name, directories),
    hasAccount: (kind, name) => ask("hasAccount", kind, name),
    keyFile: (path) => ask("keyFile", path),
    hasInterface: (name) => ask("hasInterface", name),
    hasModule: (name) => ask("hasModule", name),
    program: (command, security) => ask("program", command, security),
    openFile: (path) => ask("openFile", path),
    random: () => ask("random"),
  };
}

/** Bytes as characters, one each: mostly text, which stays short that way. */
interface Latin1 {
  readonly latin1: string;
}

function textOf(answer: unknown): string {
  return JSON.stringify([answer], (_key, value: unknown) =>
    value instanceof Uint8Array ? ({ latin1: Buffer.from(value).toString("latin1") } satisfies Latin1) : value,
  );
}

function answerOf(text: string): unknown {
  const [answer]: unknown[] = JSON.parse(text, (_key, value: unknown) =>
    isLatin1(value) ? new Uint8Array(Buffer.from(value.latin1, "latin1")) : value,
  );
  // No answer is null.
  return answer ?? undefined;
}

function isLatin1(value: unknown): value is Latin1 {
  return typeof value === "object" && value !== null && "latin1" in value && typeof value.latin1 === "string";
}
