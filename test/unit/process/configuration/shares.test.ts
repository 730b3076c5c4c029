// What a role gets of a configuration, cut to pieces and put together again.
import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Config } from "../../../../src/config/model/config.ts";
import { type Assembly, createAssembly } from "../../../../src/process/configuration/assembly.ts";
import {
  differencePieces,
  MOVED_AT_ONCE,
  PIECE_CHARS,
  shareOf,
  wholePieces,
} from "../../../../src/process/configuration/shares.ts";
import { servedOf } from "../../../../src/roles/served.ts";
import { bindText } from "../../../support/config.ts";

const server = (port: number, weight = 1) =>
  `virtual_server 192.0.2.1 ${port} {\n protocol TCP\n real_server 192.0.2.10 80 {\n weight ${weight}\n }\n}\n`;
const instance = (name: string, more = "") =>
  `vrrp_instance ${name} {\n interface lo\n virtual_router_id ${name.length}\n ${more}\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n`;

function configOf(text: string): Config {
  return bindText(text).config;
}

function takenBy(assembly: Assembly, pieces: Iterable<string>): Config {
  for (const piece of pieces) assembly.take(piece);
  return assembly.config();
}

/** As JSON carries it. */
function plain(config: Config): unknown {
  return JSON.parse(JSON.stringify(config));
}

const ALL = `${server(80) + server(81) + instance("A") + instance("BB")}vrrp_sync_group G {\n group {\n A\n BB\n }\n}\n`;

test("each role gets what it reads and nothing of the others", () => {
  const config = configOf(`${ALL}vrrp_script S {\n script /bin/true\n}\n`);
  const vrrp = shareOf("vrrp", config);
  expect([vrrp.virtualServers.length, vrrp.vrrp.instances.length]).toEqual([0, 2]);
  const checker = shareOf("checker", config);
  expect([checker.virtualServers.length, checker.vrrp.instances.length, checker.vrrp.scripts.length]).toEqual([
    2, 0, 0,
  ]);
  for (const role of ["api", "starter", "bfd"] as const) {
    const { virtualServers, vrrp } = shareOf(role, config);
    expect([role, virtualServers.length, vrrp.instances.length]).toEqual([role, 0, 0]);
  }
  expect(shareOf("starter", config)).toMatchObject({ programs: [{ role: "vrrp", command: { argv: ["/bin/true"] } }] });
});

test("only the checker knows the key of its checks and the password of the key", () => {
  const config = configOf(`SSL {\n password of-the-key\n ca /etc/ca.pem\n}\n${ALL}`);
  for (const role of ["vrrp", "checker", "bfd", "api", "starter"] as const) {
    const told = [...wholePieces(shareOf(role, config))].join("");
    expect([role, told.includes("of-the-key")]).toEqual([role, role === "checker"]);
  }
});

test("the checker knows the files that its servers' weights follow", () => {
  const config = configOf(`track_file f {\n file /tmp/f\n}\n${server(80)}`);
  expect(shareOf("checker", config).vrrp.files).toEqual(config.vrrp.files);
  expect(config.vrrp.files).toHaveLength(1);
});

test("vrrp knows what is served only when it has a packet filter, which lets that through", () => {
  expect(servedOf(shareOf("vrrp", configOf(ALL)))).toEqual([]);
  const blocked = shareOf("vrrp", configOf(server(80) + instance("A", "no_accept")));
  expect(servedOf(blocked)).toEqual([{ kind: "address", ip: "192.0.2.1", port: 80, protocol: "TCP" }]);
  expect(servedOf(configOf(server(80)))).toHaveLength(1);
});

test("a share is the same in the process that put it together", () => {
  const config = configOf(`${ALL}vrrp_script S {\n script /bin/true\n}\n`);
  for (const role of ["vrrp", "checker", "bfd", "api", "starter"] as const) {
    const share = shareOf(role, config);
    expect(plain(takenBy(createAssembly(), wholePieces(share)))).toEqual(plain(share));
  }
});

test("no piece is longer than a loop bears", () => {
  const share = shareOf("checker", configOf(Array.from({ length: 500 }, (_, i) => server(i + 1)).join("")));
  const pieces = [...wholePieces(share)];
  expect(pieces.length).toBeGreaterThan(5);
  for (const piece of pieces) expect(piece.length).toBeLessThanOrEqual(PIECE_CHARS + 2);
});

