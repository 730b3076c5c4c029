// Dump core: what a dump of VRRP is made of: the configuration, and how everything stands now.
import type { Config } from "../config/model/config.ts";
import type { Address } from "../config/model/net.ts";
import type { TrackFile, TrackProcess, TrackScript, VrrpInstance } from "../config/model/vrrp.ts";
import type { InterfaceAddress, Link } from "../net/model.ts";
import type { ProcessTrackState } from "../vrrp/track-process.ts";
import type { InstanceView } from "../vrrp/view.ts";
import type { AddressPlace } from "./addresses.ts";
import type { AccountOf } from "./words.ts";

export interface VrrpSource {
  readonly config: Config;
  /** Wall clock of now, and what a monotonic time is by it. */
  readonly wallMs: (mono: number) => number;
  readonly accountOf: AccountOf;
  /** Virtual servers are configured, too: the checker runs what both could. */
  readonly hasServices: boolean;
  readonly instances: readonly InstanceShown[];
  readonly groups: readonly GroupShown[];
  readonly scripts: readonly ScriptShown[];
  readonly files: readonly FileShown[];
  readonly processes: readonly ProcessShown[];
  readonly bfd: readonly BfdShown[];
  readonly sockets: readonly SocketShown[];
  /** In the order of the kernel's numbers. */
  readonly links: readonly LinkShown[];
  /** How a static address is placed. */
  placeOf(address: Address): AddressPlace;
}

export interface InstanceShown {
  readonly view: InstanceView;
  /** Its virtual interface or its interface; undefined: not there. */
  readonly link: Link | undefined;
  /** The interface below a virtual one. */
  readonly below: Link | undefined;
  /** Name of the virtual interface, also of one that is not there; empty: none. */
  readonly vmacName: string;
  readonly sockets: SocketPair | undefined;
  placeOf(address: Address): AddressPlace;
}

export interface SocketPair {
  readonly in: number;
  readonly out: number;
}

export interface SocketShown extends SocketPair {
  readonly interface: string;
  readonly vrf: string | undefined;
  readonly family: 4 | 6;
  readonly protocol: 112 | 51;
  /** Of a unicast socket. */
  readonly source: string | undefined;
  /** 0: nobody asked for one. */
  readonly receiveBufferBytes: number;
  readonly instances: readonly Pick<VrrpInstance, "name" | "vrid">[];
}

export interface GroupShown {
  readonly name: string;
  readonly state: string;
}

export interface ScriptShown {
  readonly script: TrackScript;
  /** null: it has not ended once. */
  readonly up: boolean | null;
  /** Runs in a row with the other result. */
  readonly contrary: number;
  readonly isRunning: boolean;
}

export interface FileShown {
  readonly file: TrackFile;
  readonly value: number;
}

export interface ProcessShown {
  readonly process: TrackProcess;
  readonly state: Pick<ProcessTrackState, "count" | "up" | "changeAt">;
}

export interface BfdShown {
  readonly name: string;
  readonly weight: number;
  readonly reverse: boolean;
  readonly isUp: boolean;
}

export interface LinkShown {
  readonly link: Link;
  readonly below: Link | undefined;
  readonly addresses: readonly InterfaceAddress[];
  /** lbd made it. */
  readonly isOurs: boolean;
  readonly isPolled: boolean;
  /** Name of the VRF above. */
  readonly vrf: string | undefined;
}
