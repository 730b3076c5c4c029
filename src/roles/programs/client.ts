// Roles: how a role has its programs run: the starter does it, and this side asks, waits and passes on what it is told. A
// starter that was killed is started again by the parent; what it had not answered is asked of the next one.
import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";
import type { Command } from "../../config/model/command.ts";
import type { ScriptOutcome, ScriptRunner } from "../../kernel/script-runner.ts";
import type { StarterLink } from "./link.ts";
import type { ProgramPool, ToStarter } from "./messages.ts";

/** A starter that is not there for so long is not coming. */
const REACH_MS = 5000;
/** A little more than the starter takes to end programs. */
const STOP_MS = 1000;

interface Asked {
  readonly pool: ProgramPool;
  readonly request: ToStarter & { kind: "run" };
  readonly at: MonoMs;
  overdue(): void;
  done(outcome: ScriptOutcome): void;
}

export interface ProgramClient {
  runner(pool: ProgramPool): ScriptRunner;
}

export function createProgramClient(link: StarterLink, clock: Clock): ProgramClient {
  const asked = new Map<number, Asked>();
  let lastId = 0;
  let cancelGivingUp: Cancel | undefined;
  /** Since when there is none. */
  let lostAt: MonoMs = clock.now();

  link.join({
    hear(message) {
      if (message.kind === "overdue") asked.get(message.id)?.overdue();
      else if (message.kind === "ended") asked.get(message.id)?.done(message.outcome);
    },
    up() {
      for (const { request } of asked.values()) tell(request);
    },
    down() {
      lostAt = clock.now();
      giveUpLater();
    },
  });

  function tell(message: ToStarter & { kind: "run" }): void {
    const how = link.say(message);
    if (how === "away") giveUpLater();
    else if (how === "full")
      asked.get(message.id)?.done({ kind: "cannot-start", reason: "too long arguments, or too many programs wait" });
  }

  /** While somebody waits for one that is not there. */
  function giveUpLater(): void {
    const [first] = asked.values();
    if (cancelGivingUp || !first || link.isUp()) return;
    cancelGivingUp = clock.at(Math.max(first.at, lostAt) + REACH_MS, () => {
      cancelGivingUp = undefined;
      if (link.isUp()) return;
      const now = clock.now();
      for (const { at, done } of [...asked.values()])
        if (now - Math.max(at, lostAt) >= REACH_MS)
          done({ kind: "cannot-start", reason: "the process that starts programs can't be reached" });
      giveUpLater();
    });
  }

  function run(
    pool: ProgramPool,
    { argv, user, group }: Command,
    args: readonly string[],
    limitMs: number,
    overdue: () => void,
    end: AbortSignal | undefined,
  ): Promise<ScriptOutcome> {
    const id = ++lastId;
    return new Promise((resolve) => {
      const stop = () => void link.say({ kind: "end", id });
      const account = { ...(user === undefined ? {} : { user }), ...(group === undefined ? {} : { group }) };
      const limit = Number.isFinite(limitMs) ? limitMs : null;
      asked.set(id, {
        pool,
        at: clock.now(),
        request: { kind: "run", id, pool, argv: [...argv], ...account, args: [...args], limitMs: limit },
        overdue,
        done(outcome) {
          asked.delete(id);
          end?.removeEventListener("abort", stop);
          resolve(outcome);
        },
      });
      end?.addEventListener("abort", stop);
      const one = asked.get(id);
      if (one) tell(one.request);
    });
  }

  return {
    runner(pool) {
      let stopped = false;
      const own = () => [...asked.values()].filter((one) => one.pool === pool);
      return {
        run(command, args, limitMs, overdue = () => {}, end) {
          if (stopped) return Promise.resolve({ kind: "cannot-start", reason: "stopping" });
          return run(pool, command, args, limitMs, overdue, end);
        },
        running: () => own().length,
        async stop() {
          stopped = true;
          if (own().length === 0) return;
          link.say({ kind: "stop", pool });
          const gone = Promise.all(
            own().map(
              (one) =>
                new Promise<void>((resolve) => {
                  asked.set(one.request.id, {
                    ...one,
                    done(outcome) {
                      one.done(outcome);
                      resolve();
                    },
                  });
                }),
            ),
          );
          await within(gone);
          for (const one of own()) one.done({ kind: "cannot-start", reason: "stopping" });
        },
        // The starter has them from the configuration itself.
        setSecurity() {},
      };

      function within(work: Promise<unknown>): Promise<void> {
        return new Promise((resolve) => {
          const cancel = clock.at(clock.now() + STOP_MS, resolve);
          void work.then(() => {
            cancel();
            resolve();
          });
        });
      }
    },
  };
}
