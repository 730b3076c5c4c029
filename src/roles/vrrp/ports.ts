// Role vrrp: what the vrrp role works with: the real things here, fakes in tests.

import { hostname, uptime } from "node:os";
import { monotonicMicroseconds } from "../../../ffi/time.ts";
import type { MonoMs } from "../../base/clock.ts";
import type { ProcessRights, ScriptSecurity } from "../../config/model/global.ts";
import { openIpvs } from "../../kernel/ipvs.ts";
import { openLinkMonitor } from "../../kernel/link-monitor.ts";
import { openNotifyFifo } from "../../kernel/make-fifo.ts";
import { openVrrpFirewall, type VrrpFirewall } from "../../kernel/nftables.ts";
import { type FrameSender, openFrameSender } from "../../kernel/packet-socket.ts";
import type { IpvsTable } from "../../kernel/ports.ts";
import { openProcessMonitor } from "../../kernel/process-monitor.ts";
import { processName } from "../../kernel/process-name.ts";
import { openVrrpSockets, type VrrpDatagram, type VrrpSockets } from "../../kernel/raw-socket.ts";
import { openReadiness } from "../../kernel/readiness.ts";
import type { ReceiveBuffer } from "../../kernel/receive-buffer.ts";
import { openReflector, type Reflector } from "../../kernel/reflector.ts";
import { openRights } from "../../kernel/rights.ts";
import { openRtnetlink } from "../../kernel/rtnetlink.ts";
import { currentWorld, openSysctlKeeper, parseSysctlJournal, type SysctlKeeper } from "../../kernel/sysctl.ts";
import { openVirtualInterfaces, type VirtualInterfaces } from "../../kernel/vmac.ts";
import { vrrpIsSpokenHere } from "../../kernel/vrrp-speakers.ts";
import type { FirewallSettings } from "../../net/firewall-wish.ts";
import { tableScope } from "../../net/parts.ts";
import type { NetEvent } from "../../net/seen.ts";
import { createNotifier, type RunningNotifier } from "../../notify/notifier.ts";
import { type Journal, journalPath, openJournal } from "../journal.ts";
import { lateNotifier } from "../late-notifier.ts";
import { createProgramClient } from "../programs/client.ts";
import { createFileClient } from "../programs/files.ts";
import { openStarterLink } from "../programs/link.ts";
import type { RoleContext } from "../role.ts";
import { scriptResult } from "./script-result.ts";
import { parseTablesJournal, type TablesJournal } from "./tables-journal.ts";
import type { TrackerPorts } from "./tracked.ts";

export interface VrrpPorts {
  /** `onDatagram` is called during reading, with the key of the socket. */
  /** `together`: around what is read in one go. */
  openSockets(
    onDatagram: (datagram: VrrpDatagram, key: string) => void,
    together: (read: () => void) => void,
  ): VrrpSockets;
  /** Reads the tables; `onEvents` gets the changes of one turn together. @throws SyscallError */
  openReflector(onEvents: (events: readonly NetEvent[]) => void): Reflector;
  /** Of the socket by which the tables are changed (`vrrp_netlink_cmd_rcv_bufs`). */
  setCommandBuffer(wish: ReceiveBuffer | undefined): void;
  readonly frames: FrameSender;
  readonly sysctl: SysctlKeeper;
  readonly virtuals: VirtualInterfaces;
  readonly journal: Journal<TablesJournal>;
  /** Boot and network namespace: keys of the journal mean something in one of them only. */
  readonly world: string;
  readonly trackers: Omit<TrackerPorts, "clock" | "log">;
  readonly notifier: RunningNotifier;
  /** @throws SyscallError when the kernel has no packet filter */
  openFirewall(settings: FirewallSettings): VrrpFirewall;
  /** For the connection-sync daemons. @throws IpvsUnavailable */
  openIpvs(): IpvsTable;
  /** Priority, CPUs, locked memory and limits of this process. */
  takeRights(rights: ProcessRights): void;
  readonly scripts: {
    setSecurity(security: ScriptSecurity): void;
    /** Ends the tracking scripts; programs of notifications go on. */
    stopTracking(): void | Promise<void>;
    stopNotifying(): void | Promise<void>;
  };
  /** Comes back at this time, without having slept. */
  awakeUntil(at: MonoMs): void;
  processName(pid: number): string | undefined;
  /** Another VRRP daemon works in this namespace. */
  isVrrpSpokenHere(): boolean;
  /** Seconds since the machine started. */
  uptimeS(): number;
  /** CLOCK_MONOTONIC, which all processes of the machine read alike. */
  monotonicMs(): number;
  /** Closes what the tables are changed by. */
  close(): void;
}

/** The real ones. */
export function realPorts(context: RoleContext): VrrpPorts {
  const { clock, log, options } = context;
  const readiness = openReadiness();
  // Two: programs of notifications never wait for tracking scripts that hang, nor the other way round.
  const link = openStarterLink(readiness, context.introductions);
  const programs = createProgramClient(link, clock);
  const files = createFileClient(link, clock, log);
  const trackScripts = programs.runner("checks");
  const notifyScripts = programs.runner("notifications");
  const sysctl = openSysctlKeeper(openJournal(journalPath(options.runDir, "vrrp", "sysctl"), parseSysctlJournal), log);
  const commands = openRtnetlink();
  return {
    openSockets: (onDatagram, together) => openVrrpSockets(readiness, () => clock.now(), onDatagram, together),
    openReflector: (onEvents) => openReflector(readiness, clock, commands, { scope: tableScope([]) }, onEvents),
    setCommandBuffer: (wish) => commands.setReceiveBuffer(wish),
    frames: openFrameSender(),
    sysctl,
    virtuals: openVirtualInterfaces(commands, sysctl, log),
    journal: openJournal(journalPath(options.runDir, "vrrp"), parseTablesJournal),
    world: currentWorld(),
    trackers: {
      async runScript({ command, timeoutMs }, overdue) {
        const late = () => overdue(scriptResult({ kind: "timeout", limitMs: timeoutMs }));
        return scriptResult(await trackScripts.run(command, [], timeoutMs, late));
      },
      openFiles: () => files,
      prepareFiles: (wanted) => files.prepare(wanted, []),
      openLinks: (polled, changed) => openLinkMonitor(clock, polled, changed),
      openProcesses: (options, changed) => openProcessMonitor(readiness, clock, options, changed),
    },
    notifier: lateNotifier((global) =>
      createNotifier("vrrp", global, {
        clock,
        log,
        hostName: hostname(),
        run: (command, args, limitMs, end) => notifyScripts.run(command, args, limitMs, undefined, end),
        openFifo: openNotifyFifo,
      }),
    ),
    openFirewall: openVrrpFirewall,
    openIpvs: () => openIpvs({ transport: options.ipvsTransport, log }),
    takeRights: openRights("vrrp", log),
    scripts: {
      setSecurity(security) {
        trackScripts.setSecurity(security);
        notifyScripts.setSecurity(security);
      },
      stopTracking: () => trackScripts.stop(),
      stopNotifying: () => notifyScripts.stop(),
    },
    awakeUntil(at) {
      while (clock.now() < at);
    },
    processName,
    isVrrpSpokenHere: vrrpIsSpokenHere,
    uptimeS: uptime,
    monotonicMs: () => monotonicMicroseconds() / 1000,
    close: () => commands[Symbol.dispose](),
  };
}
