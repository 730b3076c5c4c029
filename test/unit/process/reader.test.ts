// The reader on files of this machine: what it asks, what it says again from its record, and what it leaves alone.
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { stampOf } from "../../../src/process/configuration/files.ts";
import { readBudget } from "../../../src/process/configuration/read-budget.ts";
import { readConfiguration } from "../../../src/process/configuration/read-config.ts";
import type { SharePieces } from "../../../src/process/configuration/standing.ts";
import { thisWorld } from "../../../src/process/configuration/this-world.ts";
import { type InForce, isUnchanged } from "../../../src/process/configuration/unchanged.ts";
import { recordWorld, replayWorld, stillHolds } from "../../../src/process/configuration/world.ts";
import {
  effectivePieces,
  type Outcome,
  type ReaderPorts,
  readAgain,
  readFor,
  sourcesOf,
} from "../../../src/process/reader.ts";
import type { ReaderOptions, ShareAsked } from "../../../src/process/reader-messages.ts";
import { sha256 } from "../../../src/process/runtime.ts";
import type { RoleName } from "../../../src/roles/role.ts";
import { manualClock } from "../../support/manual-clock.ts";

let dir = "";
let file = "";
const ports: ReaderPorts = {
  clock: manualClock(),
  world: thisWorld,
  budget: readBudget,
  stamp: stampOf,
  wallMs: Date.now,
  sha256,
};
const NOTHING: readonly ShareAsked[] = [{ role: "checker", wholeBytes: 0, changedBytes: 0, pieces: 0 }];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "lbd-reader-"));
  file = join(dir, "k.conf");
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

/** Long ago, so that nobody waits for its writer. */
function write(name: string, text: string): void {
  writeFileSync(join(dir, name), text);
  utimesSync(join(dir, name), 1000, 1000);
}

function options(): ReaderOptions {
  const roles = { vrrp: true, checker: true, bfd: true };
  return { configFile: file, runDir: dir, allConfig: false, strict: false, roles, env: { WEIGHT: "3" } };
}

function readNow(at: "start" | "reload", inForce?: InForce, shares = NOTHING): Promise<Outcome> {
  const request = { options: options(), at, mayEmpty: false, shares };
  return readFor(request, sourcesOf(request.options, inForce, new Map(), ports), ports);
}

async function started(): Promise<InForce> {
  const { answer, record } = await readNow("start");
  expect(answer.kind).toBe("taken");
  // As it comes back from the parent.
  return JSON.parse(JSON.stringify(record()));
}

const service = (weight: number | string, address = "192.0.2.1") =>
  `virtual_server ${address} 80 {\n protocol TCP\n lb_algo rr\n lb_kind NAT\n real_server 192.0.2.10 80 {\n weight ${weight}\n }\n}\n`;

const ODD = [
  ["an included file", () => write("part.inc", service(1)), "include part.inc\n"],
  ["files of a pattern", () => write("a.conf", service(1)), "include *.conf.d/*\ninclude a.conf\n"],
  ["a file that is not there", () => {}, `include gone.inc\n${service(1)}`],
  ["the environment", () => {}, service(`\${_ENV WEIGHT}`)],
  ["names of the machine's tables", () => {}, "static_routes {\n 192.0.2.0/24 dev lo table main\n}\n"],
  [
    "an account and a program",
    () => {},
    `global_defs {\n script_user root\n}\nvrrp_script s {\n script /bin/true\n}\n${service(1)}`,
  ],
  ["a program that is not there", () => {}, `vrrp_script s {\n script /no/such\n}\n${service(1)}`],
  [
    "an interface that is not there",
    () => {},
    "vrrp_instance A {\n interface nope9\n virtual_router_id 1\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n",
  ],
  ["bytes that are no UTF-8", () => {}, `# \xff\n${service(1)}`],
] as const;

