// Process layer, appliance: judges the start that runs, again and again until it is a good one or has failed (appliance/self-test.ts).
import { request } from "node:http";
import { faultsOf, judge, newFaults, type StartFacts } from "../../appliance/self-test.ts";
import type { Clock, MonoMs } from "../../base/clock.ts";
import type { Level } from "../../base/log.ts";

const LOOK_MS = 500;
const ANSWER_LIMIT_MS = 5000;
/** No more than this counts between two looks, a question that was not answered among it: a machine that stood still did not fail for so long. */
const MAX_COUNTED_MS = LOOK_MS + ANSWER_LIMIT_MS + 1000;

export interface SelfTestPorts {
  readonly clock: Clock;
  say(level: Level, message: string): void;
  readonly trial: boolean;
  /** What of its time is gone already. */
  readonly elapsedMs: number;
  /** What was wrong when the slot was written. */
  readonly before: readonly string[];
  facts(): Promise<StartFacts>;
  good(): void;
  /** Of a start on trial. */
  failed(reason: string): void;
}

export interface SelfTest {
  /** What is wrong at this moment, one line each. */
  faults(): readonly string[];
}

export function startSelfTest(ports: SelfTestPorts): SelfTest {
  const { clock, trial, before } = ports;
  let lookedAt = clock.now();
  let { elapsedMs } = ports;
  let steadySince: MonoMs | undefined;
  let faults: readonly string[] = [];

  async function look(): Promise<void> {
    faults = faultsOf(await ports.facts());
    const now = clock.now();
    elapsedMs += Math.min(now - lookedAt, MAX_COUNTED_MS);
    lookedAt = now;
    if (newFaults(faults, before).length > 0) steadySince = undefined;
    else steadySince ??= now;
    const steadyMs = steadySince === undefined ? 0 : now - steadySince;
    const verdict = judge({ trial, faults, before, elapsedMs, steadyMs });
    if (verdict.kind === "good") {
      for (const fault of faults) ports.say("warning", `self-test: ${fault}`);
      return ports.good();
    }
    if (verdict.kind === "failed") return ports.failed(verdict.reason);
    clock.at(now + LOOK_MS, () => void look());
  }

  void look();
  return { faults: () => faults };
}

/** Asks a UNIX socket; true for status 200, else in words why it is none. */
export function answers(socketPath: string, path: string): Promise<true | string> {
  return new Promise((resolve) => {
    const asked = request({ socketPath, path, headers: { host: "localhost" }, agent: false }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on("data", (chunk: Buffer) => chunks.push(chunk));
      answer.on("error", (error) => resolve(error.message));
      answer.on("end", () => {
        if (answer.statusCode === 200) return resolve(true);
        resolve(reasonsOf(Buffer.concat(chunks).toString("utf8")) ?? `status ${answer.statusCode}`);
      });
    });
    asked.setTimeout(ANSWER_LIMIT_MS, () => asked.destroy(new Error("it does not answer")));
    asked.on("error", (error) => resolve(error.message));
    asked.end();
  });
}

function reasonsOf(body: string): string | undefined {
  try {
    const read: unknown = JSON.parse(body);
    if (typeof read !== "object" || read === null || !("reasons" in read) || !Array.isArray(read.reasons))
      return undefined;
    return read.reasons.join(", ");
  } catch {
    return undefined;
  }
}
