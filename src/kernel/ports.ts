// Adapters' interfaces: what roles/* hand to the core, and what test/support fakes.

import type { IpvsCommand, IpvsTimeouts, SeenService, ServiceKey, SyncDaemonState } from "../lvs/model.ts";
import type { ReceiveBuffer } from "./receive-buffer.ts";

/** A kernel call that failed, with the object it was for. */
export interface KernelFailure {
  /** Name of the errno: `ENOENT`. */
  readonly code: string;
  /** What was asked, of which object, and the likely cause in words. */
  readonly message: string;
}

export interface CommandResult {
  readonly command: IpvsCommand;
  /** Absent: done, or already so (EEXIST on add, ENOENT/ESRCH on delete). */
  readonly failure?: KernelFailure;
  /** The kernel already had, or no longer had, the object: drift. */
  readonly alreadySo?: boolean;
}

/** Bytes that only the transport which gave them can read. */
export type ServiceAnswer = Uint8Array;

/** The IPVS table of one network namespace. One writer: the checker process (daemons: the vrrp process). */
export interface IpvsTable {
  readonly transport: "sockopt" | "netlink" | "mixed";
  readonly version: string;
  /** The whole table with counters. @throws SyscallError */
  read(): readonly SeenService[];
  /**
   * What the kernel says of one service, its destinations and counters, in its own bytes; undefined when it is not there. `last`: what
   * it said before; where it says the same again, this very object is given back, so that a look at an idle service makes nothing.
   * @throws SyscallError
   */
  askService(service: ServiceKey, last?: ServiceAnswer): ServiceAnswer | undefined;
  /** The meaning of such an answer. */
  decodeService(answer: ServiceAnswer): SeenService | undefined;
  /**
   * Applies in order and goes on after a failure; one result per command, same order.
   * @throws SyscallError when the socket itself fails: then only read() tells how far it went
   */
  apply(commands: readonly IpvsCommand[]): readonly CommandResult[];
  /** Removes everything, also what is not ours. @throws SyscallError */
  flush(): void;
  timeouts(): IpvsTimeouts;
  /** @throws SyscallError */
  setTimeouts(timeouts: IpvsTimeouts): void;
  daemons(): readonly SyncDaemonState[];
  /** @throws SyscallError EEXIST when one of that role runs */
  startDaemon(daemon: SyncDaemonState): void;
  /** @throws SyscallError ESRCH when none of that role runs */
  stopDaemon(role: SyncDaemonState["role"]): void;
  /** Of the netlink socket (`lvs_netlink_cmd_rcv_bufs`); undefined: as large as it was. */
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
  [Symbol.dispose](): void;
}
