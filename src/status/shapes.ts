// Status core: the public shape once more, as valibot schemas: what the OpenAPI document is made from and what tests hold the answers
// against. schema.ts is what the program is written in; `Same` makes the compiler compare the two.
import * as v from "valibot";
import type * as s from "./schema.ts";

const text = v.string();
const count = v.pipe(v.number(), v.integer(), v.minValue(0));
const flag = v.boolean();
const time = v.pipe(v.string(), v.isoTimestamp(), v.description("ISO 8601 with milliseconds, UTC"));
const milliseconds = v.pipe(v.number(), v.minValue(0));
const port = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(65535));
const counters = v.record(v.string(), v.number());

const Check = v.object({
  id: v.pipe(text, v.description("Keyword and position in its real server: `TCP_CHECK`, `HTTP_GET#2`")),
  kind: text,
  target: v.pipe(text, v.description("Where the check connects to, or what it runs")),
  healthy: v.pipe(v.nullable(flag), v.description("null before the first verdict")),
  since: time,
  lastResult: v.exactOptional(
    v.object({
      at: time,
      ok: flag,
      reason: v.pipe(text, v.description("In words: `connection refused`, `status 503, wanted 200-299`")),
      code: v.pipe(text, v.description("Short and stable: `ok`, `refused`, `timeout`, `status` …")),
      durationMs: milliseconds,
    }),
  ),
  runs: count,
  failures: count,
  nextAt: v.exactOptional(time),
});

const Traffic = v.object({
  connections: v.number(),
  inPackets: v.number(),
  outPackets: v.number(),
  inBytes: v.number(),
  outBytes: v.number(),
});

const realServerEntries = {
  id: v.pipe(text, v.description("Unique in its virtual server: `192.0.2.10:80`")),
  address: text,
  port,
  healthy: flag,
  since: time,
  reason: text,
  weight: v.object({ configured: v.number(), effective: v.number(), kernel: v.nullable(v.number()) }),
  forwarding: text,
  inTable: v.pipe(flag, v.description("The kernel has it")),
  connections: v.pipe(
    v.nullable(v.object({ active: v.number(), inactive: v.number(), persistent: v.number() })),
    v.description("Now, from the kernel; null while it is not in the table"),
  ),
  statistics: v.nullable(Traffic),
  checks: v.array(Check),
};
const RealServer = v.object(realServerEntries);

const VirtualServer = v.object({
  id: v.pipe(text, v.description("Stable over reloads: `192.0.2.1:80/tcp`, `fwmark:5/inet`, `group:web/tcp`")),
  name: text,
  protocol: text,
  scheduler: text,
  up: v.pipe(flag, v.description("The quorum is there")),
  since: time,
  reason: text,
  quorum: v.object({ wanted: v.number(), hysteresis: v.number(), live: v.number() }),
  sorryServer: v.nullable(v.object({ address: text, port, active: flag })),
  suspended: v.pipe(flag, v.description("Its checks stand still while this director is not master (ha_suspend)")),
  statistics: v.nullable(Traffic),
  realServers: v.array(RealServer),
});

const Tracker = v.object({
  kind: v.picklist(["interface", "script", "file", "process", "bfd"]),
  name: text,
  up: flag,
  share: v.pipe(
    v.nullable(v.number()),
    v.description("What it adds to the priority now; null when it counts as a fault"),
  ),
  since: time,
  detail: text,
});

const Vrrp = v.object({
  name: text,
  interface: text,
  vrid: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(255)),
  version: v.pipe(v.number(), v.integer()),
  family: v.picklist([4, 6]),
  state: v.picklist(["INIT", "BACKUP", "MASTER", "FAULT", "STOP"]),
  since: time,
  lastTransition: v.nullable(v.object({ at: time, from: text, to: text, cause: text })),
  master: v.nullable(v.object({ address: text, priority: v.number(), lastAdvertAt: time })),
  priority: v.object({ base: v.number(), effective: v.number(), trackers: v.array(Tracker) }),
  advertMs: v.object({ own: v.number(), learned: v.nullable(v.number()) }),
  faults: v.array(text),
  addresses: v.array(
    v.object({
      address: text,
      prefixLength: count,
      interface: text,
      excluded: v.pipe(flag, v.description("Not in the adverts")),
      present: v.pipe(flag, v.description("The kernel has it")),
    }),
  ),
  announceDelayMs: v.pipe(milliseconds, v.description("Of the second round of announcements (`garp_master_delay`)")),
  group: v.nullable(text),
  counters,
  refused: v.pipe(counters, v.description("Refused packets by reason")),
  lastRefused: v.nullable(v.object({ at: time, from: text, reason: text, packet: text })),
  foreignMaster: v.nullable(v.object({ address: text, priority: v.number(), at: time, likelyCause: text })),
  refusedMasters: v.pipe(
    v.array(
      v.object({
        address: text,
        own: v.nullable(text),
        priority: v.number(),
        reason: text,
        since: time,
        lastAt: time,
        likelyCause: text,
        remedy: v.pipe(text, v.description("What to change, with file and line where the file has it")),
      }),
    ),
    v.description("Live routers with our VRID whose advertisements we refuse: an error"),
  ),
  senders: v.pipe(
    v.array(
      v.object({
        address: text,
        listed: v.pipe(flag, v.description("`unicast_peer` names it")),
        hops: v.pipe(v.number(), v.description("TTL or hop limit of its last advertisement")),
      }),
    ),
    v.description("Who advertises to a unicast instance"),
  ),
  transmission: v.pipe(
    v.object({ sendErrors: count, lastSendError: v.nullable(text), receiveDrops: count }),
    v.description("Advertisements that the kernel refused to send, and packets that were dropped unread"),
  ),
  advice: v.pipe(v.array(text), v.description("What an operator may want to change")),
});

