// What the IPVS table must do on a real kernel, one list for every transport. Run in the guest by guest/ipvs.test.ts; what ipvsadm
// shows is the second opinion.
import { expect } from "bun:test";
import { spawnSync } from "node:child_process";
import type { Forwarding } from "../../src/config/model/lvs.ts";
import type { CommandResult, IpvsTable } from "../../src/kernel/ports.ts";
import { destinationKey, serviceKey } from "../../src/lvs/keys.ts";
import type { Destination, IpvsCommand, SeenService, Service, ServiceEntry } from "../../src/lvs/model.ts";

export type Transport = "auto" | "sockopt" | "netlink";

export interface IpvsCase {
  readonly name: string;
  /** Transports that can do it; absent: all. */
  readonly transports?: readonly Transport[];
  run(table: IpvsTable, ipvsadm: Ipvsadm): void;
}

export interface Ipvsadm {
  /** Lines of `ipvsadm -Sn`, sorted. */
  saved(): string[];
  /** Output of any call in the namespace. */
  run(...args: string[]): string;
}

/** ipvsadm inside a network namespace. */
export function ipvsadmIn(namespace: string): Ipvsadm {
  const run = (...args: string[]) => {
    const done = spawnSync("ip", ["netns", "exec", namespace, "ipvsadm", ...args], { encoding: "utf8" });
    if (done.status !== 0) throw new Error(`ipvsadm ${args.join(" ")}: ${done.stderr}`);
    return done.stdout;
  };
  const saved = () =>
    run("-Sn")
      .split("\n")
      .map((line) => line.trim())
      .filter((line) => line !== "")
      .sort();
  return { run, saved };
}

const WITH_NETLINK = ["auto", "netlink"] as const;
const PERSISTENT = 0x01;
const ONE_PACKET = 0x04;
const SCHEDULER_FLAG_1 = 0x08;
const SCHEDULER_FLAG_2 = 0x10;

/** A TCP service of an address. */
export function service(ip: string, port: number, changes: Partial<Service> = {}): Service {
  const family = ip.includes(":") ? 6 : 4;
  return {
    family,
    protocol: 6,
    address: { kind: "address", ip, port },
    scheduler: "rr",
    flags: 0,
    timeoutS: 0,
    netmask: family === 4 ? 0xffff_ffff : 128,
    ...changes,
  };
}

function marked(mark: number, family: 4 | 6, changes: Partial<Service> = {}): Service {
  const address = { kind: "fwmark", mark, family } as const;
  return { ...service("0.0.0.0", 0), family, address, netmask: family === 4 ? 0xffff_ffff : 128, ...changes };
}

function destination(
  ip: string,
  port: number,
  forwarding: Forwarding,
  changes: Partial<Destination> = {},
): Destination {
  return { ip, port, forwarding, weight: 1, upperThreshold: 0, lowerThreshold: 0, ...changes };
}

const NAT: Forwarding = { method: "NAT" };
const DR: Forwarding = { method: "DR" };
const IPIP: Forwarding = { method: "TUN", tunnel: { type: "ipip" } };

function adding(entries: readonly ServiceEntry[]): IpvsCommand[] {
  return entries.flatMap(({ service, destinations }) => [
    { kind: "addService", service } as const,
    ...destinations.map((d) => ({ kind: "addDestination", service, destination: d }) as const),
  ]);
}

/** Applies what must succeed. */
function done(table: IpvsTable, commands: readonly IpvsCommand[]): void {
  const results = table.apply(commands);
  expect(results.filter((r) => r.failure || r.alreadySo)).toEqual([]);
  expect(results.length).toBe(commands.length);
}

function outcome(result: CommandResult | undefined): string {
  if (!result) return "no result";
  if (result.failure) return result.failure.code;
  return result.alreadySo ? "already so" : "done";
}

/** The managed fields of a table, by key. */
function managed(seen: readonly SeenService[]): Map<string, ServiceEntry> {
  return new Map(
    seen.map(({ service, destinations }) => [
      serviceKey(service),
      {
        service,
        destinations: destinations
          .map(({ ip, port, forwarding, weight, upperThreshold, lowerThreshold }) => ({
            ip,
            port,
            forwarding,
            weight,
            upperThreshold,
            lowerThreshold,
          }))
          .sort((a, b) => destinationKey(a).localeCompare(destinationKey(b))),
      },
    ]),
  );
}