test.each(ODD)(
  "%s: read again from the record it comes to the same, whatever the machine says now",
  (_what, prepare, text) => {
    prepare();
    write("k.conf", text);
    const { world, record } = recordWorld(thisWorld());
    const first = readConfiguration(options(), world);
    const taken = JSON.parse(JSON.stringify(record()));
    expect(stillHolds(taken, thisWorld())).toBe(true);
    rmSync(dir, { recursive: true, force: true });
    const again = readConfiguration(options(), replayWorld(taken));
    expect(again.config).toEqual(first.config);
    expect([again.errors, again.warnings, again.errorKeys(), again.files, again.content]).toEqual([
      first.errors,
      first.warnings,
      first.errorKeys(),
      first.files,
      first.content,
    ]);
    expect(JSON.stringify(again.effective())).toBe(JSON.stringify(first.effective()));
  },
);

test("chance is recorded, and is never the same twice", () => {
  write("k.conf", service(`\${_RANDOM 1 200}`));
  const { world, record } = recordWorld(thisWorld());
  const first = readConfiguration(options(), world);
  const weight = first.config?.virtualServers[0]?.realServers[0]?.weight;
  expect(weight).toBeGreaterThan(0);
  expect(readConfiguration(options(), replayWorld(record())).config).toEqual(first.config);
  expect(stillHolds(record(), thisWorld())).toBe(false);
});

test("a question that was never asked is an error, not an answer", () => {
  expect(() => replayWorld([]).read("/k.conf", 10)).toThrow("never asked before");
});

test.each([
  ["the file", () => write("k.conf", `${service(2)}include part.inc\n`)],
  ["what it includes", () => write("part.inc", service(9, "192.0.2.2"))],
  ["what it includes is gone", () => rmSync(join(dir, "part.inc"))],
  ["a file more for a pattern", () => write("z.more", "# nothing\n")],
])("another %s is a change", async (_what, change) => {
  write("part.inc", service(1, "192.0.2.2"));
  write("k.conf", `${service(1)}include part.inc\ninclude *.more\n`);
  const inForce = await started();
  expect(isUnchanged(file, inForce, thisWorld(), ports)).toBe(true);
  expect((await readNow("reload", inForce)).answer.kind).toBe("same");
  change();
  expect(isUnchanged(file, inForce, thisWorld(), ports)).toBe(false);
  expect((await readNow("reload", inForce)).answer.kind).not.toBe("same");
});

test("the same text in a file of its own is no change; one that was written just now is waited for", async () => {
  write("k.conf", service(1));
  const inForce = await started();
  rmSync(file);
  write("k.conf", service(1));
  expect(isUnchanged(file, inForce, thisWorld(), ports)).toBe(true);
  writeFileSync(file, service(1));
  expect(isUnchanged(file, inForce, thisWorld(), ports)).toBe(false);
});

test("a reload says what changed, and gives each role what differs", async () => {
  write("k.conf", service(1));
  const inForce = await started();
  write("k.conf", service(7));
  const asked: readonly ShareAsked[] = [
    { role: "vrrp", wholeBytes: 100, changedBytes: 0, pieces: 0 },
    { role: "checker", wholeBytes: 100, changedBytes: 0, pieces: 0 },
    { role: "api", wholeBytes: 100, changedBytes: 60, pieces: 0 },
  ];
  const { answer, shares, details } = await readNow("reload", inForce, asked);
  expect(answer).toMatchObject({
    kind: "taken",
    changes: ["~1 real server", expect.any(String)],
    outline: { virtualServers: 1 },
  });
  const given = Array.from(shares(), ({ role, whole, pieces }) => [
    role,
    whole,
    [...pieces].join().includes('"weight":7'),
  ]);
  // Nothing of it is vrrp's; the api's changes had come to more than half of a whole.
  expect(given).toEqual([
    ["checker", false, true],
    ["api", true, false],
  ]);
  expect(details().sha256).toBe(sha256([Buffer.from(service(7))]));
});

