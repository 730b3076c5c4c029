// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// One mistake, one finding, on the line of the mistake: the baseline of language.md §18, the defects of §16, and what else an
// operator gets wrong. The configuration around the mistake is one that loads without any finding.
import { describe, expect, test } from "bun:test";
import { CODES } from "../../../../src/config/findings/codes.ts";
import { loadConfig } from "../../../../src/config/load.ts";
import { memoryFiles } from "./support.ts";

const INSTANCE = `vrrp_instance VI_1 {
    state MASTER
    interface eth0
    virtual_router_id 51
    priority 100
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        192.0.2.10
        192.0.2.11
    }
}
`;

const SERVICE = `virtual_server 192.0.2.10 80 {
    delay_loop 6
    lvs_sched rr
    lvs_method NAT
    protocol TCP
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
        }
    }
}
`;

function findings(text: string): string[] {
  const request = {
    paths: ["k.conf"],
    env: {},
    random: () => 0,
    context: { hostName: "lbd", hasAccount: () => false },
  };
  const { diagnostics } = loadConfig(request, memoryFiles({ "k.conf": text }));
  for (const { code } of diagnostics) expect(Object.keys(CODES)).toContain(code);
  return diagnostics.map(({ span, severity, code }) =>
    span ? `${span.line} ${severity} ${code}` : `${severity} ${code}`,
  );
}

/** The text with one place changed; the place must be there. */
function change(text: string, from: string | RegExp, to: string): string {
  expect(text).toMatch(from);
  return text.replace(from, () => to);
}

test("the configurations the mistakes are put into have no finding", () => {
  expect(findings(INSTANCE)).toEqual([]);
  expect(findings(SERVICE)).toEqual([]);
});