function expectTable(table: IpvsTable, wanted: readonly ServiceEntry[]): void {
  const sorted = wanted.map(({ service, destinations }) => ({
    service,
    destinations: [...destinations].sort((a, b) => destinationKey(a).localeCompare(destinationKey(b))),
  }));
  const expected = new Map(sorted.map((entry) => [serviceKey(entry.service), entry]));
  expect(managed(table.read())).toEqual(expected);
  // And each of them by itself, as the audit looks at them.
  const answers = wanted.map(({ service }) => ({ service, answer: table.askService(service) }));
  expect(managed(answers.flatMap(({ answer }) => (answer && table.decodeService(answer)) ?? []))).toEqual(expected);
  for (const { service, answer } of answers) expect(table.askService(service, answer)).toBe(answer);
}

export const ipvsCases: readonly IpvsCase[] = [
  {
    name: "every scheduler of the kernel, loaded as it is asked for",
    run(table, ipvsadm) {
      const names = ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"];
      const entries = names.map((scheduler, i) => ({
        service: service("192.0.2.1", 8000 + i, { scheduler }),
        destinations: [],
      }));
      done(table, adding(entries));
      expect(ipvsadm.saved()).toEqual(names.map((name, i) => `-A -t 192.0.2.1:${8000 + i} -s ${name}`).sort());
      expectTable(table, entries);
    },
  },
  {
    name: "protocols, marks, flags, persistence with granularity",
    run(table, ipvsadm) {
      const entries: ServiceEntry[] = [
        service("192.0.2.1", 80),
        service("192.0.2.1", 53, { protocol: 17, flags: ONE_PACKET }),
        service("192.0.2.1", 3868, { protocol: 132 }),
        service("192.0.2.2", 443, { flags: PERSISTENT, timeoutS: 300, netmask: 0xffff_ff00 }),
        service("192.0.2.3", 80, { scheduler: "sh", flags: SCHEDULER_FLAG_1 | SCHEDULER_FLAG_2 }),
        service("192.0.2.4", 80, { scheduler: "mh", flags: SCHEDULER_FLAG_2 }),
        service("192.0.2.5", 0, { flags: PERSISTENT, timeoutS: 360 }),
        marked(17, 4, { scheduler: "wrr" }),
      ].map((s) => ({ service: s, destinations: [] }));
      done(table, adding(entries));
      expect(ipvsadm.saved()).toEqual(
        [
          "-A -t 192.0.2.1:80 -s rr",
          "-A -u 192.0.2.1:53 -s rr -o",
          "-A --sctp-service 192.0.2.1:3868 -s rr",
          "-A -t 192.0.2.2:443 -s rr -p 300 -M 255.255.255.0",
          "-A -t 192.0.2.3:80 -s sh -b sh-fallback,sh-port",
          "-A -t 192.0.2.4:80 -s mh -b mh-port",
          "-A -t 192.0.2.5:0 -s rr -p 360",
          "-A -f 17 -s wrr",
        ].sort(),
      );
      expectTable(table, entries);
    },
  },
  {
    name: "destinations: methods, weights, thresholds, other ports",
    run(table, ipvsadm) {
      const entries: ServiceEntry[] = [
        {
          service: service("192.0.2.1", 80),
          destinations: [
            destination("198.51.100.1", 8080, NAT, { weight: 5 }),
            destination("198.51.100.2", 80, DR, { weight: 0, upperThreshold: 1000, lowerThreshold: 800 }),
            destination("198.51.100.3", 80, IPIP, { weight: 65_535 }),
          ],
        },
        { service: marked(33, 4), destinations: [destination("198.51.100.4", 0, DR, { weight: 2_147_483_647 })] },
      ];
      done(table, adding(entries));
      expect(ipvsadm.saved()).toEqual(
        [
          "-A -t 192.0.2.1:80 -s rr",
          "-a -t 192.0.2.1:80 -r 198.51.100.1:8080 -m -w 5",
          "-a -t 192.0.2.1:80 -r 198.51.100.2:80 -g -w 0",
          "-a -t 192.0.2.1:80 -r 198.51.100.3:80 -i -w 65535 --tun-type ipip",
          "-A -f 33 -s rr",
          "-a -f 33 -r 198.51.100.4:0 -g -w 2147483647",
        ].sort(),
      );
      expect(ipvsadm.run("-Ln", "--thresholds")).toMatch(/198\.51\.100\.2:80\s+1000\s+800\s/);
      expectTable(table, entries);
    },
  },
  {
    name: "an address of this machine is shown as a local node",
    run(table) {
      const entry = { service: service("192.0.2.1", 80), destinations: [destination("127.0.0.1", 80, NAT)] };
      done(table, adding([entry]));
      const [seen] = table.read();
      const [local] = seen?.destinations ?? [];
      expect(local?.localNode === true || local?.forwarding.method === "NAT").toBe(true);
    },
  },
  {
    name: "editing changes what is asked and keeps the rest",
    run(table, ipvsadm) {
      const before = service("192.0.2.1", 80);
      const first = destination("198.51.100.1", 80, NAT);
      const second = destination("198.51.100.2", 80, NAT);
      done(table, adding([{ service: before, destinations: [first, second] }]));
      const after = service("192.0.2.1", 80, { scheduler: "wlc", flags: PERSISTENT, timeoutS: 60 });
      const changed = { ...first, forwarding: DR, weight: 7, upperThreshold: 9, lowerThreshold: 8 };
      const said = table.askService(before);
      done(table, [
        { kind: "editService", service: after },
        { kind: "editDestination", service: after, destination: changed },
      ]);
      const now = table.askService(after, said);
      expect(now).not.toBe(said);
      expect(now && table.decodeService(now)).toMatchObject({
        service: { scheduler: "wlc", timeoutS: 60 },
        destinations: [{ weight: 7 }, { weight: 1 }],
      });
      expect(ipvsadm.saved()).toEqual(
        [
          "-A -t 192.0.2.1:80 -s wlc -p 60",
          "-a -t 192.0.2.1:80 -r 198.51.100.1:80 -g -w 7",
          "-a -t 192.0.2.1:80 -r 198.51.100.2:80 -m -w 1",
        ].sort(),
      );
      done(table, [{ kind: "editService", service: before }]);
      expectTable(table, [{ service: before, destinations: [changed, second] }]);
    },
  },
  {
    name: "what is so already is no failure, and says so",
    run(table) {
      const s = service("192.0.2.1", 80);
      const d = destination("198.51.100.1", 80, NAT);
      const commands: IpvsCommand[] = [
        ...adding([{ service: s, destinations: [d] }]),
        ...adding([{ service: s, destinations: [d] }]),
        { kind: "deleteDestination", service: s, destination: d },
        { kind: "deleteDestination", service: s, destination: d },
        { kind: "deleteService", service: s },
        { kind: "deleteService", service: s },
        { kind: "deleteDestination", service: s, destination: d },
      ];
      expect(table.apply(commands).map(outcome)).toEqual([
        "done",
        "done",
        "already so",
        "already so",
        "done",
        "already so",
        "done",
        "already so",
        "already so",
      ]);
      expect(table.read()).toEqual([]);
    },
  },
  {
    name: "a failure names its object and cause, and the commands around it are done",
    run(table, ipvsadm) {
      const s = service("192.0.2.1", 80);
      const good = [destination("198.51.100.1", 80, NAT), destination("198.51.100.2", 80, NAT)] as const;
      const results = table.apply([
        { kind: "addService", service: s },
        { kind: "addDestination", service: s, destination: good[0] },
        { kind: "addService", service: service("192.0.2.2", 80, { scheduler: "nosuch" }) },
        { kind: "addDestination", service: service("192.0.2.9", 80), destination: good[0] },
        {
          kind: "addDestination",
          service: s,
          destination: destination("198.51.100.3", 80, NAT, { upperThreshold: 1, lowerThreshold: 5 }),
        },
        { kind: "editDestination", service: s, destination: destination("198.51.100.8", 80, NAT) },
        { kind: "editService", service: service("192.0.2.8", 80) },
        { kind: "addDestination", service: s, destination: good[1] },
      ]);
      expect(results.map(outcome)).toEqual(["done", "done", "ENOENT", "ESRCH", "ERANGE", "ENOENT", "ESRCH", "done"]);
      expect(results[2]?.failure?.message).toContain(
        "add service 192.0.2.2:80/tcp: ENOENT (the kernel has no scheduler nosuch",
      );
      expect(results[3]?.failure?.message).toBe(
        "add destination 198.51.100.1:80 of 192.0.2.9:80/tcp: ESRCH (there is no such service)",
      );
      expect(results[4]?.failure?.message).toContain("lower threshold 5 is above upper threshold 1");
      expect(results[5]?.failure?.message).toContain("the service has no such destination");
      expect(ipvsadm.saved().length).toBe(3);
    },
  },
  {
    name: "flush empties the table, and only that of its namespace",
    run(table, ipvsadm) {
      done(
        table,
        adding([{ service: service("192.0.2.1", 80), destinations: [destination("198.51.100.1", 80, NAT)] }]),
      );
      expect(spawnSync("ipvsadm", ["-Sn"], { encoding: "utf8" }).stdout.trim()).toBe("");
      table.flush();
      expect(ipvsadm.saved()).toEqual([]);
      expect(table.askService(service("192.0.2.1", 80))).toBeUndefined();
      expect(table.read()).toEqual([]);
    },
  },
  {
    name: "timeouts: 0 leaves what is there",
    run(table, ipvsadm) {
      table.setTimeouts({ tcp: 1000, tcpFin: 100, udp: 200 });
      expect(table.timeouts()).toEqual({ tcp: 1000, tcpFin: 100, udp: 200 });
      table.setTimeouts({ tcp: 0, tcpFin: 0, udp: 60 });
      expect(ipvsadm.run("-L", "--timeout")).toContain("1000 100 60");
      table.setTimeouts({ tcp: 900, tcpFin: 120, udp: 300 });
    },
  },
  {
    name: "sync daemons start once and stop once",
    run(table) {
      table.startDaemon({ role: "master", interface: "lo", syncId: 10 });
      expect(() => table.startDaemon({ role: "master", interface: "lo", syncId: 10 })).toThrow("EEXIST");
      expect(table.daemons()).toMatchObject([{ role: "master", interface: "lo", syncId: 10 }]);
      table.stopDaemon("master");
      expect(() => table.stopDaemon("master")).toThrow("ESRCH");
      expect(() => table.startDaemon({ role: "backup", interface: "no-such-if", syncId: 1 })).toThrow("ENODEV");
      expect(table.daemons()).toEqual([]);
    },
  },
  {
    name: "a sync daemon with length, group, port and TTL",
    transports: WITH_NETLINK,
    run(table) {
      const daemon = {
        role: "backup",
        interface: "lo",
        syncId: 11,
        maxLen: 1400,
        port: 9000,
        ttl: 4,
        group: "239.1.1.1",
      } as const;
      table.startDaemon(daemon);
      expect(table.daemons()).toEqual([daemon]);
      table.stopDaemon("backup");
    },
  },
  {
    name: "IPv6: services, destinations, persistence by prefix, marks",
    transports: WITH_NETLINK,
    run(table, ipvsadm) {
      const entries: ServiceEntry[] = [
        {
          service: service("2001:db8::1", 80),
          destinations: [destination("2001:db8:1::1", 8080, NAT), destination("2001:db8:1::2", 80, DR, { weight: 3 })],
        },
        { service: service("2001:db8::2", 443, { flags: PERSISTENT, timeoutS: 60, netmask: 64 }), destinations: [] },
        { service: marked(5, 6), destinations: [destination("2001:db8:1::3", 0, DR)] },
        { service: marked(5, 4), destinations: [destination("198.51.100.3", 0, DR)] },
      ];
      done(table, adding(entries));
      expect(ipvsadm.saved()).toEqual(
        [
          "-A -t [2001:db8::1]:80 -s rr",
          "-a -t [2001:db8::1]:80 -r [2001:db8:1::1]:8080 -m -w 1",
          "-a -t [2001:db8::1]:80 -r [2001:db8:1::2]:80 -g -w 3",
          "-A -t [2001:db8::2]:443 -s rr -p 60 -M 64",
          "-A -f 5 -6 -s rr",
          "-a -f 5 -6 -r [2001:db8:1::3]:0 -g -w 1",
          "-A -f 5 -s rr",
          "-a -f 5 -r 198.51.100.3:0 -g -w 1",
        ].sort(),
      );
      expectTable(table, entries);
    },
  },
  {
    name: "tunnel kinds, and a destination of the other family",
    transports: WITH_NETLINK,
    run(table, ipvsadm) {
      const entry: ServiceEntry = {
        service: service("192.0.2.1", 53, { protocol: 17 }),
        destinations: [
          destination("198.51.100.1", 53, { method: "TUN", tunnel: { type: "gue", port: 6080, checksum: "csum" } }),
          destination("198.51.100.2", 53, { method: "TUN", tunnel: { type: "gre", checksum: "nocsum" } }),
          destination("198.51.100.3", 53, IPIP),
          destination("2001:db8::5", 53, IPIP),
        ],
      };
      done(table, adding([entry]));
      const saved = ipvsadm.saved().join("\n");
      expect(saved).toContain("-r 198.51.100.1:53 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum");
      expect(saved).toContain("-r 198.51.100.2:53 -i -w 1 --tun-type gre --tun-nocsum");
      expectTable(table, [entry]);
      const plain = destination("198.51.100.1", 53, IPIP);
      done(table, [{ kind: "editDestination", service: entry.service, destination: plain }]);
      expectTable(table, [{ ...entry, destinations: [plain, ...entry.destinations.slice(1)] }]);
      const [wrong] = table.apply([
        { kind: "addDestination", service: entry.service, destination: destination("2001:db8::6", 53, NAT) },
      ]);
      expect(wrong?.failure?.code).toBe("EINVAL");
    },
  },
  {
    name: "a persistence engine comes and goes",
    transports: WITH_NETLINK,
    run(table, ipvsadm) {
      const plain = service("192.0.2.1", 5060, { protocol: 17, flags: PERSISTENT | ONE_PACKET, timeoutS: 60 });
      const engine: Service = { ...plain, persistenceEngine: "sip" };
      done(table, adding([{ service: engine, destinations: [] }]));
      expect(ipvsadm.saved()[0]).toContain("--pe sip");
      expectTable(table, [{ service: engine, destinations: [] }]);
      done(table, [{ kind: "editService", service: plain }]);
      expectTable(table, [{ service: plain, destinations: [] }]);
    },
  },
  {
    name: "what has no words in socket options is refused in words",
    transports: ["sockopt"],
    run(table) {
      const results = table.apply(adding([{ service: service("2001:db8::1", 80), destinations: [] }]));
      expect(results[0]?.failure?.message).toContain(
        "add service [2001:db8::1]:80/tcp: EINVAL (socket options have no words",
      );
    },
  },
  {
    name: "1,000 services with 4 destinations each, and all of it read back",
    run(table) {
      const entries: ServiceEntry[] = Array.from({ length: 1000 }, (_, i) => ({
        service: service(`10.${i >> 8}.${i & 255}.1`, 80, { scheduler: "wlc" }),
        destinations: [1, 2, 3, 4].map((n) => destination(`198.51.100.${n}`, 1000 + i, NAT, { weight: n })),
      }));
      const commands = adding(entries);
      const start = performance.now();
      const results = table.apply(commands);
      const applied = performance.now();
      const seen = table.read();
      const read = performance.now();
      expect(results.filter((r) => r.failure || r.alreadySo).length).toBe(0);
      expect(seen.length).toBe(1000);
      expectTable(table, entries);
      const removing: IpvsCommand[] = entries.map(({ service }) => ({ kind: "deleteService", service }));
      const removed = performance.now();
      done(table, removing);
      const ms = (from: number, to: number) => `${Math.round(to - from)} ms`;
      console.log(
        `${table.transport}: 1,000 x 4 programmed in ${ms(start, applied)}, read in ${ms(applied, read)}, removed in ${ms(removed, performance.now())}`,
      );
    },
  },
];
