// The kernel's answers to IPVS commands: which mean that it is so already, and what an operator reads of the others.
import { describe, expect, test } from "bun:test";
import { EAFNOSUPPORT, EEXIST, EFAULT, EINVAL, ENOENT, EPERM, ERANGE, ESRCH, errnoName } from "../../../ffi/errno.ts";
import { judge } from "../../../src/kernel/ipvs-answers.ts";
import type { Destination, IpvsCommand, Service } from "../../../src/lvs/model.ts";

const SERVICE: Service = {
  family: 4,
  protocol: 6,
  address: { kind: "address", ip: "10.9.0.1", port: 80 },
  scheduler: "mh",
  flags: 0,
  timeoutS: 0,
  netmask: 0xffff_ffff,
};
const DESTINATION: Destination = {
  ip: "10.9.1.1",
  port: 80,
  forwarding: { method: "NAT" },
  weight: 1,
  upperThreshold: 0,
  lowerThreshold: 0,
};
const KINDS = [
  "addService",
  "editService",
  "deleteService",
  "addDestination",
  "editDestination",
  "deleteDestination",
] as const;

function command(
  kind: IpvsCommand["kind"],
  service: Partial<Service> = {},
  destination: Partial<Destination> = {},
): IpvsCommand {
  return {
    kind,
    service: { ...SERVICE, ...service },
    destination: { ...DESTINATION, ...destination },
  };
}

function words(of: IpvsCommand, errno: number, missing: Readonly<Record<string, string>> = {}): string | undefined {
  return judge(of, { errno }, new Map(Object.entries(missing))).failure?.message;
}

describe("what is so already is no failure", () => {
  const ALREADY: Readonly<Record<IpvsCommand["kind"], readonly number[]>> = {
    addService: [EEXIST],
    editService: [],
    deleteService: [ESRCH],
    addDestination: [EEXIST],
    editDestination: [],
    // The destination is gone, or its service with all of them.
    deleteDestination: [ENOENT, ESRCH],
  };
  test.each(KINDS)("%s", (kind) => {
    const of = command(kind);
    expect(judge(of, { errno: 0 }, new Map())).toEqual({ command: of });
    for (const errno of [EAFNOSUPPORT, EEXIST, EFAULT, EINVAL, ENOENT, EPERM, ERANGE, ESRCH]) {
      const { alreadySo, failure } = judge(of, { errno }, new Map());
      const isSo = ALREADY[kind].includes(errno);
      expect([kind, errno, alreadySo, failure?.code]).toEqual([
        kind,
        errno,
        isSo ? true : undefined,
        isSo ? undefined : errnoName(errno),
      ]);
    }
  });
});

test.each<[string, IpvsCommand, number, string]>([
  ["a right", command("deleteService"), EPERM, "it takes CAP_NET_ADMIN in this network namespace"],
  ["a service", command("editDestination"), ESRCH, "there is no such service"],
  ["a scheduler", command("addService"), ENOENT, "the kernel has no scheduler mh; not built"],
  [
    "an engine",
    command("editService", { persistenceEngine: "sip" }),
    ENOENT,
    "the kernel has no scheduler mh or persistence engine sip; not built; no sip",
  ],
  [
    "a protocol",
    command("addService", { protocol: 1 }),
    EFAULT,
    "protocol 1: expected 6 (TCP), 17 (UDP) or 132 (SCTP)",
  ],
  ["IPv6", command("addService"), EAFNOSUPPORT, "this kernel's IPVS is built without IPv6 (CONFIG_IP_VS_IPV6)"],
  [
    "a prefix length",
    command("addService", { family: 6, netmask: 129 }),
    EINVAL,
    "granularity: expected a prefix length of 1..128 (got 129)",
  ],
  ["a destination", command("editDestination"), ENOENT, "the service has no such destination"],
  [
    "thresholds in order",
    command("addDestination", {}, { upperThreshold: 1, lowerThreshold: 2 }),
    ERANGE,
    "lower threshold 2 is above upper threshold 1",
  ],
  [
    "a weight in range",
    command("addDestination", {}, { weight: 0x8000_0000 }),
    ERANGE,
    "weight 2147483648: expected 0..2147483647",
  ],
  [
    "one family",
    command("addDestination", {}, { ip: "2001:db8::1" }),
    EINVAL,
    "a destination of the other family takes lvs_method TUN (got NAT)",
  ],
  [
    "no sync daemon",
    command("addDestination", {}, { ip: "2001:db8::1", forwarding: { method: "TUN" } }),
    EINVAL,
    "a destination of the other family does not go with a running sync daemon",
  ],
  [
    "a port of GUE",
    command("addDestination", {}, { forwarding: { method: "TUN", tunnel: { type: "gue" } } }),
    EINVAL,
    "GUE takes a port of 1..65535 (got 0)",
  ],
])("%s is missing: the failure says so", (_what, of, errno, cause) => {
  const missing = { ip_vs_mh: "not built", ip_vs_pe_sip: "no sip" };
  expect(words(of, errno, missing)).toEndWith(` (${cause})`);
});

test("a failure names the command and its object; the transport's own words come first", () => {
  const of = command("deleteDestination");
  expect(words(of, EPERM)).toStartWith("delete destination 10.9.1.1:80 of 10.9.0.1:80/tcp: EPERM (");
  const { failure } = judge(of, { errno: EPERM, text: "said so" }, new Map());
  expect(failure).toEqual({
    code: "EPERM",
    message: "delete destination 10.9.1.1:80 of 10.9.0.1:80/tcp: EPERM (said so)",
  });
});
