// How a server stands that an earlier life of the role had put into the table.
import { expect, test } from "bun:test";
import type { RealServer, VirtualServer } from "../../../../src/config/model/lvs.ts";
import { serviceOf } from "../../../../src/lvs/desired.ts";
import { NOTHING_COUNTED, type SeenService } from "../../../../src/lvs/model.ts";
import { adopt } from "../../../../src/roles/checker/adoption.ts";
import type { Inheritance } from "../../../../src/roles/checker/journal.ts";
import { createPlaces } from "../../../../src/roles/checker/places.ts";
import { ORIGIN, realServer, sorryServer, virtualServer } from "../../../support/model.ts";

const KEY = "10.9.0.1:80/tcp";

/** The table with the service of a virtual server and servers of these weights. */
function seen(of: VirtualServer, weights: Readonly<Record<string, number>>): SeenService {
  const [address] = of.services;
  if (!address) throw new Error("no address");
  return {
    service: serviceOf(of, address),
    statistics: NOTHING_COUNTED,
    destinations: Object.entries(weights).map(([ip, weight]) => ({
      ip,
      port: 80,
      forwarding: { method: "NAT" },
      weight,
      upperThreshold: 0,
      lowerThreshold: 0,
      activeConnections: 0,
      inactiveConnections: 0,
      persistentConnections: 0,
      statistics: NOTHING_COUNTED,
    })),
  };
}

function inheritance(servers: readonly string[], services: readonly string[] = [KEY]): Inheritance {
  return {
    respawn: true,
    services: new Set(services),
    servers: new Set(servers.map((id) => `${KEY}|${id}`)),
    timeouts: undefined,
  };
}

test.each<[string, Partial<RealServer>, number | undefined, boolean]>([
  ["it has weight", {}, 1, true],
  ["it is not there", {}, undefined, false],
  ["weight 0 where failed servers leave: quiesced on purpose", {}, 0, true],
  ["weight 0 where failed servers stay: it had failed", { inhibitOnFailure: true }, 0, false],
  ["weight 0 that is configured so", { inhibitOnFailure: true, weight: 0 }, 0, true],
])("%s", (_what, part, weight, up) => {
  const vs = virtualServer([realServer(1, part)]);
  const found = adopt(vs, inheritance(["10.9.1.1:80"]), () =>
    seen(vs, weight === undefined ? {} : { "10.9.1.1": weight }),
  );
  expect(found?.get("10.9.1.1:80")).toEqual({ up, weight: weight ?? -1 });
});

test("servers that were not configured then are new, whatever is in the table", () => {
  const vs = virtualServer([realServer(1), realServer(2)]);
  const found = adopt(vs, inheritance(["10.9.1.1:80"]), () => seen(vs, { "10.9.1.1": 1, "10.9.1.2": 1 }));
  expect([...(found?.keys() ?? [])]).toEqual(["10.9.1.1:80"]);
});

test("a service that was not ours, or is not there, is none that was left", () => {
  const vs = virtualServer([realServer(1)]);
  const there = () => seen(vs, { "10.9.1.1": 1 });
  expect(adopt(vs, inheritance(["10.9.1.1:80"], []), there)).toBeUndefined();
  expect(adopt(vs, inheritance(["10.9.1.1:80"]), () => undefined)).toBeUndefined();
  expect(adopt({ ...vs, services: [] }, inheritance(["10.9.1.1:80"]), there)).toBeUndefined();
});

test("a failed call names the line of its object: the first of two servers with one address, the sorry server, the service", () => {
  const at = (line: number) => ({ origin: { ...ORIGIN, line } });
  const vs = virtualServer([realServer(1, { ...at(3), id: "a" }), realServer(1, { ...at(4), id: "b" })], {
    ...at(1),
    sorryServer: sorryServer(at(9)),
  });
  let owner: VirtualServer | undefined = vs;
  const places = createPlaces(() => owner);
  const { service } = seen(vs, {});
  const of = (ip: string) => places.placeOf({ kind: "deleteDestination", service, destination: { ip, port: 80 } });
  expect([of("10.9.1.1"), of("10.9.1.8"), of("10.9.7.7")]).toEqual(["test.conf:3", "test.conf:9", "test.conf:1"]);
  expect(places.placeOf({ kind: "deleteService", service })).toBe("test.conf:1");
  // Another configuration.
  owner = virtualServer([realServer(1, at(30))], at(10));
  places.forget();
  expect(of("10.9.1.1")).toBe("test.conf:30");
  owner = undefined;
  expect(of("10.9.1.1")).toBeUndefined();
});
