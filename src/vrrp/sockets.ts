// VRRP core: which sockets the instances share, and whose packet a datagram of one of them is.
import { type Family, formatIp, type IpText } from "../base/ip.ts";
import type { VrrpInstance } from "../config/model/vrrp.ts";
import type { Datagram } from "./datagram.ts";
import type { Runtime } from "./runtime.ts";
import { ipProtocol, isUnicast } from "./wire.ts";

/** One receive socket (and its send twin) that the configuration asks for; instances share it and are told apart by VRID. */
export interface SocketSpec {
  readonly key: string;
  readonly family: Family;
  /** 112, or 51 with AH. */
  readonly protocol: number;
  readonly interface: string;
  readonly instances: readonly string[];
}

/** Instances by VRID; most have none. */
export type SocketRows = readonly (readonly Runtime[] | undefined)[];

/** By key of the socket. */
export function socketTableOf(runtimes: ReadonlyMap<string, Runtime>): ReadonlyMap<string, SocketRows> {
  const table = new Map<string, SocketRows>();
  for (const spec of socketSpecsOf(runtimes.values())) {
    const rows: (Runtime[] | undefined)[] = new Array(256);
    for (const name of spec.instances) {
      const runtime = runtimes.get(name);
      if (runtime) rows[runtime.config.vrid] = [...(rows[runtime.config.vrid] ?? []), runtime];
    }
    table.set(spec.key, rows);
  }
  return table;
}

/** What the driver has to have open. */
export function socketSpecsOf(runtimes: Iterable<Pick<Runtime, "config" | "source">>): readonly SocketSpec[] {
  const specs = new Map<string, { readonly spec: SocketSpec; readonly instances: string[] }>();
  for (const { config, source } of runtimes) {
    const spec = socketSpecOf(config, source?.ip);
    if (!spec) continue;
    const known = specs.get(spec.key);
    if (known) known.instances.push(config.name);
    else specs.set(spec.key, { spec, instances: [config.name] });
  }
  return [...specs.values()].map(({ spec, instances }) => ({ ...spec, instances }));
}

/** Of the same instance with the same source the same: all are asked whenever one has changed. */
const specsOf = new WeakMap<
  VrrpInstance,
  { readonly source: IpText | undefined; readonly spec: SocketSpec | undefined }
>();

/** Undefined for a unicast instance that has no source. */
export function socketSpecOf(instance: VrrpInstance, source: IpText | undefined): SocketSpec | undefined {
  const known = specsOf.get(instance);
  if (known && known.source === source) return known.spec;
  const spec = specFor(instance, source);
  specsOf.set(instance, { source, spec });
  return spec;
}

function specFor(instance: VrrpInstance, source: IpText | undefined): SocketSpec | undefined {
  const link = instance.interface ?? "";
  const protocol = ipProtocol(instance);
  const { family, name } = instance;
  const ownVmac = instance.vmac !== undefined && !instance.vmac.xmitBase;
  const base = { family, protocol, interface: link, instances: [name] };
  const prefix = `${family}/${protocol}/${link}${ownVmac ? `/vmac ${name}` : ""}`;
  if (!isUnicast(instance)) return { ...base, key: `${prefix}/${instance.multicastGroup}` };
  const address = instance.sourceIp ?? source;
  return address === undefined ? undefined : { ...base, key: `${prefix}/from ${address}` };
}

/** Of several unicast instances with one VRID on one socket, the one whose peer sent this. */
export function peerOf(candidates: readonly Runtime[], datagram: Datagram): Runtime | undefined {
  const sender = formatIp(datagram.source);
  return candidates.find((one) => one.receiver.peers.has(sender)) ?? candidates[0];
}
