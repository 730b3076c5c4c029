// Every numbered statement of vrrp.md §9, and the ring that shows it. `core`: tests without I/O, whose names (or describe titles) carry
// the number. `wire`: needs sockets, links or the kernel's tables; the netns or vm tests carry the number. A statement with both is
// shown in the core and seen on the wire. A range in a title (`P01-P19`) is all of its numbers. Nothing may be missing from this table. It says
// where a statement is tested, not how well: `make test-mutants ROOM=src/vrrp` puts faults into the source and wants these tests to see them.
import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

type Ring = "core" | "wire" | "both";

const STATEMENTS: Readonly<Record<string, readonly [Ring, string]>> = {
  P01: ["both", "IPv4 multicast to 224.0.0.18, protocol 112"],
  P02: ["core", "TTL 255"],
  P03: ["wire", "destination MAC 01:00:5e:00:00:12"],
  P04: ["wire", "source is the first address of the interface, or the configured one"],
  P05: ["wire", "IPv6: ff02::12, hop limit 255, link-local source"],
  P06: ["core", "first byte 0x21 or 0x31"],
  P07: ["core", "VRID as configured"],
  P08: ["core", "priority is the effective one"],
  P09: ["core", "count without excluded addresses"],
  P10: ["core", "addresses in the order of the configuration"],
  P11: ["core", "v2: authentication type, interval in seconds"],
  P12: ["core", "v3: centiseconds, reserved bits zero"],
  P13: ["core", "v2 checksum without pseudo-header"],
  P14: ["core", "v3 IPv4 checksum with pseudo-header"],
  P15: ["core", "IPv6 checksum with pseudo-header"],
  P16: ["core", "v2: 8 bytes of authentication data"],
  P17: ["core", "AH layout"],
  P18: ["core", "AH integrity value"],
  P19: ["both", "AH sequence grows by one"],
  P20: ["core", "auth_hmac trailer"],
  P21: ["core", "auth_hmac value"],
  P22: ["core", "auth_hmac sequence grows strictly"],
  P23: ["both", "TOS 0xc0"],
  P24: ["core", "not fragmented, identification not 0"],
  P25: ["both", "virtual MAC as source, also in announcements"],
  P26: ["wire", "group joined before the first advertisement"],
  P27: ["both", "unicast: one packet for each peer"],
  X01: ["both", "TTL or hop limit"],
  X02: ["both", "version"],
  X03: ["both", "checksum"],
  X04: ["both", "too short for its count"],
  X05: ["both", "VRID not configured"],
  X06: ["both", "type"],
  X07: ["both", "v2: interval"],
  X08: ["both", "v2: authentication type"],
  X09: ["core", "v2: password"],
  X10: ["core", "v2: AH"],
  X11: ["core", "v3: interval is learned"],
  X12: ["core", "reserved bits"],
  X13: ["core", "other address list: counted"],
  X14: ["core", "padding"],
  X15: ["core", "unicast to a multicast instance"],
  X16: ["core", "multicast to a unicast instance"],
  X17: ["core", "unknown unicast source: taken, refused with check_unicast_src or strict_mode (req 19)"],
  X18: ["core", "auth_hmac enforce"],
  X19: ["core", "auth_hmac window"],
  X20: ["core", "auth_hmac replay"],
  X21: ["core", "permissive and receive-only"],
  X22: ["both", "a dropped packet changes nothing"],
  X23: ["both", "each kind of drop is logged once"],
  X24: ["both", "random and oversized packets"],
  X25: ["both", "a valid one still works"],
  S01: ["both", "starts in BACKUP"],
  S02: ["both", "255 is master at once"],
  S03: ["both", "silence: MASTER"],
  S04: ["core", "v2 formula"],
  S05: ["core", "v3 formula"],
  S06: ["core", "skew"],
  S07: ["both", "order on becoming master"],
  S08: ["core", "every interval"],
  S09: ["both", "priority 0 in BACKUP"],
  S10: ["core", "equal priority restarts"],
  S11: ["core", "lower does not"],
  S12: ["both", "nopreempt"],
  S13: ["both", "preempt_delay"],
  S14: ["core", "priority 0 at a master"],
  S15: ["both", "higher priority"],
  S16: ["both", "equal, greater address"],
  S17: ["both", "equal, smaller address"],
  S18: ["core", "lower priority"],
  S19: ["core", "lower_prio_no_advert"],
  S20: ["both", "stopping as master"],
  S21: ["core", "stopping as backup"],
  S22: ["both", "link lost"],
  S23: ["both", "link back"],
  S24: ["both", "sync group"],
  S25: ["both", "fault of a member"],
  S26: ["both", "weights"],
  S27: ["core", "255 ignores weights"],
  S28: ["both", "address removed by hand: put back (issue 3)"],
  S29: ["both", "reload keeps mastership"],
  S30: ["both", "reload without the instance"],
  S31: ["both", "reload with another address"],
  S32: ["core", "down_timer_adverts"],
  S33: ["core", "vrrp_startup_delay"],
  S34: ["core", "two owners"],
  S35: ["core", "own interval again as master"],
  S36: ["wire", "no_accept"],
  S37: ["wire", "virtual routes and rules"],
  S38: ["both", "tracker of weight 0"],
  S39: ["core", "higher_prio_send_advert"],
  S40: ["both", "left-over addresses"],
  S41: ["core", "same VRID for both families"],
  S42: ["core", "track scripts: waiting for the first result (rise, fall, time-out: test/unit/probe)"],
  S43: ["core", "unicast instance announces itself"],
  S44: ["wire", "everything as before after the stop"],
  G01: ["core", "ARP format"],
  G02: ["core", "repeat"],
  G03: ["core", "second burst"],
  G04: ["core", "refresh"],
  G05: ["core", "excluded addresses"],
  G06: ["core", "lower-priority bursts"],
  G07: ["core", "NA format"],
  G08: ["core", "pacing"],
  G09: ["core", "losing mastership stops the queue"],
  G10: ["core", "router flag (which interface forwards: the driver)"],
  G11: ["core", "delayed ones are cancelled"],
  G12: ["core", "one refresh timer"],
};

