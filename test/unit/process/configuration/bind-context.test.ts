// Names of tables, protocols, realms …: where they are read, and which entry counts (iproute_etc_dir, iproute_usr_dir).
import { afterAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadConfig } from "../../../../src/config/load.ts";
import { machineContext } from "../../../../src/process/configuration/bind-context.ts";
import { memoryFiles } from "../../config/engine/support.ts";

const base = mkdtempSync(join(tmpdir(), "lbd-names-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

const [etc, usr] = [join(base, "etc"), join(base, "usr")];
function write(path: string, text: string): void {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, text);
}
write(join(etc, "rt_tables"), "# number name\n100 blue\n0x65 green\nx bad\n");
write(join(usr, "rt_tables"), "200 red\n");
write(join(usr, "rt_protos"), "201 babel\n");
write(join(etc, "rt_tables.d/a.conf"), "102 blue\n103 mine\n");
write(join(usr, "rt_tables.d/a.conf"), "104 hidden\n");
write(join(usr, "rt_tables.d/b.conf"), "105 theirs\n");
write(join(usr, "rt_tables.d/no"), "106 other\n");

test.each([
  ["the administrator's file", "rt_tables", "blue", 100],
  ["hexadecimal", "rt_tables", "green", 101],
  ["the distribution's, where there is an administrator's", "rt_tables", "red", undefined],
  ["the distribution's, where there is none", "rt_protos", "babel", 201],
  ["a file of the administrator's directory", "rt_tables", "mine", 103],
  ["one that it hides", "rt_tables", "hidden", undefined],
  ["a file of the distribution's directory", "rt_tables", "theirs", 105],
  ["a file without .conf", "rt_tables", "other", undefined],
] as const)("%s", (_why, table, name, number) => {
  expect(machineContext().lookupName?.(table, name, { etc, usr })).toBe(number);
});

test("the keywords name the directories for the whole file, wherever they stand", () => {
  const text = `static_routes {
  203.0.113.0/24 dev eth0 table blue
}
global_defs {
  iproute_etc_dir ${etc}
  iproute_usr_dir ${usr}
}
static_rules {
  from 192.0.2.1 table theirs preference 100
}
`;
  const { config, diagnostics } = loadConfig(
    { paths: ["k.conf"], env: {}, random: () => 0, context: machineContext() },
    memoryFiles({ "k.conf": text }),
  );
  expect(diagnostics.map(({ message }) => message)).toEqual([]);
  expect(config.vrrp.staticRoutes[0]?.table).toBe(100);
  expect(config.vrrp.staticRules[0]?.action).toEqual({ kind: "table", table: 105 });
});
