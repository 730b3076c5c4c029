// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// What damaged and hostile configurations may cost: a finding, little time, never an exception.
import { describe, expect, test } from "bun:test";
import { loadConfig } from "../../../../src/config/load.ts";
import * as limits from "../../../../src/config/text/limits.ts";
import { readBudget } from "../../../../src/process/configuration/read-budget.ts";
import { bindText, briefly } from "../../../support/config.ts";
import { read } from "./support.ts";

/** Five seconds is what is promised. Of processor time: the machine may do much else. */
const LIMIT_US = 5_000_000;

function timed(run: () => void): void {
  const before = process.cpuUsage();
  run();
  expect(process.cpuUsage(before).user).toBeLessThan(LIMIT_US);
}

describe("limits", () => {
  test.each([
    ["a line of 10 MB", `a\nk ${"x".repeat(10_000_000)}\nb`, "2:1 error limit-exceeded", "a\nb"],
    ["a line just too long", `k${"x".repeat(limits.MAX_LINE_CHARS)}`, "1:1 error limit-exceeded", ""],
    ["10 MB of blanks", `a\n${" ".repeat(10_000_000)}x\nb`, "2:1 error limit-exceeded", "a\nb"],
    ["a loop of a thousand million", "~SEQ(N, 1, 1000000000) k", "1:1 error limit-exceeded", ""],
    ["nested loops that multiply", "~SEQ(A,2000) ~SEQ(B,2000) k${A}${B}", "1:27 error limit-exceeded", ""],
    ["blocks nested without end", "a {\n".repeat(10_000), "65:3 error limit-exceeded", ""],
    [
      "macros that double each other",
      `$M0=xxxxxxxxxx\n${Array.from({ length: 40 }, (_, i) => `$M${i + 1}=\${M${i}} \${M${i}}\n`).join("")}k \${M40}`,
      "42:1 error limit-exceeded",
      "",
    ],
    ["a macro of a megabyte, many times", `$M=${"y".repeat(500_000)}\n~SEQ(N,1000) k \${M}`, undefined, ""],
    ["words without end", "a ".repeat(100).concat("\n").repeat(50_000), undefined, ""],
  ])("%s", (_why, text, finding, tree) => {
    timed(() => {
      const got = read(text);
      expect(got.findings).toHaveLength(1);
      expect(got.findings[0]).toEndWith("error limit-exceeded");
      if (finding !== undefined) expect(got.findings).toEqual([finding]);
      expect(got.tree).toBe(tree);
    });
  });

  test("the same mistake in each of very many blocks: what is kept has a bound, and an error stays one", () => {
    const noted = Array.from(
      { length: limits.MAX_KEPT_FINDINGS + 10 },
      (_, i) => `virtual_server 192.0.2.1 ${i + 1} {\n alpha off\n real_server 192.0.2.2 80 { }\n}\n`,
    );
    timed(() => {
      const { diagnostics, errors } = bindText(`${noted.join("")}virtual_server 192.0.2.9 80 {\n delay_loop x\n}\n`);
      expect(errors).toBe(true);
      expect(diagnostics.at(-1)).toMatchObject({
        code: "more-findings",
        severity: "error",
        message: `${limits.MAX_KEPT_FINDINGS - limits.MAX_DIAGNOSTICS} more findings are not shown`,
      });
    });
  });

  test("the longest line that is read, is read", () => {
    const word = "x".repeat(limits.MAX_LINE_CHARS - 2);
    expect(read(`k ${word}`)).toMatchObject({ findings: [], tree: `k·${word}` });
  });

  test("includes nested without end", () => {
    const files = Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`f${i}.conf`, `include f${i + 1}.conf`]));
    const { findings } = read("include f0.conf", { files });
    expect(findings).toEqual([`f${limits.MAX_INCLUDE_DEPTH - 2}.conf:1:9 error limit-exceeded`]);
  });

  test("too many files", () => {
    const files = Object.fromEntries(Array.from({ length: 1100 }, (_, i) => [`d/${i}.conf`, "k"]));
    expect(read("include d/*.conf", { files }).findings).toEqual(["1:9 error limit-exceeded"]);
  });

  test("too many bytes in all", () => {
    const text = "# 0123456789\n".repeat(100_000);
    const files = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`d/${i}.conf`, text]));
    timed(() => expect(read("include d/*.conf", { files }).findings).toEqual(["1:9 error limit-exceeded"]));
  });

  test("alternatives that multiply", () => {
    const { findings } = read(`include ${"{a,b}".repeat(60)}`);
    expect(findings).toContain("1:9 error limit-exceeded");
  });

  test("ranges of real servers that multiply", () => {
    const service = (port: number) =>
      `virtual_server 192.0.2.1 ${port} {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 10.1.0.0-10.1.255.255 80 {\n }\n}\n`;
    timed(() => {
      const { config, diagnostics } = bindText(Array.from({ length: 100 }, (_, i) => service(i + 1)).join(""));
      expect(config.virtualServers).toHaveLength(limits.MAX_RANGED_ADDRESSES / limits.MAX_RANGE_ADDRESSES);
      expect(new Set(briefly(diagnostics).map((line) => line.replace(/^\d+/, "")))).toEqual(
        new Set([":14 error limit-exceeded"]),
      );
    });
  });

  test("a group that many serve", () => {
    const service =
      "virtual_server group G {\n lvs_sched rr\n lvs_method NAT\n protocol TCP\n real_server 192.0.2.1 80 {\n }\n}\n";
    timed(() => {
      const { diagnostics } = bindText(`virtual_server_group G {\n 10.1.0.0/16 80\n}\n${service.repeat(200)}`);
      expect(diagnostics.map(({ code }) => code)).toEqual(Array(199).fill("duplicate-service"));
    });
  });

  test("multi-line macros inside each other", () => {
    const definitions = Array.from({ length: 300 }, (_, i) => `$M${i}=a \\\n $M${i + 1} \\\n b\n`).join("");
    const { findings } = read(`${definitions}$M300=x\n$M0`);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toEndWith("error limit-exceeded");
  });

  test("a file that is all quotes, braces or dollars", () => {
    for (const char of ['"', "{", "}", "$", "${", "~", "@", "\\", "$A=", '{"', "}\n{"])
      timed(() => void read(`${char.repeat(100)}\n`.repeat(2000)));
  });
});