const TESTS = join(import.meta.dirname, "../..");
const CORE = ["unit/vrrp", "sim", "fuzz", "scenario"];
const WIRE = ["netns", "interop", "vm"];

/** `S08`, or all of `P01-P19`. */
const NUMBERS = /\b([PXSG])(\d\d)(?:-\1(\d\d))?\b/g;

/** A comment shows nothing. */
function withoutComments(text: string): string {
  return text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, "").replace(/\s\/\/ .*$/gm, "");
}

/** Numbers that stand in names of tests below these folders, this file excepted. */
function shown(folders: readonly string[], about: RegExp): ReadonlySet<string> {
  const found = new Set<string>();
  for (const folder of folders) {
    const path = join(TESTS, folder);
    if (!existsSync(path)) continue;
    for (const file of readdirSync(path)) {
      if (!about.test(file) || file === "coverage.test.ts") continue;
      for (const [, letter, from, to = from] of withoutComments(readFileSync(join(path, file), "utf8")).matchAll(
        NUMBERS,
      ))
        for (let n = Number(from); n <= Number(to); n++) found.add(`${letter}${String(n).padStart(2, "0")}`);
    }
  }
  return found;
}

const core = shown(CORE, /\.test\.ts$/);
const wire = shown(WIRE, /vrrp.*\.ts$/);

test("the table is whole: P01 to P27, X01 to X25, S01 to S44, G01 to G12", () => {
  const wanted = (
    [
      ["P", 27],
      ["X", 25],
      ["S", 44],
      ["G", 12],
    ] as const
  ).flatMap(([letter, count]) => Array.from({ length: count }, (_, i) => `${letter}${String(i + 1).padStart(2, "0")}`));
  expect(Object.keys(STATEMENTS)).toEqual(wanted);
});

const rows = Object.entries(STATEMENTS).map(([number, [ring, what]]) => [number, ring, what] as const);

describe("shown in the core", () => {
  test.each(rows.filter(([, ring]) => ring !== "wire"))("%s (%s) %s", (number) => {
    expect(core.has(number)).toBe(true);
  });
});

const wired = existsSync(join(TESTS, "netns/vrrp-states.test.ts"));
describe.skipIf(!wired)("seen on the wire (test/netns/vrrp-*.test.ts, test/interop, test/vm)", () => {
  // What only the wire can show must be there; what the core shows too is listed when the wire ring has it.
  test.each(rows.filter(([, ring]) => ring === "both"))("%s (%s) %s", (number) => {
    expect(wire.has(number)).toBe(true);
  });
});

describe.skipIf(!wired)("shown by the wire alone", () => {
  test.each(rows.filter(([, ring]) => ring === "wire"))("%s (%s) %s", (number) => {
    expect(wire.has(number)).toBe(true);
  });
});
