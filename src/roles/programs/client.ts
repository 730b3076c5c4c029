// Roles: how a role has its programs run: the starter does it, and this side asks, waits and passes on what it is told. A
// starter that was killed is started again by the parent; what it had not answered is asked of the next one.
import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";
import type { Command } from "../../config/model/command.ts";
import { connectMessages, type MessageSocket } from "../../kernel/message-socket.ts";
import type { Readiness } from "../../kernel/readiness.ts";
import type { ScriptOutcome, ScriptRunner } from "../../kernel/script-runner.ts";
import { type ProgramPool, readFromStarter, starterPath, type ToStarter } from "./messages.ts";

/** Between two tries to reach it. */
const RETRY_MS = 10;
/** A starter that can't be reached for so long is not coming. */
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

export function createProgramClient(readiness: Readiness, clock: Clock, runDir: string): ProgramClient {
  const asked = new Map<number, Asked>();
  let lastId = 0;
  let socket: MessageSocket | undefined;
  let cancelRetry: Cancel | undefined;
  /** Since when nothing is heard of it. */
  let lostAt: MonoMs | undefined;

  function reach(): void {
    cancelRetry?.();
    cancelRetry = undefined;
    if (socket || asked.size === 0) return;
    socket = connectMessages(readiness, starterPath(runDir), {
      message: hear,
      closed() {
        socket = undefined;
        reachLater();
      },
    });
    if (socket) for (const { request } of asked.values()) tell(request);
    else reachLater();
  }

  /** Not at once: one that turns this process away, because it has not been told of it yet, would be asked without end. */
  function reachLater(): void {
    const now = clock.now();
    lostAt ??= now;
    for (const { at, done } of [...asked.values()])
      if (now - Math.max(at, lostAt) > REACH_MS)
        done({ kind: "cannot-start", reason: "the process that starts programs can't be reached" });
    cancelRetry?.();
    cancelRetry = clock.at(now + RETRY_MS, reach);
  }

  function tell(message: ToStarter): void {
    const to = socket;
    if (!to || to.send(JSON.stringify(message)) || message.kind !== "run") return;
    // When the other side has gone it is asked of the next one.
    if (socket !== to) return;
    asked.get(message.id)?.done({ kind: "cannot-start", reason: "too long arguments, or too many programs wait" });
  }

  function hear(text: string): void {
    lostAt = undefined;
    const message = readFromStarter(text);
    const one = asked.get(message.id);
    if (message.kind === "overdue") one?.overdue();
    else one?.done(message.outcome);
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
      const stop = () => tell({ kind: "end", id });
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
      if (socket && one) tell(one.request);
      else if (!cancelRetry) reach();
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
          tell({ kind: "stop", pool });
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