test("of a reload only what differs is sent, and the rest stays the same object", () => {
  const [old, next] = [
    shareOf("checker", configOf(ALL)),
    shareOf("checker", configOf(ALL.replace("weight 1", "weight 7"))),
  ];
  const assembly = createAssembly();
  const before = takenBy(assembly, wholePieces(old));
  const pieces = [...differencePieces(old, next)];
  expect(pieces.map((piece): unknown => JSON.parse(piece).map((line: unknown[]) => line.slice(0, 3)))).toEqual([
    [["put", "virtualServers", "192.0.2.1:80/tcp"]],
  ]);
  const after = takenBy(assembly, pieces);
  expect(plain(after)).toEqual(plain(next));
  expect(after.virtualServers[1]).toBe(before.virtualServers[1]);
  expect(after.virtualServers[0]).not.toBe(before.virtualServers[0]);
  expect(after.global).toBe(before.global);
});

test("nothing is sent when nothing differs", () => {
  expect([...differencePieces(configOf(ALL), configOf(ALL))]).toEqual([]);
});

test("another line number is no difference, and is put right in what stays the very same", () => {
  const texts = Array.from({ length: 2 * MOVED_AT_ONCE }, (_, i) => server(i + 1));
  const inside = texts[3]?.replace("{\n", "{\n\n") ?? "";
  const [old, next] = [texts, ["\n", ...texts.slice(0, 3), inside, ...texts.slice(4)]].map((parts) =>
    shareOf("checker", configOf(parts.join(""))),
  );
  if (!old || !next) throw new Error("no shares");
  const assembly = createAssembly();
  const before = takenBy(assembly, wholePieces(old));
  const pieces = [...differencePieces(old, next)];
  const lines = pieces.map((piece): unknown[][] => JSON.parse(piece));
  expect(lines.map((piece) => piece.map((line) => (line[0] === "put" ? line.slice(0, 3) : line)))).toEqual([
    [["moved", "virtualServers", 0, 3, 1]],
    [["moved", "virtualServers", 4, MOVED_AT_ONCE, 2]],
    [
      ["moved", "virtualServers", 4 + MOVED_AT_ONCE, MOVED_AT_ONCE - 4, 2],
      ["put", "virtualServers", "192.0.2.1:4/tcp"],
    ],
  ]);
  const after = takenBy(assembly, pieces);
  expect(plain(after)).toEqual(plain(next));
  expect(after.virtualServers.every((one, at) => one === before.virtualServers[at])).toBe(true);
});

test("settings that only moved stay the very same beside one that changed", () => {
  const text = (weight: number) =>
    `${weight > 1 ? "\n" : ""}track_file f {\n file /tmp/f\n}\nvrrp_script S {\n script /bin/true\n weight ${weight}\n}\n${instance("A")}`;
  const [old, next] = [shareOf("vrrp", configOf(text(1))), shareOf("vrrp", configOf(text(2)))];
  const assembly = createAssembly();
  const before = takenBy(assembly, wholePieces(old));
  const after = takenBy(assembly, differencePieces(old, next));
  expect(plain(after)).toEqual(plain(next));
  const isKept = (of: (config: Config) => unknown) => of(before) === of(after);
  expect([isKept(({ global }) => global), isKept(({ vrrp }) => vrrp.global), isKept(({ vrrp }) => vrrp.files)]).toEqual(
    [true, true, true],
  );
  expect([isKept(({ vrrp }) => vrrp.instances[0]), isKept(({ vrrp }) => vrrp.scripts[0])]).toEqual([true, false]);
});

test("a whole that comes again leaves what is in it as it was", () => {
  const assembly = createAssembly();
  const before = takenBy(assembly, wholePieces(configOf(server(80) + server(81))));
  const after = takenBy(assembly, wholePieces(configOf(server(80) + server(82))));
  expect(after.virtualServers[0]).toBe(before.virtualServers[0]);
  expect(after.virtualServers.map(({ id }) => id)).toEqual(["192.0.2.1:80/tcp", "192.0.2.1:82/tcp"]);
  expect(after.global).toBe(before.global);
});

test("any reload comes to what a start with it comes to, in its order", () => {
  // Port, weight, and empty lines before it.
  const ports = fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 2 }), fc.nat(2)), {
    selector: ([port]) => port,
  });
  fc.assert(
    fc.property(fc.array(ports, { minLength: 2, maxLength: 4 }), (states) => {
      const configs = states.map((state) =>
        configOf(state.map(([port, weight, gap]) => "\n".repeat(gap) + server(port, weight)).join("")),
      );
      const assembly = createAssembly();
      let old: Config | undefined;
      for (const next of configs) {
        const taken = takenBy(assembly, old ? differencePieces(old, next) : wholePieces(next));
        expect(plain(taken)).toEqual(plain(next));
        old = next;
      }
    }),
    { numRuns: 60 },
  );
});

test("without a whole there is no configuration", () => {
  expect(() => createAssembly().config()).toThrow("no configuration came");
  expect(() => createAssembly().take('[["rest",1]]')).toThrow("without its frame");
});
