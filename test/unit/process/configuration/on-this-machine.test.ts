// Programs that can't be run when a configuration is read, and files that others may change: what is told, and what is left of it.
import { afterAll, describe, expect, test } from "bun:test";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../../../src/config/model/config.ts";
import { readConfiguration } from "../../../../src/process/configuration/read-config.ts";
import { thisWorld } from "../../../../src/process/configuration/this-world.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-machine-"));
afterAll(() => rmSync(dir, { recursive: true, force: true }));
mkdirSync(join(dir, "open"));
const OPEN = join(dir, "open", "x");
writeFileSync(OPEN, "#!/bin/sh\n");
chmodSync(OPEN, 0o755);
chmodSync(join(dir, "open"), 0o777);

function read(
  text: string,
  options: { readonly strict?: boolean; readonly mode?: number; readonly owner?: number } = {},
) {
  const configFile = join(dir, "keepalived.conf");
  writeFileSync(configFile, text);
  chmodSync(configFile, options.mode ?? 0o600);
  chownSync(configFile, options.owner ?? 0, 0);
  const reading = readConfiguration({ configFile, allConfig: false, strict: options.strict ?? false }, thisWorld());
  const short = (lines: readonly string[]) => lines.map((line) => line.replaceAll(dir, "DIR"));
  return {
    config: reading.config,
    errors: short(reading.errors),
    warnings: short(reading.warnings),
    keys: reading.errorKeys(),
  };
}

const GLOBAL = (line: string) => `global_defs {
  script_user root
  ${line}
}
`;
const TRACKED = (script: string, user = "") => `${GLOBAL("enable_script_security")}vrrp_script good {
  script /bin/true
}
vrrp_script chk {
  script "${script}"
  ${user}
}
vrrp_instance VI_1 {
  interface eth0
  virtual_router_id 1
  virtual_ipaddress {
    192.0.2.1
  }
  track_script {
    good
    chk
  }
}
vrrp_sync_group G {
  group {
    VI_1
  }
}
`;
const tracked = (config: Config | undefined) => config?.vrrp.instances[0]?.tracking.scripts.map(({ name }) => name);

describe("a tracker whose program can't be run is not there", () => {
  test.each([
    ["missing", "/no/such/program", "", "/no/such/program: ENOENT"],
    ["not executable", "/etc/passwd", "", "/etc/passwd: not executable (mode 644)"],
    ["not in the path", "no-such-program", "", "no-such-program is not in the search path"],
    ["unknown user", "/bin/true", "user no-such-user", "unknown user no-such-user"],
    ["unknown group", "/bin/true", "user root no-such-group", "unknown group no-such-group"],
    [
      "others can change it",
      OPEN,
      "",
      "enable_script_security: DIR/open can be written by everybody (mode bit o+w); chmod o-w DIR/open",
    ],
  ])("%s", (_why, program, user, reason) => {
    const { config, errors, keys } = read(TRACKED(program, user));
    expect(tracked(config)).toEqual(["good"]);
    expect(config?.vrrp.scripts.map(({ name }) => name)).toEqual(["good"]);
    const told = `vrrp_script chk: the program can't be run: ${reason}`;
    expect(errors).toEqual([expect.stringContaining(`keepalived.conf:9:10: ${told}`)]);
    expect(keys).toHaveLength(1);
  });

  test("one that can be is", () => {
    const { config, errors } = read(TRACKED("/bin/false"));
    expect([tracked(config), errors]).toEqual([["good", "chk"], []]);
  });

  test("strict refuses; keys stay beside their errors and do not move with lines", () => {
    expect(read(TRACKED("/no/such"), { strict: true }).config).toBeUndefined();
    const bad = `${TRACKED("/no/such")}no_such_word\n`;
    const [one, two] = [read(bad), read(`\n\n${bad}`)];
    expect(one.errors).toHaveLength(2);
    expect(one.errors[0]).toContain("can't be run");
    expect(one.keys[0]).toContain("can't be run");
    expect(two.keys).toEqual(one.keys);
  });
});

describe("a check whose program can't be run is not there", () => {
  const service = (program: string) => `${GLOBAL("")}virtual_server 192.0.2.1 80 {
  protocol TCP
  lb_algo rr
  lb_kind NAT
  real_server 192.0.2.2 80 {
    notify_down /no/such/notify
    TCP_CHECK {
    }
    MISC_CHECK {
      misc_path "${program}"
    }
  }
}
`;
  test.each([
    ["/bin/true", ["TCP_CHECK", "MISC_CHECK"], 0],
    ["/no/such/program", ["TCP_CHECK"], 1],
  ] as const)("%s", (program, kinds, count) => {
    const { config, errors, warnings } = read(service(program));
    expect(config?.virtualServers[0]?.realServers[0]?.checks.map(({ kind }) => kind)).toEqual([...kinds]);
    expect(errors).toHaveLength(count);
    // Nobody is told by it, but nothing that runs is missing.
    expect(warnings.join()).toContain("notify_down of 192.0.2.2:80 in 192.0.2.1:80/tcp: the program can't be run");
    // It is still named: it may be there when it is needed.
    expect(config?.virtualServers[0]?.realServers[0]?.notifyDown?.argv).toEqual(["/no/such/notify"]);
  });
});

describe("what others can change is a warning", () => {
  const plain = `${GLOBAL("")}vrrp_script chk {\n  script "${OPEN}"\n}\n`;
  test("a program that runs as root", () => {
    const { warnings, errors } = read(plain);
    expect(errors).toEqual([]);
    expect(warnings).toContainEqual(
      expect.stringContaining("vrrp_script chk: the program runs as root, and DIR/open can be"),
    );
    const nobody = read(plain.replace("script_user root", "script_user nobody")).warnings;
    expect(nobody.filter((line) => line.includes("runs as root"))).toEqual([]);
  });

  test.each([
    ["the file itself", { mode: 0o666 }, "can be written by everybody"],
    ["its owner", { owner: 65533 }, "belongs to uid 65533"],
    ["nobody else", {}, undefined],
  ])("a configuration: %s", (_why, options, said) => {
    const found = read(GLOBAL(""), options).warnings.filter((line) => line.includes("others than root can change"));
    expect(found).toEqual(said === undefined ? [] : [expect.stringContaining(said)]);
  });
});
