// Words about dumps, from the text of a configuration to the files that a signal writes.
import { describe, expect, test } from "bun:test";
import { jsonDump } from "../../../src/dump/json.ts";
import { unpackText } from "../../../src/process/runtime.ts";
import { bindText } from "../../support/config.ts";
import { vrrpSource } from "../../support/dumps.ts";
import { found } from "../../support/fake-readers.ts";
import { parentLab, settle } from "../../support/parent-lab.ts";

const VRRP = "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n";

/** The files that a director with these words opens for all its dumps, in the order of 2.2.7's names. */
async function filesBy(lines: string, top = ""): Promise<readonly string[]> {
  const files: string[] = [];
  const { config } = bindText(
    `${top}\nglobal_defs {\n${lines}\n}\n${VRRP}bfd_instance S {\n neighbor_ip 192.0.2.7\n}\n`,
  );
  const parent = parentLab(found(config), {
    roles: ["vrrp", "bfd", "api"],
    likely: ["vrrp"],
    ports: {
      dumps: {
        directory: "/tmp",
        unpack: unpackText,
        open(path) {
          files.push(path);
          return { write() {}, done: () => undefined, drop() {} };
        },
      },
    },
  });
  parent.director.start();
  await settle();
  for (const role of ["bfd", "vrrp"] as const) parent.children.of(role).comeUp();
  await settle();
  const say = () => {
    for (const role of ["vrrp", "bfd"] as const) {
      const serial = parent.children.of(role).last("dump")?.serial;
      if (serial !== undefined) parent.children.of(role).say({ kind: "dump-piece", serial, text: "x", end: true });
    }
  };
  for (const kind of ["data", "stats", "json"] as const) {
    parent.director.dump(kind);
    say();
  }
  return files;
}

const USUAL = [
  "/tmp/keepalived.data",
  "/tmp/keepalived_bfd.data",
  "/tmp/keepalived_parent.data",
  "/tmp/keepalived.stats",
  "/tmp/keepalived.json",
];

test("without a word the files are keepalived's", async () => {
  expect(await filesBy("")).toEqual(USUAL);
});

test.each([
  ["/run/x/now.txt", ["/run/x/now.txt", "/run/x/now_bfd.txt", "/run/x/now_parent.txt"]],
  ["/run/x/", ["/run/x/keepalived.data", "/run/x/keepalived_bfd.data", "/run/x/keepalived_parent.data"]],
  ["now", ["/tmp/now", "/tmp/now_bfd", "/tmp/now_parent"]],
  ["/run/a.b/now", ["/run/a.b/now", "/run/a.b/now_bfd", "/run/a.b/now_parent"]],
])("state_dump_file %s", async (path, expected) => {
  expect((await filesBy(`state_dump_file ${path}`)).slice(0, 3)).toEqual(expected);
});

test("stats_dump_file and json_dump_file", async () => {
  const files = await filesBy("stats_dump_file /run/x/counted\njson_dump_file /run/x/");
  expect(files.slice(3)).toEqual(["/run/x/counted", "/run/x/keepalived.json"]);
});

describe("data_use_instance", () => {
  test.each([
    ["instance edge", ".edge"],
    ["net_namespace blue", ".blue"],
    ["instance edge\nnet_namespace blue", ".blue_edge"],
    ["", ""],
  ])("with %p", async (top, own) => {
    const files = await filesBy("data_use_instance", top);
    expect(files.slice(0, 2)).toEqual([`/tmp/keepalived${own}.data`, `/tmp/keepalived_bfd${own}.data`]);
    // 2.2.7 and 2.4.3: of data dumps alone.
    expect(files.slice(3)).toEqual(USUAL.slice(3));
  });

  test("without it names don't matter", async () => {
    expect(await filesBy("", "instance edge")).toEqual(USUAL);
  });
});

describe("json_version", () => {
  const TRACKED = `vrrp_track_process P {\n process haproxy\n quorum 2\n}\n${VRRP.replace("virtual_ipaddress", "track_process {\n P\n }\n virtual_ipaddress")}`;
  const json = (lines: string) => [...jsonDump(vrrpSource(`global_defs {\n${lines}\n}\n${TRACKED}`))].join("");

  test("1, or none: a list", () => {
    for (const lines of ["", "json_version 1"]) {
      const [only] = JSON.parse(json(lines));
      expect([only.data.iname, only.data.vrid, only.stats.advert_sent]).toEqual(["VI_1", 51, 0]);
    }
  });

  test("2: names around it, and tracked processes", () => {
    const whole = JSON.parse(json("json_version 2"));
    expect(Object.keys(whole)).toEqual(["vrrp", "track_process"]);
    expect(whole.vrrp[0].data.iname).toBe("VI_1");
    expect(whole.track_process).toEqual([
      {
        process: "P",
        param_match: "none",
        min_processes: 2,
        current_processes: 2,
        have_quorum: true,
        weight: 0,
        terminate_delay: 0,
        fork_delay: 0,
        fork_delay_timer_running: false,
        terminate_delay_timer_running: false,
        full_command: false,
      },
    ]);
  });
});
