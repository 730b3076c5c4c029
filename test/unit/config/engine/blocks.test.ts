// Statements and blocks (language.md §5), and what becomes of braces that don't add up: one finding each, at its opener.
import { describe, expect, test } from "bun:test";
import { read, spanned } from "./support.ts";

describe("blocks", () => {
  test.each([
    ["on the line of the keyword", "global_defs {\n  router_id x\n}", "global_defs {\n  router_id·x"],
    ["glued to it", "global_defs{\n}", "global_defs {"],
    ["on a line of its own", "global_defs\n\n# c\n{\n}", "global_defs {"],
    ["on one line", "global_defs { router_id x }", "global_defs {\n  router_id·x"],
    ["text behind the brace", "global_defs { router_id x\nuse_pid y }", "global_defs {\n  router_id·x\n  use_pid·y"],
    [
      "two closing braces",
      "virtual_server 192.0.2.1 80 { real_server 192.0.2.2 80 { weight 1 }}",
      "virtual_server·192.0.2.1·80 {\n  real_server·192.0.2.2·80 {\n    weight·1",
    ],
    ["} K2 {", "global_defs {\n} vrrp_instance V {\n}", "global_defs {\nvrrp_instance·V {"],
    [
      "one statement on a line takes all its words",
      "global_defs { router_id x smtp_server y }",
      "global_defs {\n  router_id·x·smtp_server·y",
    ],
    [
      "a list of words",
      "global_defs { notification_email { a b\n c } }",
      "global_defs {\n  notification_email {\n    a·b\n    c",
    ],
    ["a quoted brace opens nothing", 'vrrp_instance "{" {\n}', 'vrrp_instance·"{" {'],
  ])("%s", (_why, text, tree) => {
    expect(read(text)).toMatchObject({ tree, findings: [] });
  });

  test("a brace splits a word outside quotes", () => {
    expect(read("vrrp_instance VI{ state MASTER }").tree).toBe("vrrp_instance·VI {\n  state·MASTER");
  });

  test("block spans are those of the braces", () => {
    const text = "global_defs {\n  router_id x\n}";
    const block = read(text).statements[0]?.block;
    expect([block?.open.line, block?.close?.line]).toEqual([1, 3]);
    expect(block && spanned(text, block.open)).toBe("{");
  });
});

describe("braces that don't fit", () => {
  const INSTANCE = `vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    authentication {
        auth_type PASS
        auth_pass 1111
    }
    virtual_ipaddress {
        192.0.2.10
        192.0.2.11
    }
    track_interface {
        eth1
    }
}

virtual_server 192.0.2.10 80 {
    delay_loop 6
    real_server 192.0.2.21 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 3
        }
    }
    real_server 192.0.2.22 80 {
        HTTP_GET {
            url {
                path /
                status_code 200
            }
            connect_timeout 3
        }
    }
}
`;
  const FLAT = INSTANCE.replaceAll(/^ +/gm, "");
  const ONE_LINERS = INSTANCE.replaceAll(/\{\s*([^{}\n]+)\n\s*\}/g, "{ $1 }");

  /** All braces of the text, with the line where the block of each begins. */
  function braces(text: string): { at: number; brace: string; openerLine: number }[] {
    const open: number[] = [];
    const lineOf = (at: number) => text.slice(0, at).split("\n").length;
    return [...text.matchAll(/[{}]/g)].map(({ index, 0: brace }) => {
      const openerLine = brace === "{" ? lineOf(index) : (open.pop() ?? 0);
      if (brace === "{") open.push(openerLine);
      return { at: index, brace, openerLine };
    });
  }

  const without = (text: string, at: number) => text.slice(0, at) + text.slice(at + 1);

  test.each([INSTANCE, ONE_LINERS].flatMap((text) => braces(text).map((one) => ({ text, ...one }))))(
    "brace $at taken away: one error at line $openerLine",
    ({ text, at, brace, openerLine }) => {
      const { findings, tree } = read(without(text, at));
      expect(findings.map((finding) => finding.replace(/:\d+/, ""))).toEqual([
        `${openerLine} error ${brace === "{" ? "block-not-opened" : "block-not-closed"}`,
      ]);
      if (text === INSTANCE) expect(tree).toBe(read(text).tree);
    },
  );

  test.each(braces(FLAT))("without indentation: brace $at taken away is one error", ({ at }) => {
    expect(read(without(FLAT, at)).findings).toHaveLength(1);
  });

  test.each(
    INSTANCE.split("\n")
      .slice(0, -1)
      .map((_, index) => [index + 1]),
  )("a brace too many behind line %d is one error", (line) => {
    const lines = INSTANCE.split("\n");
    const indent = /^ */.exec(lines[line - 1] ?? "")?.[0] ?? "";
    const { findings, tree } = read(lines.toSpliced(line, 0, `${indent}}`).join("\n"));
    expect(findings).toHaveLength(1);
    expect(findings[0]).toEndWith("error extra-brace");
    // Of two closing braces in a row either may be the one too many.
    expect(Math.abs(Number.parseInt(findings[0] ?? "", 10) - (line + 1))).toBeLessThanOrEqual(1);
    expect(tree).toBe(read(INSTANCE).tree);
  });

  test.each([
    ["the last one of the file", "global_defs {\n", "1:13 error block-not-closed"],
    ["only an opening one", "{", "1:1 error brace-not-expected"],
    ["only a closing one", "}", "1:1 error extra-brace"],
    ["a keyword that takes no block", "global_defs {\n  router_id x {\n    y\n  }\n}", "2:15 error brace-not-expected"],
    ["a block in a list", "global_defs {\n  notification_email {\n    a { b }\n  }\n}", "3:7 error brace-not-expected"],
    [
      "a keyword without its block",
      "virtual_server 192.0.2.1 80 {\n  real_server 192.0.2.2 80 {\n    TCP_CHECK\n    weight 1\n  }\n}",
      "3:5 error block-not-opened",
    ],
    ["a block keyword at the end", "global_defs", "1:1 error block-not-opened"],
    ["a misspelt block is left to binding", "vrrp_instnace V {\n  priority 1\n  x { y }\n}", ""],
    ["a misspelt block in a block too", "vrrp_instance V {\n  virtual_ipadress {\n    192.0.2.1\n  }\n}", ""],
    ["a closing brace lost to a comment", "global_defs { # }\n  router_id x\n", "1:13 error block-not-closed"],
    ["an opening brace lost to a comment", "global_defs # {\n  router_id x\n}", "1:1 error block-not-opened"],
    ["an opening brace lost in a quote", 'vrrp_instance "V {\n  priority 1\n}', "1:15 error quote-not-closed"],
  ])("%s", (_why, text, finding) => {
    expect(read(text).findings).toEqual(finding === "" ? [] : [finding]);
  });

  test("the finding of a missing } says where it should end", () => {
    const [finding] = read("vrrp_instance V {\n  priority 1\n\nvirtual_server 192.0.2.1 80 {\n}\n").diagnostics;
    expect(finding).toMatchObject({ hint: "write } before line 4", related: [{ span: { line: 4, column: 1 } }] });
  });

  test("two mistakes far apart are two findings", () => {
    const broken = INSTANCE.replace("auth_pass 1111\n    }", "auth_pass 1111").replace(
      "real_server 192.0.2.22 80 {",
      "real_server 192.0.2.22 80",
    );
    expect(read(broken).findings).toEqual(["5:20 error block-not-closed", "25:5 error block-not-opened"]);
  });
});
