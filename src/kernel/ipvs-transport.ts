// Adapter: what the two ways to the kernel's IPVS table have in common. ipvs.ts puts them together.
import type { IpvsCommand, IpvsTimeouts, SeenService, ServiceKey, SyncDaemonState } from "../lvs/model.ts";
import type { NetlinkAnswer } from "./netlink-socket.ts";
import type { ServiceAnswer } from "./ports.ts";
import type { ReceiveBuffer } from "./receive-buffer.ts";

export interface IpvsTransport {
  /** `1.2.1`. */
  readonly version: string;
  /** One answer per command, in order; the kernel goes on after a failed one. @throws SyscallError when the socket fails */
  apply(commands: readonly IpvsCommand[]): NetlinkAnswer[];
  /** What this transport can see of the table. @throws SyscallError */
  read(): SeenService[];
  /** As IpvsTable has it (ports.ts). @throws SyscallError */
  askService(service: ServiceKey, last?: ServiceAnswer): ServiceAnswer | undefined;
  decodeService(answer: ServiceAnswer): SeenService | undefined;
  /** @throws SyscallError */
  flush(): void;
  /** @throws SyscallError */
  timeouts(): IpvsTimeouts;
  /** @throws SyscallError EINVAL */
  setTimeouts(timeouts: IpvsTimeouts): void;
  /** @throws SyscallError */
  daemons(): SyncDaemonState[];
  /** @throws SyscallError EEXIST, ENODEV, EINVAL */
  startDaemon(daemon: SyncDaemonState): void;
  /** @throws SyscallError ESRCH */
  stopDaemon(role: SyncDaemonState["role"]): void;
  setReceiveBuffer(wish: ReceiveBuffer | undefined): void;
  [Symbol.dispose](): void;
}
