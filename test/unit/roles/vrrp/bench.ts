// The vrrp role on a clock that is moved by hand, with a network in memory and sockets that keep what is sent.
import type { Clock } from "../../../../src/base/clock.ts";
import { formatIp } from "../../../../src/base/ip.ts";
import type { LogLine } from "../../../../src/base/log.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import type { ProcessRights } from "../../../../src/config/model/global.ts";
import type { VrrpInstance } from "../../../../src/config/model/vrrp.ts";
import { MAX_READS_PER_TURN, type SendOutcome, type VrrpDatagram } from "../../../../src/kernel/raw-socket.ts";
import type { ReceiveBuffer } from "../../../../src/kernel/receive-buffer.ts";
import { openSysctlKeeper, type SysctlJournalContent } from "../../../../src/kernel/sysctl.ts";
import { endpointKey, type VrrpSocketOptions } from "../../../../src/kernel/vrrp-endpoint.ts";
import type { FirewallSettings, FirewallWish } from "../../../../src/net/firewall-wish.ts";
import type { Notification } from "../../../../src/notify/notification.ts";
import type { ScriptRunResult } from "../../../../src/probe/track-script.ts";
import type { RoleOptions } from "../../../../src/roles/role.ts";
import type { VrrpPorts } from "../../../../src/roles/vrrp/ports.ts";
import { createVrrpRole } from "../../../../src/roles/vrrp/role.ts";
import type { TablesJournal } from "../../../../src/roles/vrrp/tables-journal.ts";
import type { StatusUpdate, VrrpStatus } from "../../../../src/status/schema.ts";
import { fakeIpvs } from "../../../support/fake-ipvs.ts";
import { fakeNetwork } from "../../../support/fake-network.ts";
import { manualClock } from "../../../support/manual-clock.ts";
import { configOf } from "../../../support/model.ts";
import { advertFrom, vrrpConfig, vrrpInstance } from "../../../support/vrrp.ts";

export interface BenchOptions {
  readonly releaseVrrp?: boolean;
  /** What a dead process left. */
  readonly journal?: TablesJournal;
  readonly nftFails?: boolean;
  /** Kernel settings that a dead process left, with what they were. */
  readonly sysctlJournal?: SysctlJournalContent;
  /** Another VRRP daemon works here. */
  readonly isSpokenHere?: boolean;
  /** What a configuration's tracked files wait for. */
  readonly filesComing?: () => Promise<void> | undefined;
  /** Each look at the clock takes so long: a stand-in for what work costs, for it is looked at with each thing that is done. */
  readonly workMs?: number;
}

/** A configuration with these instances. */
export function configWith(
  instances: readonly VrrpInstance[],
  more: Parameters<typeof vrrpConfig>[1] = {},
  global: Partial<Config["global"]> = {},
): Config {
  const base = configOf([]);
  return { ...base, vrrp: vrrpConfig(instances, more), global: { ...base.global, ...global } };
}

/** One packet filter that was opened: every wish it had, and whether it was taken away. */
export interface OpenedFirewall {
  readonly settings: FirewallSettings;
  readonly wishes: FirewallWish[];
  readonly rehearsed: FirewallWish[];
  /** Somebody else has removed it. */
  gone: boolean;
  removed: boolean;
}

export interface Sent {
  readonly at: number;
  readonly socket: string;
  readonly source: string;
  readonly vrid: number;
  readonly priority: number;
}

export const WORLD = "one";

