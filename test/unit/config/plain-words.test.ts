import { describe, expect, test } from "bun:test";
import { renderDiagnostic } from "../../../src/config/findings/render.ts";
import { bindText } from "../../support/config.ts";

const INSTANCE = [
  "vrrp_instance V {",
  "interface eth0",
  "virtual_router_id 51",
  "priority 150",
  "advert_int 1",
  "virtual_ipaddress {",
  "192.0.2.1/24",
  "}",
  "}",
];
const SERVICE = [
  "virtual_server 192.0.2.100 443 {",
  "lb_algo rr",
  "lb_kind NAT",
  "protocol TCP",
  "delay_loop 3",
  "real_server 198.51.100.1 443 {",
  "HTTP_GET {",
  "url {",
  "path /",
  "status_code 200",
  "}",
  "connect_timeout 3",
  "}",
  "}",
  "}",
];

/** The findings of a text whose line `from` says `to`: `line code: hint`. */
function changed(lines: readonly string[], from: string, to: string): string[] {
  expect(lines).toContain(from);
  const text = lines.map((line) => (line === from ? to : line)).join("\n");
  return bindText(`${text}\n`).diagnostics.map(({ code, span, hint }) => `${span?.line} ${code}: ${hint}`);
}

test("the texts that mistakes are put into have no finding", () => {
  expect(bindText(`${[...INSTANCE, ...SERVICE].join("\n")}\n`).diagnostics).toEqual([]);
});

describe("one mistake is one finding that names its cause", () => {
  test.each([
    [
      "a semicolon",
      "priority 150",
      "priority 150;",
      "4 bad-value: no semicolons: a statement ends with its line; write 150",
    ],
    ["a colon", "priority 150", "priority: 150", "4 unknown-keyword: no colon stands behind a keyword; write priority"],
    ["a comma", "priority 150", "priority 150,", "4 bad-value: no commas: blanks stand between words; write 150"],
    ["a comment of C", "priority 150", "priority 150 // high", "4 extra-words: a comment begins with # or !"],
    [
      "a netmask",
      "192.0.2.1/24",
      "192.0.2.1/255.255.255.128",
      "7 out-of-range: a prefix length stands behind the slash, and no mask: write 192.0.2.1/25",
    ],
    [
      "a prefix length that stands apart",
      "192.0.2.1/24",
      "192.0.2.1 /24",
      "7 unknown-word: no blank stands before the prefix length: write ADDRESS/24",
    ],
    [
      "a range where none may be",
      "192.0.2.1/24",
      "192.0.2.1-9",
      "7 bad-value: ranges stand in real_server and virtual_server_group only: write each address on a line of its own",
    ],
    [
      "an equals sign",
      "interface eth0",
      "interface = eth0",
      "2 extra-words: no = stands between keyword and value: put a blank in its place",
    ],
    ["seconds", "advert_int 1", "advert_int 1s", "5 bad-value: units are not written, times are seconds; write 1"],
    [
      "milliseconds",
      "advert_int 1",
      "advert_int 500ms",
      "5 bad-value: units are not written, times are seconds; write 0.5",
    ],
    [
      "a no-break space",
      "virtual_router_id 51",
      "virtual_router_id\u00a051",
      "3 unknown-keyword: a no-break space (U+00A0) stands in this line: write a plain blank",
    ],
    [
      "typographic quotes",
      "priority 150",
      "priority \u201c150\u201d",
      '4 bad-value: a typographic quote (U+201C) stands in this line: write a plain "',
    ],
  ])("%s in an instance", (_what, from, to, finding) => {
    expect(changed(INSTANCE, from, to)).toEqual([finding]);
  });

  test("a label that is too long says nothing of families; the second mistake is found", () => {
    const label = "192.0.2.1/24 label eth0:averyveryverylonglabel\n2001:db8::1/64";
    const peers = "unicast_peer {\n192.0.2.9\n}\npriority 150";
    const text = changed(INSTANCE, "192.0.2.1/24", label);
    expect(text.map((one) => one.replace(/:.*/, ""))).toEqual(["7 bad-value", "8 mixed-families"]);
    const withPeer = INSTANCE.map((line) => (line === "priority 150" ? peers : line));
    expect(changed(withPeer, "192.0.2.1/24", label).map((one) => one.replace(/:.*/, ""))).toEqual([
      "10 bad-value",
      "11 mixed-families",
    ]);
  });

  test.each([
    ["lb_algo rr", "lb_algo roundrobin", "did you mean rr?"],
    ["lb_kind NAT", "lb_kind DSR", "did you mean DR?"],
    ["lb_kind NAT", "lb_kind nat", "did you mean NAT?"],
    ["protocol TCP", "protocol HTTPS", "did you mean TCP?"],
    ["HTTP_GET {", "HTTPS_GET {", "did you mean SSL_GET?"],
    ["status_code 200", "status 200", "did you mean status_code?"],
    ["connect_timeout 3", "timeout 3", "did you mean connect_timeout?"],
    ["connect_timeout 3", "retries 3", "did you mean retry?"],
    ["connect_timeout 3", "host www.example.net", "did you mean virtualhost?"],
    ["virtual_server 192.0.2.100 443 {", "virtual_server 192.0.2.100:443 {", "write 192.0.2.100 443"],
    ["virtual_server 192.0.2.100 443 {", "virtual_server [2001:db8::1]:443 {", "write 2001:db8::1 443"],
  ])("%s written as %s", (from, to, hint) => {
    const found = changed(SERVICE, from, to);
    expect(found[0]).toEndWith(hint);
  });
});

