// Config core: keywords of bfd_instance.

import type { Table } from "../bind/keyword.ts";
import { ip } from "../bind/values/addresses.ts";
import { milliseconds, strictInteger, weight } from "../bind/values/numbers.ts";
import { bool, flag } from "../bind/values/switches.ts";
// biome-ignore format: a table reads by rows
export const BFD_INSTANCE = {
  neighbor_ip: { value: ip, default: "(required)", repeat: "last", tier: "core", since: "2.0.0", aliases: "neighbour_ip", build: "bfd",
    effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "The other end; two sessions may not share neighbour, source and hop mode." },
  neighbour_ip: { value: ip, repeat: "last", tier: "core", since: "2.0.0", sameAs: "neighbor_ip", aliases: "neighbor_ip", build: "bfd",
    effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Second spelling of neighbor_ip." },
  source_ip: { value: ip, default: "(kernel's choice)", repeat: "last", tier: "core", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Own address, same family as the neighbour." },
  min_rx: { value: milliseconds(1, 4294967), initial: 10_000, unit: "ms", repeat: "last", tier: "core", since: "2.0.0", build: "bfd",
    effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Shortest receive interval we accept; above 10000 is only logged." },
  min_tx: { value: milliseconds(1, 4294967), initial: 10_000, unit: "ms", repeat: "last", tier: "core", since: "2.0.0", build: "bfd",
    effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Wished send interval while up." },
  idle_tx: { value: milliseconds(1000, 4294967), initial: 1_000_000, unit: "ms", repeat: "last", tier: "core", since: "2.0.0", build: "bfd",
    effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Send interval while down." },
  multiplier: { value: strictInteger(1, 255), initial: 5, repeat: "last", tier: "core", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Missed packets before the session is down." },
  passive: { value: flag, initial: false, repeat: "flag", tier: "core", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Wait for the neighbour to speak first." },
  ttl: { value: strictInteger(1, 255), initial: 255, repeat: "last", tier: "core", since: "2.0.0", aliases: "hoplimit", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Outgoing TTL." },
  hoplimit: { value: strictInteger(1, 255), initial: 64, repeat: "last", tier: "core", since: "2.0.0", sameAs: "ttl", aliases: "ttl", build: "bfd",
    effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Outgoing IPv6 hop limit; same setting as ttl." },
  max_hops: { value: strictInteger(-1, 255), initial: 0, unit: "hops", repeat: "last", tier: "core", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Tolerated loss of TTL in received packets; 255 or -1 disables the test; more than ttl is cut with an error." },
  multihop: { value: bool, initial: false, repeat: "last", tier: "full", since: "2.2.8", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Use the multihop port 4784 in place of 3784." },
  weight: { value: weight(253), default: "0", repeat: "last", tier: "core", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Default weight for instances that track the session." },
  vrrp: { value: flag, default: "(both)", repeat: "flag", tier: "full", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Report this session to VRRP only (unless checker is given too)." },
  checker: { value: flag, default: "(both)", repeat: "flag", tier: "full", since: "2.0.0", build: "bfd", effective: { test: "test/unit/words/bfd.test.ts" },
    doc: "Report this session to the checkers only (unless vrrp is given too)." },
} as const satisfies Table;
