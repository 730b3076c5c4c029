// Mistakes that keepalived reports and runs with: lbd runs with them too, with the same values and the same status of -t. What
// keepalived 2.2.7 makes of each stands in test/golden/tolerated.tsv; test/netns/tolerated.test.ts asks it again.
import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { configTest } from "../../../../src/cli/config-test.ts";
import { bindText } from "../../../support/config.ts";
import { modelFacts, plainText, TOLERATED } from "../../../support/tolerated.ts";

describe("what keepalived runs with:", () => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-tolerated-"));
  const path = join(dir, "k.conf");
  const facts = (text: string, part: "vrrp" | "services") => modelFacts(bindText(text).config, part);

  test.each(TOLERATED.map((one) => [one.name, one] as const))("%s", (name, { text, part, status, more, less }) => {
    const plain = facts(
      plainText(name.startsWith("script") ? "script" : part === "vrrp" ? "instance" : "service"),
      part,
    );
    const loaded = bindText(text);
    expect(loaded.usable).toBe(true);
    const now = modelFacts(loaded.config, part);
    expect({
      more: now.filter((fact) => !plain.includes(fact)),
      less: plain.filter((fact) => !now.includes(fact)),
    }).toEqual({ more: [...more], less: [...less] });
    writeFileSync(path, text);
    // keepalived was asked where all interfaces were.
    const machine = { hasInterface: () => true, hasModule: () => true };
    expect(configTest({ configFile: path, allConfig: false, logFile: join(dir, "log"), machine })).toBe(status);
  });

  test("the list is not empty, and its files are told apart", () => {
    expect(new Set(TOLERATED.map(({ text }) => text)).size).toBe(TOLERATED.length);
    expect(TOLERATED.length).toBeGreaterThan(200);
    rmSync(dir, { recursive: true });
  });
});
