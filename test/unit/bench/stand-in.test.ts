// The bench's IPVS table answers as net/netfilter/ipvs/ip_vs_ctl.c does, in the structures that lbd reads.
import { expect, test } from "bun:test";
import { EEXIST, EINVAL, ENOENT, ESRCH } from "../../../ffi/errno.ts";
import {
  encodeCommand,
  encodeGetDestinations,
  encodeGetServices,
  IP_VS_SO_GET_DESTS,
  IP_VS_SO_GET_INFO,
  IP_VS_SO_GET_SERVICES,
} from "../../../src/lvs/codec-sockopt.ts";
import { decodeDestinations, decodeInfo, decodeServices } from "../../../src/lvs/codec-sockopt-answers.ts";
import { COMMAND_BYTES } from "../../../src/lvs/codec-sockopt-layout.ts";
import type { Destination, IpvsCommand, Service } from "../../../src/lvs/model.ts";
import { ipvsStandIn } from "../../bench/stand-in/table.ts";

const service: Service = {
  family: 4,
  protocol: 6,
  address: { kind: "address", ip: "10.0.0.1", port: 80 },
  scheduler: "wlc",
  flags: 0,
  timeoutS: 0,
  netmask: 0xffff_ffff,
};
const server = (ip: string, weight: number): Destination => ({
  ip,
  port: 80,
  forwarding: { method: "DR" },
  weight,
  upperThreshold: 0,
  lowerThreshold: 0,
});

function standIn() {
  const table = ipvsStandIn();
  return {
    table,
    set(command: IpvsCommand): number {
      const { option, value } = encodeCommand(command, new Uint8Array(COMMAND_BYTES));
      return table.set(option, value).errno;
    },
    get(option: number, question: Uint8Array): Uint8Array {
      const answer = table.get(option, question);
      if (typeof answer === "number") throw new Error(`errno ${answer}`);
      return answer;
    },
  };
}

test("what was programmed is read back, the newest destination first", () => {
  const { table, set, get } = standIn();
  expect(set({ kind: "addService", service })).toBe(0);
  expect(set({ kind: "addDestination", service, destination: server("172.16.0.1", 1) })).toBe(0);
  expect(set({ kind: "addDestination", service, destination: server("172.16.0.2", 2) })).toBe(0);
  expect(set({ kind: "editDestination", service, destination: server("172.16.0.1", 7) })).toBe(0);
  expect(decodeInfo(get(IP_VS_SO_GET_INFO, new Uint8Array(12)))).toMatchObject({ services: 1 });
  const [listed] = decodeServices(get(IP_VS_SO_GET_SERVICES, encodeGetServices(1)));
  expect(listed).toMatchObject({ service, destinations: 2 });
  const seen = decodeDestinations(get(IP_VS_SO_GET_DESTS, encodeGetDestinations(service, 2)));
  expect(seen).toMatchObject([server("172.16.0.2", 2), server("172.16.0.1", 7)]);
  expect(table.entries()).toBe(3);
});

test("errors are the kernel's", () => {
  const { table, set } = standIn();
  const destination = server("172.16.0.1", 1);
  expect(set({ kind: "addDestination", service, destination })).toBe(ESRCH);
  expect(set({ kind: "deleteService", service })).toBe(ESRCH);
  expect(set({ kind: "addService", service })).toBe(0);
  expect(set({ kind: "addService", service })).toBe(EEXIST);
  expect(set({ kind: "editDestination", service, destination })).toBe(ENOENT);
  expect(set({ kind: "deleteDestination", service, destination })).toBe(ENOENT);
  expect(set({ kind: "addDestination", service, destination })).toBe(0);
  expect(set({ kind: "addDestination", service, destination })).toBe(EEXIST);
  expect(table.get(IP_VS_SO_GET_SERVICES, encodeGetServices(1).subarray(1))).toBe(EINVAL);
});
