// Children that a test plays itself: what the parent spawns, sends and kills, and the words to say in a child's place.
import type { Config } from "../../src/config/model/config.ts";
import { createAssembly } from "../../src/process/configuration/assembly.ts";
import type { FromChild, Question, ToChild } from "../../src/process/messages.ts";
import { type ChildEvents, type SpawnChild, unpackText } from "../../src/process/runtime.ts";
import type { RoleName } from "../../src/roles/role.ts";

/** A message as a child acts on it: with the configuration that came before it in pieces. */
export type Got = ToChild & { readonly config?: Config };

export interface FakeChild {
  readonly role: RoleName;
  readonly pid: number;
  readonly got: Got[];
  /** Texts of the pieces of configuration that came, all of them. */
  readonly pieces: string[];
  readonly killed: string[];
  alive: boolean;
  say(message: FromChild): void;
  /** Anything, as a process says it that somebody else has taken over. */
  sayRaw(raw: unknown): void;
  /** The same of what JSON.stringify can't write. */
  sayParsed(raw: unknown): void;
  /** Bytes that are no message. */
  breakChannel(reason: string): void;
  stderr(text: string): void;
  /** As a well-behaved child: hello, then started. */
  comeUp(): void;
  end(how: string): void;
  /** Answers the last question of a kind. */
  answer(kind: Question["kind"]): void;
  /** The last message of a kind. */
  last<K extends ToChild["kind"]>(kind: K): (Got & { kind: K }) | undefined;
}

export interface FakeChildren {
  readonly spawn: SpawnChild;
  readonly all: FakeChild[];
  /** The newest process of a role. */
  of(role: RoleName): FakeChild;
}

/** @param obedient: a child that is told to stop ends at once, as good ones do */
export function fakeChildren(options: { readonly obedient: boolean } = { obedient: true }): FakeChildren {
  const all: FakeChild[] = [];
  const spawn: SpawnChild = (role, events) => {
    const child = fakeChild(role, 1000 + all.length, events);
    const assembly = createAssembly();
    all.push(child);
    return {
      pid: child.pid,
      send(message) {
        if (!child.alive) return false;
        // As on the real channel: a copy, and only what JSON can carry.
        const copy: ToChild = JSON.parse(JSON.stringify(message));
        const configured = copy.kind === "start" || copy.kind === "reload";
        child.got.push(configured ? { ...copy, config: assembly.config() } : copy);
        if (copy.kind === "stop" && options.obedient) {
          child.say({ kind: "stopped" });
          child.end("status 0");
        }
        return true;
      },
      sendPiece(piece) {
        if (!child.alive) return false;
        const text = unpackText(piece);
        child.pieces.push(text);
        assembly.take(text);
        return true;
      },
      kill(signal) {
        child.killed.push(signal);
        if (signal === "SIGKILL") child.end("signal SIGKILL");
      },
    };
  };
  return {
    spawn,
    all,
    of(role) {
      const child = all.findLast((one) => one.role === role);
      if (!child) throw new Error(`no ${role} was started`);
      return child;
    },
  };
}

function fakeChild(role: RoleName, pid: number, events: ChildEvents): FakeChild {
  return {
    role,
    pid,
    got: [],
    pieces: [],
    killed: [],
    alive: true,
    say(message) {
      const text = JSON.stringify(message);
      if (this.alive) events.message(JSON.parse(text), text.length);
    },
    sayRaw(raw) {
      if (this.alive) events.message(raw, JSON.stringify(raw).length);
    },
    sayParsed(raw) {
      if (this.alive) events.message(raw, 0);
    },
    breakChannel: (reason) => events.broken(reason),
    stderr: (text) => events.stderr(text),
    comeUp() {
      this.say({ kind: "hello" });
      this.say({ kind: "started" });
    },
    end(how) {
      if (!this.alive) return;
      this.alive = false;
      events.exit(how);
    },
    answer(kind) {
      this.say({ kind: "answer", id: this.last(kind)?.id ?? 0 });
    },
    last(kind) {
      return this.got.findLast((message): message is Got & { kind: typeof kind } => message.kind === kind);
    },
  };
}