/** Each binds some hundred thousand lines once to three times: on a loaded machine that takes minutes, and what is asserted is no time. */
const TURNS_MS = 300_000;

describe("lines made by macros and loops beyond the free ones", () => {
  const many = (lines: number) =>
    `global_defs {\n}\n~SEQ(I, 0, ${lines / 250 - 1}) ~SEQ(J, 1, 250) virtual_server_group g\${I}_\${J} { }\n`;
  const load = (text: string, spent: () => string | undefined) =>
    loadConfig(
      { paths: ["/k.conf"], env: {}, random: () => 0, context: { hostName: "a" }, spent },
      {
        read: () => ({ ok: true, value: new TextEncoder().encode(text) }),
        list: () => [],
        exists: () => true,
        resolve: (path) => path,
      },
    );

  test(
    "cost what they may, and else one error names the line",
    () => {
      const { diagnostics, usable } = load(many(260_000), () => "500 MB of memory");
      expect(usable).toBe(false);
      expect(diagnostics.map(({ code, span, message }) => [code, span?.line, message])).toEqual([
        ["limit-exceeded", 3, "the configuration takes more than 500 MB of memory to read, up to here"],
      ]);
    },
    TURNS_MS,
  );

  test(
    "are asked about only then, while they are bound as well",
    () => {
      let asked = 0;
      const text = many(limits.FREE_EXPANDED_LINES / 2);
      expect(load(text, () => `${++asked}`).usable).toBe(true);
      expect(asked).toBe(0);
      const enough = { left: 4 };
      const { diagnostics, usable } = load(many(252_000), () =>
        enough.left-- > 0 ? undefined : "5 s of processor time",
      );
      expect(usable).toBe(false);
      expect(diagnostics[0]?.message).toContain("5 s of processor time");
    },
    TURNS_MS,
  );

  test(
    "are taken when they cost less, and bound a second time within the same bounds where the file has an error",
    () => {
      let asked = 0;
      expect(load(many(252_000), () => void ++asked).usable).toBe(true);
      const server = "virtual_server 192.0.2.1 80 {\nfoo\n}\n";
      const { diagnostics, usable } = load(`${server}${many(252_000)}`, () =>
        asked-- > -10 ? undefined : "5 s of processor time",
      );
      expect(usable).toBe(false);
      expect(diagnostics.filter(({ severity }) => severity === "error").map(({ code }) => code)).toEqual([
        "unknown-keyword",
        "limit-exceeded",
      ]);
    },
    TURNS_MS,
  );
});

test("what reading costs is measured", () => {
  expect(readBudget()()).toBeUndefined();
  expect(readBudget({ bytes: -1, cpuUs: 5_000_000 })()).toContain("of memory");
  expect(readBudget({ bytes: 2 ** 40, cpuUs: -1 })()).toContain("of processor time");
});
