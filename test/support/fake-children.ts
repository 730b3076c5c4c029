// Children that a test plays itself: what the parent spawns, sends and kills, and the words to say in a child's place.
import type { FromChild, ToChild } from "../../src/process/messages.ts";
import type { ChildEvents, SpawnChild } from "../../src/process/runtime.ts";
import type { RoleName } from "../../src/roles/role.ts";

export interface FakeChild {
  readonly role: RoleName;
  readonly pid: number;
  readonly got: ToChild[];
  readonly killed: string[];
  alive: boolean;
  say(message: FromChild): void;
  /** Anything, as a process says it that somebody else has taken over. */
  sayRaw(raw: unknown): void;
  /** Bytes that are no message. */
  breakChannel(reason: string): void;
  stderr(text: string): void;
  /** As a well-behaved child: hello, then started. */
  comeUp(): void;
  end(how: string): void;
  /** The last message of a kind. */
  last<K extends ToChild["kind"]>(kind: K): (ToChild & { kind: K }) | undefined;
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
    all.push(child);
    return {
      pid: child.pid,
      send(message) {
        if (!child.alive) return false;
        // As on the real channel: a copy, and only what JSON can carry.
        const copy: ToChild = JSON.parse(JSON.stringify(message));
        child.got.push(copy);
        if (copy.kind === "stop" && options.obedient) {
          child.say({ kind: "stopped" });
          child.end("status 0");
        }
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
    killed: [],
    alive: true,
    say(message) {
      const text = JSON.stringify(message);
      if (this.alive) events.message(JSON.parse(text), text.length);
    },
    sayRaw(raw) {
      if (this.alive) events.message(raw, JSON.stringify(raw).length);
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
    last(kind) {
      return this.got.findLast((message): message is ToChild & { kind: typeof kind } => message.kind === kind);
    },
  };
}
