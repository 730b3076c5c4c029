// A configuration printed again loads to the same model.
import { describe, expect, test } from "bun:test";
import { readdirSync } from "node:fs";
import { configFiles } from "../../../src/process/configuration/files.ts";
import { bindFiles, bindText } from "../../support/config.ts";

/** The model without places, which are those of the text, and without secrets. */
function model(loaded: ReturnType<typeof bindText>): unknown {
  return JSON.parse(
    JSON.stringify(loaded.effective.config, (key, value) =>
      key === "origin" || key === "origins" ? undefined : value,
    ),
  );
}

function printed(loaded: ReturnType<typeof bindText>): string {
  return `${[...loaded.printed()].join("\n")}\n`;
}

describe.each(["conf/examples", "test/golden/examples"])("%s", (folder) => {
  test.each(readdirSync(folder).filter((name) => name.endsWith(".conf")))("%s", (name) => {
    const first = bindFiles(configFiles, `${folder}/${name}`);
    const text = printed(first);
    const second = bindText(text);
    expect(model(second)).toEqual(model(first));
    // And is its own print, but for the places behind the lines.
    const withoutPlaces = (one: string) => one.replaceAll(/ +# .*$/gm, "");
    expect(withoutPlaces(printed(second))).toBe(withoutPlaces(text));
  });
});

test.each([
  [
    "macros, conditions and loops",
    "$IF=eth0\n@a global_defs {\nrouter_id yes\n}\nvrrp_instance V {\ninterface $IF\nvirtual_router_id 5\n}\n",
    /interface eth0 +# \/k.conf:6/,
  ],
  ["quotes", 'global_defs {\nrouter_id "a # b"\n}\n', /router_id "a # b" +# \/k.conf:2/],
  [
    "a default in the units of the language",
    "virtual_server 192.0.2.1 80 {\nreal_server 192.0.2.2 80 {\n}\n}\n",
    /# delay_loop 60 +# default/,
  ],
])("%s are resolved", (_what, text, line) => {
  expect(printed(bindText(text))).toMatch(line);
});

test("what a finding leaves out is not printed", () => {
  const text = printed(
    bindText("global_defs {\nrouter_id a\nroutr_id b\n}\nvrrp_instance V {\ninterface eth0\npriority x\n}\n"),
  );
  expect(text).toContain("router_id a");
  expect(text).not.toContain("routr_id");
  expect(text).not.toContain("priority x");
});

test("secrets are masked", () => {
  const text = printed(
    bindText(
      "vrrp_instance V {\ninterface eth0\nvirtual_router_id 5\nauthentication {\nauth_type PASS\nauth_pass hunter2\n}\n}\n",
    ),
  );
  expect(text).toContain("auth_pass ********");
  expect(text).not.toContain("hunter2");
});