describe("in an instance", () => {
  test.each([
    ["misspelt block at the top", "vrrp_instance", "vrrp_instnace", "1 error unknown-keyword"],
    ["misspelt block inside", "virtual_ipaddress", "virtual_ipadress", "10 error unknown-keyword"],
    ["misspelt block with a block inside", "authentication", "autentication", "6 error unknown-keyword"],
    ["misspelt keyword", "priority", "priorty", "5 error unknown-keyword"],
    ["misspelt keyword that must be there", "virtual_router_id", "virtual_routerid", "4 error unknown-keyword"],
    ["misspelt interface", "interface", "interfce", "3 error unknown-keyword"],
    ["keyword in capitals", "priority", "PRIORITY", "5 error unknown-keyword"],
    ["keyword of another block", "priority 100", "lvs_sched rr", "5 error misplaced-keyword"],
    ["{ missing at the top", "VI_1 {", "VI_1", "1 error block-not-opened"],
    ["{ missing inside", "virtual_ipaddress {", "virtual_ipaddress", "10 error block-not-opened"],
    ["} missing inside", "    }\n    virtual", "    virtual", "6 error block-not-closed"],
    ["} missing at the end of a list", "    }\n}", "}", "10 error block-not-closed"],
    ["last } missing", "    }\n}\n", "    }\n", "1 error block-not-closed"],
    ["} too many inside", "    }\n}", "    }\n    }\n}", "14 error extra-brace"],
    ["} too many at the end", "    }\n}", "    }\n}\n}", "15 error extra-brace"],
    ["quote not closed", "auth_pass secret", 'auth_pass "secret', "8 error quote-not-closed"],
    ["quote not closed in front of a brace", "VI_1 {", '"VI_1 {', "1 error quote-not-closed"],
    ["range", "virtual_router_id 51", "virtual_router_id 256", "4 error out-of-range"],
    ["range of the priority", "priority 100", "priority 300", "5 error out-of-range"],
    ["letters behind a number", "priority 100", "priority 100abc", "5 error bad-value"],
    ["value left out", "priority 100", "priority", "5 error missing-value"],
    ["needed value left out", "virtual_router_id 51", "virtual_router_id", "4 error missing-value"],
    ["name left out", "vrrp_instance VI_1", "vrrp_instance", "1 error missing-value"],
    ["a word too many", "priority 100", "priority 100 200", "5 warning extra-words"],
    ["two statements on a line", "priority 100", "priority 100 nopreempt", "5 warning extra-words"],
    [
      "two statements on a line, the second one needed",
      "interface eth0\n    virtual_router_id 51",
      "interface eth0 virtual_router_id 51",
      "3 error extra-words",
    ],
    [
      "two statements on a line, the second one said again",
      "interface eth0",
      "interface eth0 virtual_router_id 52",
      "3 warning extra-words",
    ],
    [
      "a block on one line",
      /authentication \{[^}]*\}/,
      "authentication { auth_type PASS auth_pass secret }",
      "6 error extra-words",
    ],
    ["bad address", "192.0.2.11", "192.0.2.311", "12 error bad-value"],
    ["bad prefix", "192.0.2.11", "192.0.2.11/33", "12 error out-of-range"],
    ["interface left out", "    interface eth0\n", "", "1 error missing-keyword"],
    ["families mixed", "192.0.2.11", "2001:db8::1", "12 error mixed-families"],
    ["address twice", "192.0.2.11", "192.0.2.10", "12 warning duplicate-address"],
    ["state in lower case", "state MASTER", "state master", "2 error bad-value"],
    ["unknown option of an address", "192.0.2.11", "192.0.2.11 lable x", "12 error unknown-word"],
    ["unknown macro", "priority 100", "priority $PRIO", "5 error undefined-macro"],
    ["unknown macro with braces", "priority 100", "priority ${PRIO}", "5 error undefined-macro"],
    ["unknown macro as interface", "interface eth0", "interface $IF", "3 error undefined-macro"],
    ["a loop with a step of 0", "192.0.2.11", "~SEQ(N, 1, 0, 9) 192.0.2.${N}", "12 error bad-loop"],
    ["NUL byte", "priority", "prio\0rity", "5 error nul-byte"],
    ["include missing", "    priority 100\n", "    include gone.conf\n", "5 warning include-missing"],
    ["strict include missing", "    priority 100\n", "    includea gone.conf\n", "5 error include-missing"],
    ["the file includes itself", "    priority 100\n", "    include k.conf\n", "5 error include-loop"],
    ["backslash at the end", "priority 100", "priority 100 \\", "5 warning stray-backslash"],
    ["password of nine characters", "auth_pass secret", "auth_pass secret123", "8 warning cut"],
    ["escaped comment sign", "auth_pass secret", "auth_pass s\\#t", "8 warning escaped-comment-sign"],
    ["the keyword left out", "virtual_router_id 51", "51", "4 error unknown-keyword"],
    ["the keyword of a name left out", "interface eth0", "eth0", "3 error unknown-keyword"],
    ["the keyword of a block left out", "virtual_ipaddress {", "{", "10 error brace-not-expected"],
    ["a word twice", "state MASTER", "state state MASTER", "2 error bad-value"],
    ["the keyword of the block twice", "vrrp_instance VI_1", "vrrp_instance vrrp_instance VI_1", "1 error extra-words"],
    ["a word behind the keyword of a list", "virtual_ipaddress {", "virtual_ipaddress x {", "10 error extra-words"],
    ["an option twice", "192.0.2.11", "192.0.2.11/24 brd brd +", "12 error bad-value"],
    ["an option without its value", "192.0.2.11", "192.0.2.11 brd dev eth0", "12 error bad-value"],
    [
      "a misspelt option of a route",
      "priority 100",
      "virtual_routes {\n198.51.100.0/24 vi 192.0.2.254\n}",
      "6 error unknown-word",
    ],
    ["an option given twice", "192.0.2.11", "192.0.2.11/24 brd + brd -", "12 warning duplicate-keyword"],
    ["two unknown options", "192.0.2.11", "192.0.2.11 lable x:1", "12 error unknown-word"],
    ["a line of the block in a list", "virtual_router_id 51\n", "", "1 error missing-keyword"],
    ["no line in the list", "        192.0.2.10\n        192.0.2.11\n", "", "1 error no-address"],
    ["a brace in a name", "vrrp_instance VI_1", "vrrp_instance VI{1}", "1 error brace-not-expected"],
    ["a brace in a value", "auth_pass secret", "auth_pass s{e}cret", "8 error brace-not-expected"],
    ["-0", "virtual_router_id 51", "debug -0\n    virtual_router_id 51", "4 error out-of-range"],
    ["a brace of a macro missing", "interface eth0", "$I=eth0\n    interface ${I", "4 error macro-not-closed"],
    [
      "the first brace of a macro missing",
      "interface eth0",
      "$I=eth0\n    interface $I}",
      "4 error macro-needs-braces",
    ],
    ["a misspelt predefined macro", "auth_pass secret", "auth_pass ${_EV PASS}", "8 error undefined-macro"],
    [
      "a route with two destinations",
      "priority 100",
      "virtual_routes {\n192.0.2.64/28 192.0.2.80/28 dev eth0\n}",
      "6 warning duplicate-keyword",
    ],
  ])("%s", (_why, from, to, finding) => {
    expect(findings(change(INSTANCE, from, to))).toEqual([finding]);
  });

  test.each([
    [
      "defined twice",
      INSTANCE +
        INSTANCE.replace("51", "52")
          .replace(/192.*\n/g, "198.51.100.1\n")
          .replace(/198.*\n/, ""),
      "15 error duplicate-name",
    ],
    [
      "two with one id",
      INSTANCE + INSTANCE.replace("VI_1", "VI_2").replaceAll("192.0.2", "198.51.100"),
      "15 error duplicate-vrid",
    ],
    ["byte order mark", `\ufeff${INSTANCE}`, "1 warning byte-order-mark"],
    [
      "macros that name each other",
      `$A=$B\n$B=$A\n${INSTANCE.replace("priority 100", "priority $A")}`,
      "2 error macro-loop",
    ],
    [
      "a value too large through a macro",
      `$P=300\n${INSTANCE.replace("priority 100", "priority $P")}`,
      "6 error out-of-range",
    ],
    [
      "a macro without its braces",
      `$V=192.0.2.12\n${INSTANCE.replace("192.0.2.11", "$V/24\n        $V")}`,
      "13 error macro-needs-braces",
    ],
    [
      "a misspelt script block, and its use",
      `vrrp_scrpt chk {\n    script /bin/true\n}\n${INSTANCE.replace("    priority", "    track_script {\n        chk\n    }\n    priority")}`,
      "1 error unknown-keyword",
    ],
    ["empty file", "", "warning config-empty"],
    ["only comments", "# x\n! y\n", "warning config-empty"],
    [
      "a keyword moved into a list",
      change(INSTANCE, "    virtual_router_id 51\n", "").replace(
        "192.0.2.11",
        "192.0.2.11\n        virtual_router_id 51",
      ),
      "12 error misplaced-keyword",
    ],
    [
      "a keyword moved out of its block",
      `virtual_router_id 51\n${change(INSTANCE, "    virtual_router_id 51\n", "")}`,
      "1 error misplaced-keyword",
    ],
    [
      "an address moved out of its block",
      `192.0.2.10\n${INSTANCE.replace(/ +192.0.2.1[01]\n/g, "")}`,
      "1 error unknown-keyword",
    ],
    [
      "a misspelt global_defs, and what hangs on it",
      `glbal_defs {\n    vrrp_version 3\n}\n${change(INSTANCE.replace(/ {4}auth[^}]*\}\n/, ""), "priority 100", "advert_int 0.5")}`,
      "1 error unknown-keyword",
    ],
    [
      "a script that nobody knows by the name in use",
      `vrrp_script chk {\n    script /bin/true\n}\n${change(INSTANCE, "priority 100", "track_script {\n        ckh\n    }")}`,
      "9 error undefined-reference",
    ],
    [
      "an instance left out, and the group that names it",
      `vrrp_sync_group G {\n    group {\n        VI_1\n        VI_2\n    }\n}\n${change(INSTANCE, "vrrp_instance VI_1", "VI_1")}` +
        INSTANCE.replace("VI_1", "VI_2").replaceAll("192.0.2", "198.51.100"),
      "7 error unknown-keyword",
    ],
    [
      "a definition whose first line lacks its backslash",
      `$L=\n    state MASTER \\\n    priority 100\n${change(INSTANCE, "    state MASTER\n", "    $L\n").replace("    priority 100\n", "")}`,
      "1 error definition-cut-short",
    ],
    ["an include by a macro without braces", `$F=x\ninclude $F.conf\n${INSTANCE}`, "2 warning macro-needs-braces"],
    ["a blank in a definition", `$F = x\n${INSTANCE}`, "1 error bad-definition"],
    ["a quoted include", `include "x"\n${INSTANCE}`, "1 warning include-missing"],
  ])("%s", (_why, text, finding) => {
    expect(findings(text)).toEqual([finding]);
  });

  test.each([
    ["line ends of another system", INSTANCE.replaceAll("\n", "\r\n")],
    ["no final line end", INSTANCE.trimEnd()],
    ["tabs", INSTANCE.replaceAll("    ", "\t")],
    ["no indentation", INSTANCE.replaceAll(/^ +/gm, "")],
    ["opening braces on their own lines", INSTANCE.replaceAll(" {", "\n{")],
    ["closing braces on one line", INSTANCE.replace("    }\n}", "    }}")],
    ["blocks on one line", INSTANCE.replace(/virtual_ipaddress[^}]*\}/, "virtual_ipaddress { 192.0.2.10 }")],
    [
      "a rule that begins with its action",
      INSTANCE.replace("priority 100", "virtual_rules {\n        type prohibit from 192.0.2.0/24 preference 5\n    }"),
    ],
    [
      "a script named as a keyword",
      `vrrp_script priority {\n    script /bin/true\n}\n${INSTANCE.replace("priority 100", "priority 100\n    track_script {\n        priority weight 5\n    }")}`,
    ],
    ["comments everywhere", INSTANCE.replaceAll("\n", " # {\n")],
  ])("no finding: %s", (_why, text) => {
    expect(findings(text)).toEqual([]);
  });
});

