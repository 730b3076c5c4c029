// Role bfd: what keepalived's dump of the sessions is made of (src/dump), as everything stands now.
import type { Clock } from "../../base/clock.ts";
import { detectionMs, type Session, sendIntervalMs } from "../../bfd/session.ts";
import type { Config } from "../../config/model/config.ts";
import { bfdDump } from "../../dump/bfd.ts";
import { accountText } from "../../kernel/accounts.ts";
import type { DumpKind } from "../role.ts";
import type { WireShown } from "./wire.ts";

export function dumpOf(
  kind: DumpKind,
  config: Config | undefined,
  sessions: Iterable<Session>,
  shown: (session: Session) => WireShown,
  clock: Clock,
): Iterable<string> | undefined {
  if (kind !== "data" || !config) return undefined;
  const [now, wallMs] = [clock.now(), clock.wallMs()];
  return bfdDump({
    config,
    accountOf: (command) => accountText(command, config.global.scripts),
    wallMs: (mono) => wallMs + (mono - now),
    sessions: [...sessions].map((session) => ({
      session,
      sendIntervalMs: sendIntervalMs(session),
      detectionMs: detectionMs(session),
      hasSendError: shown(session).problem !== null,
    })),
  });
}
