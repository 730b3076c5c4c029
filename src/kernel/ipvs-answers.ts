// Adapter: what the kernel's answer to an IPVS command means: done, already so, or a failure in words that say what to do about it.
// The errnos are the kernel's by either transport (ipvs.md §5).
import { EAFNOSUPPORT, EEXIST, EFAULT, EINVAL, ENOENT, EPERM, ERANGE, ESRCH, errnoName } from "../../ffi/errno.ts";
import { destinationKey, serviceKey } from "../lvs/keys.ts";
import type { IpvsCommand } from "../lvs/model.ts";
import type { NetlinkAnswer } from "./netlink-socket.ts";
import type { CommandResult } from "./ports.ts";

/** `missing`: kernel modules that could not be loaded, by name, with the reason. */
export function judge(
  command: IpvsCommand,
  answer: NetlinkAnswer,
  missing: ReadonlyMap<string, string>,
): CommandResult {
  if (answer.errno === 0) return { command };
  if (isAlreadySo(command, answer.errno)) return { command, alreadySo: true };
  const cause = answer.text ?? likelyCause(command, answer.errno, missing);
  const message = `${describeCommand(command)}: ${errnoName(answer.errno)}${cause === undefined ? "" : ` (${cause})`}`;
  return { command, failure: { code: errnoName(answer.errno), message } };
}

function isAlreadySo(command: IpvsCommand, errno: number): boolean {
  switch (command.kind) {
    case "addService":
    case "addDestination":
      return errno === EEXIST;
    case "deleteService":
      return errno === ESRCH;
    case "deleteDestination":
      // ESRCH: the service went, and its destinations with it.
      return errno === ENOENT || errno === ESRCH;
    default:
      return false;
  }
}

const VERBS = {
  addService: "add service",
  editService: "edit service",
  deleteService: "delete service",
  addDestination: "add destination",
  editDestination: "edit destination",
  deleteDestination: "delete destination",
} as const satisfies Record<IpvsCommand["kind"], string>;

function describeCommand(command: IpvsCommand): string {
  const service = serviceKey(command.service);
  const destination = "destination" in command ? `${destinationKey(command.destination)} of ` : "";
  return `${VERBS[command.kind]} ${destination}${service}`;
}

function likelyCause(command: IpvsCommand, errno: number, missing: ReadonlyMap<string, string>): string | undefined {
  if (errno === EPERM) return "it takes CAP_NET_ADMIN in this network namespace";
  if (errno === ESRCH) return "there is no such service";
  if (command.kind === "addService" || command.kind === "editService") return serviceCause(command, errno, missing);
  if (command.kind === "addDestination" || command.kind === "editDestination") return destinationCause(command, errno);
  return undefined;
}

function serviceCause(
  { service }: Extract<IpvsCommand, { kind: "addService" | "editService" }>,
  errno: number,
  missing: ReadonlyMap<string, string>,
): string | undefined {
  switch (errno) {
    case ENOENT: {
      const engine = service.persistenceEngine;
      const problems = [`ip_vs_${service.scheduler}`, ...(engine ? [`ip_vs_pe_${engine}`] : [])].flatMap(
        (name) => missing.get(name) ?? [],
      );
      const what = engine
        ? `scheduler ${service.scheduler} or persistence engine ${engine}`
        : `scheduler ${service.scheduler}`;
      return [`the kernel has no ${what}`, ...problems].join("; ");
    }
    case EFAULT:
      return `protocol ${service.protocol}: expected 6 (TCP), 17 (UDP) or 132 (SCTP)`;
    case EAFNOSUPPORT:
      return "this kernel's IPVS is built without IPv6 (CONFIG_IP_VS_IPV6)";
    case EINVAL:
      return service.family === 6
        ? `granularity: expected a prefix length of 1..128 (got ${service.netmask})`
        : "a name is too long or a value out of range";
    default:
      return undefined;
  }
}

function destinationCause(
  { service, destination }: Extract<IpvsCommand, { kind: "addDestination" | "editDestination" }>,
  errno: number,
): string | undefined {
  const { weight, upperThreshold, lowerThreshold, forwarding } = destination;
  switch (errno) {
    case ENOENT:
      return "the service has no such destination";
    case ERANGE:
      return weight > 0x7fff_ffff
        ? `weight ${weight}: expected 0..2147483647`
        : `lower threshold ${lowerThreshold} is above upper threshold ${upperThreshold}`;
    case EINVAL:
      if (service.family !== (destination.ip.includes(":") ? 6 : 4))
        return forwarding.method === "TUN"
          ? "a destination of the other family does not go with a running sync daemon"
          : `a destination of the other family takes lvs_method TUN (got ${forwarding.method})`;
      return forwarding.tunnel?.type === "gue"
        ? `GUE takes a port of 1..65535 (got ${forwarding.tunnel.port ?? 0})`
        : undefined;
    default:
      return undefined;
  }
}
