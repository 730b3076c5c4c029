// The bfd role on a clock that is moved by hand, with sockets in memory: what is sent is kept, what comes waits until it is read.
import { SyscallError } from "../../../../ffi/errno.ts";
import { ipBytes } from "../../../../src/base/ip.ts";
import type { LogLine } from "../../../../src/base/log.ts";
import { type ControlPacket, decodeControl } from "../../../../src/bfd/packet.ts";
import type { BfdInstance } from "../../../../src/config/model/bfd.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import type { ProcessRights } from "../../../../src/config/model/global.ts";
import type { BfdSenderSpec, ReceivedControl } from "../../../../src/kernel/bfd-sockets.ts";
import type { SendOutcome } from "../../../../src/kernel/raw-socket.ts";
import type { BfdPorts } from "../../../../src/roles/bfd/ports.ts";
import { createBfdRole } from "../../../../src/roles/bfd/role.ts";
import type { RoleOptions } from "../../../../src/roles/role.ts";
import type { SessionFacts } from "../../../../src/roles/sessions.ts";
import type { BfdStatus, StatusUpdate } from "../../../../src/status/schema.ts";
import { seededRandom } from "../../../sim/random.ts";
import { bytesOf, saying } from "../../../support/bfd.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { configOf } from "../../../support/model.ts";

const EADDRINUSE = 98;
/** Each has a descriptor of its own. */
let tries = 9;

export function bench(instances: readonly BfdInstance[], global: Partial<Config["global"]> = {}) {
  const clock = manualClock(0);
  const random = seededRandom(7);
  const logs: LogLine[] = [];
  const updates: StatusUpdate[] = [];
  const told: SessionFacts[] = [];
  const rights: ProcessRights[] = [];
  const sent: {
    readonly spec: BfdSenderSpec;
    readonly ttl: number;
    readonly packet: ControlPacket;
    readonly at: number;
  }[] = [];
  /** `4 3784` of each socket that hears. */
  const listening = new Set<string>();
  const senders = new Set<BfdSenderSpec>();
  const taken = new Set<string>();
  const waiting: ReceivedControl[] = [];
  const order: string[] = [];
  let outcome: SendOutcome = { ok: true };
  let drops = 0;
  let hear: (control: ReceivedControl) => void = () => {};
  let isWatched = true;
  let ports = 50_000;

  const made: BfdPorts = {
    openSockets(onControl) {
      hear = onControl;
      return {
        listen(family, port) {
          const key = `${family} ${port}`;
          if (taken.has(key)) throw new SyscallError("bind", EADDRINUSE, `fd ${tries++}`);
          listening.add(key);
          return { close: () => void listening.delete(key) };
        },
        sender(spec) {
          senders.add(spec);
          let { ttl } = spec;
          const sourcePort = ports++;
          return {
            send(bytes) {
              const read = decodeControl(bytes);
              if (read.ok && outcome.ok) sent.push({ spec, ttl, packet: read.value, at: clock.now() });
              order.push(`sent ${read.ok ? read.value.state : "nothing"}`);
              return outcome;
            },
            setTtl(next) {
              ttl = next;
            },
            sourcePort,
            close: () => void senders.delete(spec),
          };
        },
        drain(all) {
          order.push(all ? "read all" : "read");
          for (const control of waiting.splice(0)) hear(control);
        },
        drops: () => drops,
      };
    },
    chance: { share: random.next, word: () => Math.floor(random.next() * 2 ** 32) },
    takeRights: (wanted) => void rights.push(wanted),
  };
  const role = createBfdRole(
    {
      clock,
      log: (line) => void logs.push(line),
      options: {} as RoleOptions,
      report: (update) => void updates.push(update),
      isWatched: () => isWatched,
      publish: (_topic, value) => {
        told.push(value as SessionFacts);
        order.push("told");
      },
    },
    made,
  );
  const base = configOf([]);
  const config = (bfd: readonly BfdInstance[]): Config => ({ ...base, bfd, global: { ...base.global, ...global } });
  const control = (packet: Partial<ControlPacket>, from: Partial<ReceivedControl>): ReceivedControl => ({
    bytes: bytesOf(saying({ your: sent.at(-1)?.packet.my ?? 0, ...packet })),
    source: ipBytes("192.0.2.2"),
    destination: ipBytes("192.0.2.1"),
    hops: 255,
    multihop: false,
    truncated: false,
    receivedAt: clock.now(),
    ...from,
  });

  return {
    role,
    clock,
    logs,
    updates,
    told,
    rights,
    sent,
    listening,
    senders,
    taken,
    order,
    start: () => role.start(config(instances)),
    reload: (next: readonly BfdInstance[]) => role.reload(config(next)),
    /** Comes in at once. */
    hear: (packet: Partial<ControlPacket>, from: Partial<ReceivedControl> = {}) => hear(control(packet, from)),
    /** Comes in and waits to be read. */
    wait: (packet: Partial<ControlPacket>, from: Partial<ReceivedControl> = {}) =>
      void waiting.push(control(packet, from)),
    bringUp() {
      hear(control({ state: "Down", your: 0 }, {}));
      hear(control({ state: "Up" }, {}));
      hear(control({ state: "Up", final: true }, {}));
    },
    refuseToSend(code: string | undefined) {
      outcome = code === undefined ? { ok: true } : { ok: false, code };
    },
    lose: (count: number) => {
      drops += count;
    },
    unwatch() {
      isWatched = false;
      role.unwatched?.();
    },
    status: (name = "peer") =>
      updates.flatMap((update) => (update.kind === "bfd" && update.value.name === name ? [update.value] : [])).at(-1) as
        | BfdStatus
        | undefined,
    events: () =>
      updates.flatMap(({ kind, ...rest }) =>
        kind === "event" && "value" in rest
          ? [rest.value as { subject: string; from?: string; to: string; reason: string }]
          : [],
      ),
  };
}