describe("what is not of this language is said once", () => {
  test.each([
    ["a merge", ["<<<<<<< HEAD", ...INSTANCE, "=======", ">>>>>>> theirs"], "1 merge-conflict", "(3 lines)"],
    ["a template", ["{% if master %}", "{{ instance }}", ...INSTANCE, "{% endif %}"], "1 template-left", "template"],
    ["comments of C", ["// front", "/* back", "*/", ...INSTANCE], "1 foreign-comment", "(3 lines)"],
    ["comments of ini files", [...INSTANCE, "; end"], "10 foreign-comment", "comment"],
    [
      "haproxy",
      ["global", "  maxconn 100", "frontend web", "  bind :80", "backend b"],
      "1 foreign-file",
      "haproxy.cfg",
    ],
    ["nginx", ["events {", "}", "http {", " server {", " }", "}"], "1 foreign-file", "nginx.conf"],
    ["YAML", ["---", "vrrp:", "  interface: eth0", "  priority: 100"], "1 foreign-file", "YAML"],
    ["JSON", ["{", '  "vrrp": {', '    "interface": "eth0"', "  }", "}"], "1 ", ""],
  ])("%s", (_what, lines, place, said) => {
    const { diagnostics } = bindText(`${lines.join("\n")}\n`);
    const errors = diagnostics.filter(({ severity }) => severity === "error");
    expect(errors.map(({ code, span }) => `${span?.line} ${code}`)).toHaveLength(1);
    expect(`${errors[0]?.span?.line} ${errors[0]?.code}`).toStartWith(place);
    expect(errors[0]?.message).toContain(said);
  });

  test("an error in the lines between stays", () => {
    const lines = ["<<<<<<< HEAD", ...INSTANCE, "=======", ">>>>>>> x"]
      .join("\n")
      .replace("priority 150", "priority 1x");
    const codes = bindText(`${lines}\n`).diagnostics.map(({ code, span }) => `${span?.line} ${code}`);
    expect(codes).toEqual(["1 merge-conflict", "5 bad-value"]);
  });
});

describe("no excerpt shows a secret", () => {
  test.each([
    ["a misspelt keyword", "authentication {\nauth_type PASS\nauth_pas hunter22\n}"],
    ["a password in two words", "authentication {\nauth_type PASS\nauth_pass hunter22 more\n}"],
    ["a password that is cut", "authentication {\nauth_type PASS\nauth_pass hunter22long\n}"],
    ["a password with an equals sign", "authentication {\nauth_type PASS\nauth_pass=hunter22\n}"],
    ["a keyword of somebody's own", "passphrase hunter22"],
    ["a key that is too short", "auth_hmac {\nkey 1 hunter22\n}"],
    ["a block on one line", "authentication { auth_type PASS auth_pass hunter22 more }"],
  ])("%s", (_what, text) => {
    const { diagnostics } = bindText(`${INSTANCE.slice(0, -1).join("\n")}\n${text}\n}\n`);
    const said = diagnostics.map((one) => renderDiagnostic(one, { color: false })).join("\n");
    expect(diagnostics.length).toBeGreaterThan(0);
    expect(said).not.toContain("hunter22");
  });

  test.each([
    ["by its name", "$PW=hunter22\n$PW=hunter22\n"],
    [
      "by its use",
      "$X=hunter22\n$X=hunter22\nvrrp_instance W {\nauthentication {\nauth_type PASS\nauth_pass $X y\n}\n}\n",
    ],
  ])("a macro that holds one, known %s", (_what, text) => {
    const { diagnostics } = bindText(text);
    const said = diagnostics.map((one) => renderDiagnostic(one, { color: false })).join("\n");
    expect(diagnostics.length).toBeGreaterThan(0);
    expect(said).not.toContain("hunter22");
  });

  test("the carets stay where the word is", () => {
    const { diagnostics } = bindText(
      `${INSTANCE.slice(0, -1).join("\n")}\nauthentication {\nauth_type PASS\nauth_pass secretpw extra\n}\n}\n`,
    );
    const lines = diagnostics
      .map((one) => renderDiagnostic(one, { color: false }))
      .join("\n")
      .split("\n");
    const at = lines.findIndex((line) => line.includes("auth_pass ******** *****"));
    expect(at).toBeGreaterThan(0);
    expect(lines[at + 1]?.indexOf("^")).toBe((lines[at] ?? "").lastIndexOf(" *****") + 1);
  });
});