describe("in a virtual server", () => {
  test.each([
    ["misspelt real_server", "real_server 192.0.2.22", "real_servr 192.0.2.22", "12 error unknown-keyword"],
    ["misspelt checker", "TCP_CHECK", "TCP_CHCK", "8 error unknown-keyword"],
    ["checker in lower case", "HTTP_GET", "http_get", "13 error unknown-keyword"],
    ["misspelt keyword in a checker", "connect_timeout", "conect_timeout", "9 error unknown-keyword"],
    ["{ missing", "TCP_CHECK {", "TCP_CHECK", "8 error block-not-opened"],
    ["{ missing at a real server", "192.0.2.22 80 {", "192.0.2.22 80", "12 error block-not-opened"],
    [
      "} of a checker missing",
      "            connect_timeout 3\n        }",
      "            connect_timeout 3",
      "8 error block-not-closed",
    ],
    [
      "} of a real server missing",
      "    }\n    real_server 192.0.2.22",
      "    real_server 192.0.2.22",
      "6 error block-not-closed",
    ],
    [
      "} of the url missing",
      "                status_code 200\n            }",
      "                status_code 200",
      "14 error block-not-closed",
    ],
    ["unknown scheduler", "lvs_sched rr", "lvs_sched rrr", "3 error bad-value"],
    ["method in lower case", "lvs_method NAT", "lvs_method nat", "4 error bad-value"],
    ["a unit behind a time", "delay_loop 6", "delay_loop 6s", "2 error bad-value"],
    ["the name of a port", "192.0.2.10 80", "192.0.2.10 http", "1 error bad-value"],
    ["a status that is none", "status_code 200", "status_code 2xx", "16 error bad-value"],
    ["a digest that is none", "status_code 200", "digest abc", "16 error bad-value"],
    ["a boolean that is none", "connect_timeout 3", "alpha maybe", "9 error bad-value"],
    ["no words", "virtual_server 192.0.2.10 80", "virtual_server", "1 error missing-value"],
    ["fwmark without its number", "192.0.2.10 80", "fwmark", "1 error missing-value"],
    ["group without its name", "192.0.2.10 80", "group", "1 error missing-value"],
    ["the same real server twice", "192.0.2.22 80", "192.0.2.21 80", "12 error duplicate-real-server"],
    ["the address of a real server", "192.0.2.22 80", "192.0.2.222.1 80", "12 error bad-value"],
    ["two statements on one line", "path /", "path / status_code 200", "15 warning extra-words"],
    ["a word of old times", "protocol TCP", "protocol TCP\n    nat_mask 255.255.255.0", "6 error removed-keyword"],
    ["alpha off", "protocol TCP", "protocol TCP\n    alpha off", "6 warning intention-wins"],
    ["real_server twice", "real_server 192.0.2.22", "real_server real_server 192.0.2.22", "12 error bad-value"],
    ["virtual_server twice", "virtual_server 192", "virtual_server virtual_server 192", "1 error bad-value"],
    ["the word real_server left out", "real_server 192.0.2.22 80", "192.0.2.22 80", "12 error unknown-keyword"],
    ["the word protocol left out", "protocol TCP", "TCP", "5 error unknown-keyword"],
    ["lb_kind misspelt", "lvs_method NAT", "lb_knd NAT", "4 error unknown-keyword"],
    ["words behind a method", "lvs_method NAT", "lvs_method NAT x", "4 error unknown-word"],
    ["a checker without its keyword", "TCP_CHECK {", "{", "8 error brace-not-expected"],
    ["a quorum that is none", "protocol TCP", "protocol TCP\n    quorum 2x\n    hysteresis 1", "6 error bad-value"],
    ["a port that is none", "192.0.2.22 80", "192.0.2.22 80x", "12 error bad-value"],
    [
      "an include that is missing, for all it holds",
      / {4}real[\s\S]*\n {4}\}\n/,
      "    includea rs/*.conf\n",
      "6 error include-missing",
    ],
    [
      "a notify program with its argument",
      "protocol TCP",
      "protocol TCP\n    quorum_up /bin/x y",
      "6 warning unknown-account",
    ],
    ["lthreshold above uthreshold", "weight 1", "lthreshold 9\n        uthreshold 5", "7 warning threshold-order"],
  ])("%s", (_why, from, to, finding) => {
    expect(findings(change(SERVICE, from, to))).toEqual([finding]);
  });

  test("a warning hides no error that follows from it", () => {
    const text = change(INSTANCE, "    interface eth0\n", "    include if/*.conf\n");
    expect(findings(text)).toEqual(["1 error missing-keyword", "3 warning include-missing"]);
  });

  test.each([
    ["the same service twice", SERVICE + SERVICE, "21 warning duplicate-service"],
    ["no real server", SERVICE.replace(/ {4}real_server[\s\S]*\n\}\n/, "}\n"), "1 warning no-real-server"],
    [
      "two mistakes are two findings",
      SERVICE.replace("delay_loop", "delay_lop").replace("weight", "wieght"),
      "2 error unknown-keyword,7 error unknown-keyword",
    ],
  ])("%s", (_why, text, expected) => {
    expect(findings(text).join()).toBe(expected);
  });
});