const SyncGroup = v.object({ name: text, state: text, since: time, instances: v.array(text) });

const sessionState = v.picklist(["AdminDown", "Down", "Init", "Up"]);
const discriminator = v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(0xffff_ffff));
const Bfd = v.object({
  name: text,
  neighbor: text,
  source: v.pipe(v.nullable(text), v.description("null: the kernel chooses")),
  multihop: flag,
  passive: flag,
  state: sessionState,
  since: time,
  diagnostic: v.pipe(text, v.description("Ours, in words: why the session last went down")),
  up: v.pipe(
    flag,
    v.description(
      "What trackers and checks are told: an AdminDown of the neighbour is no failure, and changes nothing",
    ),
  ),
  localDiscriminator: discriminator,
  sourcePort: v.nullable(port),
  sendIntervalMs: v.pipe(v.nullable(milliseconds), v.description("Before jitter; null: no periodic packets now")),
  detectionMs: v.pipe(
    v.nullable(milliseconds),
    v.description("Silence of the neighbour that is taken for its end; null before it has said anything"),
  ),
  polling: v.pipe(
    flag,
    v.description("Other intervals are told to the neighbour, which has not acknowledged them yet"),
  ),
  remote: v.pipe(
    v.nullable(
      v.object({
        state: sessionState,
        diagnostic: text,
        discriminator,
        multiplier: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(255)),
        desiredMinTxMs: milliseconds,
        requiredMinRxMs: milliseconds,
        demand: flag,
      }),
    ),
    v.description("What the neighbour last said; null while it is not known"),
  ),
  lastHeardAt: v.nullable(time),
  lastChange: v.nullable(v.object({ at: time, from: text, to: text, reason: text })),
  counters,
  refused: v.pipe(counters, v.description("Refused packets by reason")),
  problem: v.pipe(v.nullable(text), v.description("Why it can't hear or send now")),
  advice: v.pipe(v.array(text), v.description("What an operator may want to change")),
});

const ConfigState = v.object({
  file: text,
  state: v.picklist(["reading", "loaded", "failed"]),
  loadedAt: v.nullable(time),
  sha256: v.nullable(text),
  warnings: count,
  errorCount: v.pipe(
    count,
    v.description("Errors in the configuration in force: what each names is left out, or has the value that it says"),
  ),
  tolerated: v.pipe(v.array(text), v.description("The first of these errors, with file and line")),
  stale: v.pipe(flag, v.description("The file was read again and refused: what runs is older than what is written")),
  errors: v.pipe(v.array(text), v.description("Why it is stale or failed")),
  reloads: count,
  lastReload: v.nullable(
    v.object({
      at: time,
      ok: flag,
      durationMs: milliseconds,
      changes: v.exactOptional(
        v.pipe(
          v.array(text),
          v.description("What it changed: `+1 real server, ~2 virtual servers`, then the first of them by name"),
        ),
      ),
    }),
  ),
});

const Director = v.object({
  version: text,
  pid: count,
  since: time,
  boot: v.pipe(text, v.description("Changes with every start; the first part of event ids")),
  hostname: text,
  runDir: text,
  config: ConfigState,
});

const Process = v.object({
  role: text,
  state: v.picklist(["starting", "running", "stopping", "stopped", "waiting"]),
  pid: v.nullable(count),
  since: time,
  restarts: count,
  reason: text,
});

const Event = v.object({
  at: time,
  kind: v.pipe(
    text,
    v.description(
      "`real-server`, `virtual-server`, `sorry-server`, `vrrp`, `vrrp-peer`, `priority`, `tracker`, `sync-group`, `bfd`, `config`, `process`, `drift`, `audit`; more may come",
    ),
  ),
  subject: text,
  from: v.exactOptional(text),
  to: text,
  reason: text,
});

export const shapes = {
  Check,
  Traffic,
  RealServer,
  VirtualServer,
  Tracker,
  Vrrp,
  SyncGroup,
  Bfd,
  ConfigState,
  Director,
  Process,
  Event,
};

/** A real server outside its virtual server's list names it. */
export const ListedRealServer = v.object({ virtualServer: text, ...realServerEntries });
export type ListedRealServer = v.InferOutput<typeof ListedRealServer>;

type DeepReadonly<T> = T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T;
type Same<A, B> = [A] extends [B] ? ([B] extends [A] ? true : never) : never;
type Shape<T extends v.GenericSchema> = DeepReadonly<v.InferOutput<T>>;

/** Fails to compile when a schema and its type part ways. */
export const sameShapes: readonly [
  Same<Shape<typeof VirtualServer>, DeepReadonly<s.VirtualServerStatus>>,
  Same<Shape<typeof Vrrp>, DeepReadonly<s.VrrpStatus>>,
  Same<Shape<typeof SyncGroup>, DeepReadonly<s.SyncGroupStatus>>,
  Same<Shape<typeof Bfd>, DeepReadonly<s.BfdStatus>>,
  Same<Shape<typeof Director>, DeepReadonly<s.DirectorStatus>>,
  Same<Shape<typeof Process>, DeepReadonly<s.ProcessStatus>>,
  Same<Shape<typeof Event>, DeepReadonly<s.StatusEvent>>,
] = [true, true, true, true, true, true, true];