describe("what is in force, by the shares that roles have of it", () => {
  const ROLES = ["starter", "vrrp", "bfd", "api", "checker"] as const;
  type Kept = Map<RoleName, { readonly whole: string[]; readonly changed: string[] }>;

  const bytesOf = (pieces: readonly string[] = []) => pieces.reduce((sum, { length }) => sum + length, 0);
  const piecesOf = (kept: Kept): SharePieces =>
    new Map([...kept].map(([role, { whole, changed }]) => [role, [...whole, ...changed]]));

  function reading(inForce: InForce | undefined, kept: Kept, pieces: SharePieces): Promise<Outcome> {
    const shares = ROLES.map((role) => {
      const { whole, changed } = kept.get(role) ?? {};
      return { role, wholeBytes: bytesOf(whole), changedBytes: bytesOf(changed), pieces: 0 };
    });
    const request = {
      options: options(),
      at: inForce ? ("reload" as const) : ("start" as const),
      mayEmpty: true,
      shares,
    };
    return readFor(request, sourcesOf(request.options, inForce, pieces, ports), ports);
  }

  /** What the parent has behind it. */
  function keep(kept: Kept, outcome: Outcome): Kept {
    const next = new Map(kept);
    for (const { role, whole, pieces } of outcome.shares()) {
      const before = kept.get(role) ?? { whole: [], changed: [] };
      next.set(
        role,
        whole ? { whole: [...pieces], changed: [] } : { ...before, changed: [...before.changed, ...pieces] },
      );
    }
    return next;
  }

  const told = (outcome: Outcome) => ({
    answer: { ...outcome.answer, tookMs: 0 },
    shares: Array.from(outcome.shares(), ({ role, whole, pieces }) => [role, whole, [...pieces]]),
    record: outcome.record(),
  });

  test("is what its record says, through all examples one after the other", async () => {
    const texts = readdirSync("conf/examples")
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => readFileSync(join("conf/examples", name), "utf8"));
    const services = Array.from({ length: 40 }, (_, i) => service(1, `192.0.2.${i + 1}`)).join("");
    const small = [
      service(1),
      `\n\n${service(1)}`,
      service(2),
      services,
      `# one\n${services.replace("weight 1", "weight 9")}`,
    ];
    const withError = [`nonsense 1\n${service(3)}`, `nonsense 1\n${service(4)}`, `nonsense 1\nmore 2\n${service(4)}`];
    let kept: Kept = new Map();
    let inForce: InForce | undefined;
    let changed = 0;
    // Both ways: what one of two has alone comes, and goes.
    for (const text of [...texts, ...texts.toReversed(), ...small, ...withError]) {
      write("k.conf", text);
      const byRecord = await reading(inForce, kept, new Map());
      const byShares = await reading(inForce, kept, piecesOf(kept));
      expect(told(byShares)).toEqual(told(byRecord));
      if (byShares.answer.kind !== "taken") continue;
      if (Array.from(byShares.shares(), ({ whole }) => whole).includes(false)) changed++;
      kept = keep(kept, byShares);
      inForce = JSON.parse(JSON.stringify(byShares.record()));
    }
    expect(changed).toBeGreaterThan(3);
  });

  test("is not read a second time; where a share is missing it is", async () => {
    write("k.conf", service(1));
    const first = await reading(undefined, new Map(), new Map());
    const kept = keep(new Map(), first);
    // Nothing can be read from this record, and its answers hold no more.
    const inForce: InForce = { ...first.record(), answers: [['["random",[0]]', "[0]"]] };
    write("k.conf", service(7));
    const pieces = piecesOf(kept);
    const { answer } = await reading(inForce, kept, pieces);
    expect(answer).toMatchObject({ kind: "taken", changes: ["~1 real server", expect.any(String)] });
    const without = new Map([...pieces].filter(([role]) => role !== "checker"));
    expect((await reading(inForce, kept, without)).answer).not.toHaveProperty("changes");
  });
});

test("what is refused is refused beside what is in force, not beside the files", async () => {
  write("k.conf", service(1));
  const inForce = await started();
  write("k.conf", "");
  const { answer } = await readNow("reload", inForce);
  expect(answer).toMatchObject({ kind: "refused", beyondFindings: [expect.stringContaining("nothing stands in it")] });
});

test("the effective values are those in force when the files say something else", async () => {
  write("k.conf", service(1));
  const inForce = await started();
  write("k.conf", "no configuration at all {{{");
  const pieces = effectivePieces(readAgain(options(), inForce));
  let text = "";
  for (let next = pieces.next(); !next.done; next = pieces.next()) text += next.value;
  expect(JSON.stringify(JSON.parse(text))).toContain("192.0.2.10");
});
