// Role bfd: which sockets its sessions need: those that hear, tried again until they are had, and one to send for each.

import { SyscallError } from "../../../ffi/errno.ts";
import type { Cancel, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import { type Family, familyOf, formatEndpoint, ipBytes } from "../../base/ip.ts";
import type { Log } from "../../base/log.ts";
import type { LimitedLog } from "../../base/log-limit.ts";
import { MULTIHOP_PORT, SINGLE_HOP_PORT } from "../../bfd/packet.ts";
import type { Session } from "../../bfd/session.ts";
import type { BfdInstance } from "../../config/model/bfd.ts";
import type { BfdListener, BfdSender, BfdSockets } from "../../kernel/bfd-sockets.ts";

/** A port that somebody else has is tried again this often. */
const RETRY_MS = 5000;
const AREA = "bfd";

export interface Wire {
  /** Hears what these sessions need, and no more; senders take their settings. */
  configure(sessions: readonly Session[]): void;
  send(session: Session, bytes: Uint8Array): void;
  /** The session with this discriminator is no more. */
  drop(local: number): void;
  shown(session: Session): WireShown;
  sendErrors(): number;
  drops(): number;
  drain(all: boolean): void;
  stop(): void;
}

export interface WireShown {
  readonly sourcePort: number | null;
  readonly sendErrors: number;
  /** Why it can't hear or send now, in words. */
  readonly problem: string | null;
}

interface Ear {
  readonly family: Family;
  readonly multihop: boolean;
  listener: BfdListener | undefined;
  problem: string | undefined;
}

interface Mouth {
  readonly sender: BfdSender;
  errors: number;
  failing: string | undefined;
}

/** @param limited for what the network decides how often it is said */
export function createWire(sockets: BfdSockets, clock: Clock, log: Log, limited: LimitedLog): Wire {
  const ears = new Map<string, Ear>();
  const mouths = new Map<number, Mouth>();
  let retry: Cancel | undefined;

  function listen(ear: Ear): void {
    const port = portOf(ear.multihop);
    const place = formatEndpoint(ear.family === 4 ? "0.0.0.0" : "::", port);
    try {
      ear.listener = sockets.listen(ear.family, port, ear.multihop);
      if (ear.problem !== undefined)
        log({ level: "info", area: AREA, message: `${place} is free now, and is listened on` });
      ear.problem = undefined;
    } catch (error) {
      // Without its detail: each try has a descriptor of its own, and is no news.
      const reason = error instanceof SyscallError ? `${error.syscall}: ${error.code}` : messageOf(error);
      const problem = `can't listen on ${place}: ${reason}`;
      if (ear.problem !== problem) {
        const hint = "another BFD speaker on this machine? Sessions stay down, all else goes on; it is tried again";
        log({ level: "error", area: AREA, message: `${problem} (${hint})` });
      }
      ear.problem = problem;
    }
  }

  function listenToAll(): void {
    retry?.();
    for (const ear of ears.values()) if (!ear.listener) listen(ear);
    const isLacking = [...ears.values()].some(({ listener }) => !listener);
    retry = isLacking ? clock.at(clock.now() + RETRY_MS, listenToAll) : undefined;
  }

  function mouthOf(session: Session): Mouth {
    const known = mouths.get(session.local);
    if (known) return known;
    const { neighbor, config } = session;
    const sender = sockets.sender({
      neighbor,
      source: config.sourceIp === undefined ? undefined : ipBytes(config.sourceIp),
      port: portOf(config.multihop),
      ttl: config.sentTtl,
    });
    const mouth: Mouth = { sender, errors: 0, failing: undefined };
    mouths.set(session.local, mouth);
    return mouth;
  }

  function say({ config: { name } }: Session, level: "info" | "warning", message: string): void {
    limited(`sending ${name}`, { level, area: AREA, message: `${name}: ${message}` });
  }

  return {
    configure(sessions) {
      const wanted = new Map(sessions.map(({ config }) => [earKey(config), config]));
      for (const [key, ear] of ears) {
        if (wanted.has(key)) continue;
        ear.listener?.close();
        ears.delete(key);
      }
      for (const [key, { neighborIp, multihop }] of wanted)
        if (!ears.has(key))
          ears.set(key, { family: familyOf(neighborIp), multihop, listener: undefined, problem: undefined });
      listenToAll();
      for (const { local, config } of sessions) mouths.get(local)?.sender.setTtl(config.sentTtl);
    },
    send(session, bytes) {
      const mouth = mouthOf(session);
      const outcome = mouth.sender.send(bytes);
      if (outcome.ok) {
        if (mouth.failing === undefined) return;
        mouth.failing = undefined;
        say(session, "info", "packets go out again");
        return;
      }
      mouth.errors++;
      if (mouth.failing === outcome.code) return;
      mouth.failing = outcome.code;
      const { neighborIp, sourceIp } = session.config;
      const from = sourceIp === undefined ? "" : ` from ${sourceIp}`;
      say(session, "warning", `can't send to ${neighborIp}${from}: ${outcome.code}`);
    },
    drop(local) {
      mouths.get(local)?.sender.close();
      mouths.delete(local);
    },
    shown({ local, config }) {
      const mouth = mouths.get(local);
      const deaf = ears.get(earKey(config))?.problem;
      const mute = mouth?.failing === undefined ? undefined : `can't send: ${mouth.failing}`;
      return {
        sourcePort: mouth?.sender.sourcePort ?? null,
        sendErrors: mouth?.errors ?? 0,
        problem: deaf ?? mute ?? null,
      };
    },
    sendErrors() {
      let sum = 0;
      for (const { errors } of mouths.values()) sum += errors;
      return sum;
    },
    drops: () => sockets.drops(),
    drain: (all) => sockets.drain(all),
    stop() {
      retry?.();
      for (const { listener } of ears.values()) listener?.close();
      for (const { sender } of mouths.values()) sender.close();
      ears.clear();
      mouths.clear();
    },
  };
}

function earKey({ neighborIp, multihop }: BfdInstance): string {
  return `${familyOf(neighborIp)} ${multihop}`;
}

function portOf(multihop: boolean): number {
  return multihop ? MULTIHOP_PORT : SINGLE_HOP_PORT;
}