/** eth0 with 192.0.2.1/24, works. */
export function bench(options: BenchOptions = {}) {
  const clock = manualClock(0);
  const network = fakeNetwork();
  network.addLink("eth0", 2);
  network.addAddress("eth0", "192.0.2.1");
  const logs: LogLine[] = [];
  const published: { readonly topic: string; readonly value: unknown }[] = [];
  const updates: StatusUpdate[] = [];
  const notifications: Notification[] = [];
  const rights: ProcessRights[] = [];
  const sent: Sent[] = [];
  const rehearsedSends: string[] = [];
  const frames: { readonly index: number; readonly frame: Uint8Array }[] = [];
  const firewalls: OpenedFirewall[] = [];
  const journals: TablesJournal[] = [];
  const sysctls = new Map<string, string>();
  const sysctlWrites: string[] = [];
  let { sysctlJournal } = options;
  const did: string[] = [];
  const acquires: { readonly key: string; readonly vrid: number; readonly options: VrrpSocketOptions }[] = [];
  const ipvs = fakeIpvs([]);
  const scripts = new Map<string, ScriptRunResult>();
  const fileWatches = new Map<string, (text: string | undefined) => void>();
  const processes = new Map<number, { readonly comm: string; readonly argv: readonly string[] }>();
  let processChanged: Parameters<VrrpPorts["trackers"]["openProcesses"]>[1] = () => {};
  /** By key of the socket: users. */
  const open = new Map<string, number>();
  let interests = 0;
  let noSockets = false;
  let acquired = 0;
  let outcome: SendOutcome = { ok: true };
  let hear: (datagram: VrrpDatagram, key: string) => void = () => {};
  let readTogether: (read: () => void) => void = (read) => read();
  /** Datagrams that wait to be drained. */
  const waiting: (() => void)[] = [];
  let settled = 0;

  const ports: VrrpPorts = {
    openSockets(onDatagram, together) {
      hear = onDatagram;
      readTogether = together;
      return {
        acquire(endpoint, vrid, socketOptions = {}) {
          acquired++;
          if (noSockets) throw new Error("EPERM");
          const key = endpointKey(endpoint);
          acquires.push({ key, vrid, options: socketOptions });
          open.set(key, (open.get(key) ?? 0) + 1);
          let held = true;
          return {
            key,
            fds: { in: 10, out: 11 },
            receiveBufferBytes: undefined,
            send(_, bytes, source) {
              if (outcome.ok) sent.push({ at: clock.now(), socket: key, source: formatIp(source), ...advertOf(bytes) });
              return outcome;
            },
            rehearse: () => void rehearsedSends.push(key),
            counters: () => ({ received: 0, receiveErrors: 0, sent: 0, sendErrors: 0, drops: 7 }),
            release() {
              if (!held) return;
              held = false;
              const left = (open.get(key) ?? 1) - 1;
              if (left > 0) open.set(key, left);
              else open.delete(key);
            },
          };
        },
        drain(all) {
          for (const one of waiting.splice(0, all ? waiting.length : MAX_READS_PER_TURN)) one();
        },
        [Symbol.dispose]() {
          did.push("sockets close");
          open.clear();
        },
      };
    },
    openReflector: (onEvents) =>
      Object.assign(network.openReflector(onEvents), {
        setReceiveBuffer: (wish?: ReceiveBuffer) => void did.push(`the reflector has ${bufferText(wish)}`),
        [Symbol.dispose]: () => void did.push("the reflector closes"),
      }),
    setCommandBuffer: (wish) => void did.push(`commands have ${bufferText(wish)}`),
    frames: {
      send(index, frame) {
        frames.push({ index, frame });
        return { ok: true };
      },
      rehearse() {},
      failed: () => 3,
      [Symbol.dispose]: () => void did.push("frames close"),
    },
    sysctl: openSysctlKeeper(
      {
        read: () => sysctlJournal,
        write(content) {
          sysctlJournal = content;
        },
        clear() {
          sysctlJournal = undefined;
        },
      },
      (line) => logs.push(line),
      {
        read: (path) => sysctls.get(path),
        write(path, value) {
          sysctls.set(path, value);
          sysctlWrites.push(`${path}=${value}`);
          return true;
        },
        list: () => [],
      },
      WORLD,
    ),
    virtuals: network.virtuals,
    journal: {
      read: () => options.journal,
      write: (value) => void journals.push(value),
      clear() {
        settled++;
      },
    },
    world: WORLD,
    trackers: {
      runScript: ({ name }) => Promise.resolve(scripts.get(name) ?? { ok: true, detail: "exit status 0" }),
      prepareFiles(wanted) {
        did.push(`files ${wanted.map(({ path, init }) => `${path}${init ? " anew" : ""}`).join()}`.trimEnd());
        return options.filesComing?.();
      },
      openFiles: () => ({
        watch(path, onText) {
          fileWatches.set(path, onText);
          onText(undefined);
          return { text: () => undefined, close: () => void fileWatches.delete(path) };
        },
        [Symbol.dispose]: () => void did.push("files close"),
      }),
      openLinks(polled) {
        did.push(`polls ${polled.map((one) => one.interface).join()}`);
        return {
          carrier: () => true,
          setInterfaces: (next) => void did.push(`polls ${next.map((one) => one.interface).join()}`.trimEnd()),
          [Symbol.dispose]: () => void did.push("links are polled no more"),
        };
      },
      openProcesses(_, changed) {
        processChanged = changed;
        return {
          source: "events",
          running: () => processes,
          *setInterest() {
            interests++;
            yield;
          },
          setReceiveBuffer: (wish) => void did.push(`processes have ${bufferText(wish)}`),
          [Symbol.dispose]: () => void did.push("processes are watched no more"),
        };
      },
    },
    notifier: {
      notify: (notification) => notifications.push(notification),
      drain: (limitMs) => Promise.resolve(void did.push(`notifier drains within ${limitMs}`)),
      reload: ({ routerId }) => void did.push(`notifier takes ${routerId ?? "the settings"}`),
      metrics: () => ({ lbd_notified_total: notifications.length }),
      close: () => void did.push("notifier closes"),
    },
    openFirewall(settings) {
      if (options.nftFails) throw new Error("EPROTONOSUPPORT");
      const opened: OpenedFirewall = { settings, wishes: [], rehearsed: [], gone: false, removed: false };
      firewalls.push(opened);
      return {
        apply(wish) {
          opened.wishes.push(wish);
          network.commands.push(`filter ${wish.blocked.map(({ ip }) => ip).join(" ")}`.trim());
          return undefined;
        },
        rehearse: (wish) => void opened.rehearsed.push(wish),
        audit() {
          const { gone } = opened;
          opened.gone = false;
          return gone;
        },
        remove() {
          opened.removed = true;
          return undefined;
        },
        [Symbol.dispose]: () => void did.push("the packet filter closes"),
      };
    },
    openIpvs: () => ({ ...ipvs, [Symbol.dispose]: () => void did.push("IPVS closes") }),
    takeRights: (wanted) => rights.push(wanted),
    scripts: {
      setSecurity: ({ user }) => void did.push(`programs run as ${user ?? "nobody said"}`),
      stopTracking: () => void did.push("tracking programs end"),
      stopNotifying: () => void did.push("programs of notifications end"),
    },
    awakeUntil: (at) => clock.skip(Math.max(0, at - clock.now())),
    processName: (pid) => (pid === 4242 ? "ip" : undefined),
    isVrrpSpokenHere: () => options.isSpokenHere ?? false,
    uptimeS: () => 1000,
    monotonicMs: () => clock.now(),
    close: () => void did.push("what the tables are changed by closes"),
  };
  const roleOptions: RoleOptions = {
    runDir: "/run/lbd",
    ipvsTransport: "auto",
    releaseIpvs: true,
    releaseVrrp: options.releaseVrrp ?? true,
    api: { tcp: null },
    debug: false,
  };
  let turns = 0;
  const workingClock: Clock = {
    now() {
      clock.skip(options.workMs ?? 0);
      return clock.now();
    },
    wallMs: clock.wallMs,
    at(when, run) {
      if (when <= clock.now()) turns++;
      return clock.at(when, run);
    },
  };
  const role = createVrrpRole(
    {
      clock: workingClock,
      log: (line) => logs.push(line),
      options: roleOptions,
      report: (update) => updates.push(update),
      publish: (topic, value) => void published.push({ topic, value }),
    },
    ports,
  );

  function hears(instance: VrrpInstance, from: string, priority = instance.priority): void {
    const key = [...open.keys()].find((one) => one.startsWith(`${instance.family}/`)) ?? "";
    hear({ ...advertFrom(instance, from, { priority }), truncated: false, receivedAt: clock.now() }, key);
  }

  return {
    clock,
    role,
    network,
    ipvs,
    logs,
    /** Facts for others, in order. */
    published,
    updates,
    notifications,
    rights,
    /** What the role had its ports do, but for sockets, tables and notifications. */
    did,
    /** Every socket that was asked for. */
    acquires,
    /** Times that the role asked for another turn of its loop. */
    turns: () => turns,
    /** Advertisements, in order. */
    sent,
    rehearsedSends,
    /** Announcements. */
    frames,
    firewalls,
    journals,
    journalCleared: () => settled > 0,
    sysctls,
    /** `path=value`, in order. */
    sysctlWrites,
    /** Keys of the sockets that are open. */
    sockets: () => [...open.keys()],
    /** Somebody looks at the status from then on. */
    start(config: Config): void {
      role.start(config);
      role.snapshot();
    },
    reload: (config: Config) => void role.reload(config),
    /** An advertisement arrives from somebody else. */
    hears,
    /** What is heard inside is read in one go. */
    together: (read: () => void) => readTogether(read),
    /** The same, but it waits in the socket until it is drained. */
    waits: (...args: Parameters<typeof hears>) => void waiting.push(() => hears(...args)),
    /** Sockets can't be opened, or can again. */
    socketsFail(fail: boolean): void {
      noSockets = fail;
    },
    /** Times that a socket was asked for. */
    acquired: () => acquired,
    /** Times that all processes were looked at anew. */
    interests: () => interests,
    stillWaiting: () => waiting.length,
    /** From now on sending gives this. */
    sending(next: SendOutcome): void {
      outcome = next;
    },
    scriptGives: (name: string, ok: boolean) => void scripts.set(name, { ok, detail: ok ? "" : "exit status 1" }),
    watchedFiles: () => [...fileWatches.keys()],
    fileHas: (path: string, text: string | undefined) => fileWatches.get(path)?.(text),
    processStarts(pid: number, comm: string): void {
      processes.set(pid, { comm, argv: [comm] });
      processChanged(pid, { comm, argv: [comm] });
    },
    /** `VI_1: BACKUP → MASTER (reason)` of every change of state. */
    transitions: () =>
      updates.flatMap((update) =>
        update.kind === "event" && (update.value.kind === "vrrp" || update.value.kind === "sync-group")
          ? [`${update.value.subject}: ${update.value.from} → ${update.value.to}`]
          : [],
      ),
    events: (kind: string) =>
      updates.flatMap((one) => (one.kind === "event" && one.value.kind === kind ? [one.value] : [])),
    state(name = "VI_1"): string | undefined {
      return this.status(name)?.state;
    },
    status(name = "VI_1"): VrrpStatus | undefined {
      const last = updates.findLast((update) => update.kind === "vrrp" && update.value.name === name);
      return last?.kind === "vrrp" ? last.value : undefined;
    },
    metric(name: string): number | undefined {
      const last = updates.findLast((update) => update.kind === "metrics" && name in update.values);
      return last?.kind === "metrics" ? last.values[name] : undefined;
    },
  };
}

function bufferText(wish: ReceiveBuffer | undefined): string {
  return wish ? `a buffer of ${wish.bytes}${wish.force ? " by force" : ""}` : "the usual buffer";
}

/** Of an IPv4 packet or an IPv6 payload. */
function advertOf(bytes: Uint8Array): { readonly vrid: number; readonly priority: number } {
  const start = (bytes[0] ?? 0) >> 4 === 4 ? ((bytes[0] ?? 0) & 15) * 4 : 0;
  return { vrid: bytes[start + 1] ?? 0, priority: bytes[start + 2] ?? 0 };
}

/** On eth0, a second of interval, 192.0.2.100. */
export const VI_1 = vrrpInstance();
