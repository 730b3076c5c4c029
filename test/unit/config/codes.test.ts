// biome-ignore-all lint/suspicious/noTemplateCurlyInString: macros of the language.
// Every kind of finding of codes.ts is reported for some text: a kind without a text here is a type error.
import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crossCheck } from "../../../src/appliance/cross-check.ts";
import { readNetwork } from "../../../src/appliance/network/read.ts";
import { DEFAULT_SETTINGS } from "../../../src/appliance/settings.ts";
import { configTest } from "../../../src/cli/config-test.ts";
import { CODES, type Code } from "../../../src/config/findings/codes.ts";
import type { Diagnostic } from "../../../src/config/findings/diagnostic.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";
import { missingInterfaces, missingKernelParts } from "../../../src/config/semantics/here.ts";
import { programFindings, usablePart } from "../../../src/config/semantics/programs.ts";
import { onThisMachine } from "../../../src/process/configuration/on-this-machine.ts";
import { bindFiles, bindText } from "../../support/config.ts";

/** `-t` alone looks at programs of a configuration that says nothing of their security. */
function configTested(): readonly Pick<Diagnostic, "code">[] {
  const dir = mkdtempSync(join(tmpdir(), "lbd-codes-"));
  try {
    const configFile = join(dir, "k.conf");
    const logFile = join(dir, "log");
    writeFileSync(configFile, instance("notify /bin/true"));
    configTest({ configFile, allConfig: false, logFile, machine: { hasInterface: () => true, hasModule: () => true } });
    return [...readFileSync(logFile, "utf8").matchAll(/\[([a-z-]+)\]/g)].map(([, code = ""]) => ({
      code: code as Code,
    }));
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** A text, or what else it takes. */
type Cause = string | (() => readonly Pick<Diagnostic, "code">[]);

const instance = (...lines: string[]) => named("A", 51, ...lines);
const named = (name: string, vrid: number, ...lines: string[]) =>
  `vrrp_instance ${name} {\ninterface eth0\nvirtual_router_id ${vrid}\n${lines.join("\n")}\nvirtual_ipaddress {\n192.0.2.${vrid}\n}\n}\n`;
const bare = (...lines: string[]) =>
  `vrrp_instance A {\ninterface eth0\nvirtual_router_id 51\n${lines.join("\n")}\n}\n`;
const service = (...lines: string[]) =>
  `virtual_server 192.0.2.10 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n${lines.join("\n")}\n}\n`;
const served = (...lines: string[]) => service(...lines, "real_server 192.0.2.21 80 {", "}");
const real = (...lines: string[]) => service("real_server 192.0.2.21 80 {", ...lines, "}");
const globals = (...lines: string[]) => `global_defs {\n${lines.join("\n")}\n}\n`;

/** A main file that is not plain text, or is not there. */
function file(read: Uint8Array | "missing" | "unreadable"): Cause {
  const result =
    read === "missing"
      ? ({ ok: false, error: { kind: "missing" } } as const)
      : read === "unreadable"
        ? ({ ok: false, error: { kind: "unreadable", reason: "EACCES" } } as const)
        : ({ ok: true, value: read } as const);
  const files = {
    read: () => result,
    list: () => [],
    exists: () => read !== "missing",
    resolve: (path: string) => path,
  };
  return () => bindFiles(files, "/k.conf").diagnostics;
}

const bytes = (text: string, ...before: number[]) => Uint8Array.of(...before, ...new TextEncoder().encode(text));
const onMachine = (text: string, has: { readonly interfaces: boolean; readonly modules: boolean }): Cause => {
  const machine = { hasInterface: () => has.interfaces, hasModule: () => has.modules };
  return () => {
    const { config, sources } = bindText(text);
    return [...missingInterfaces(config, machine, sources), ...missingKernelParts(config, machine)];
  };
};
const withPrograms = (kind: "absent" | "open"): Cause => {
  return () => {
    const { config, sources } = bindText(instance("notify /opt/notify.sh"));
    const verdict = kind === "open" ? { kind, reason: "others can write it" } : { kind, reason: "no such file" };
    return programFindings(usablePart(config, () => verdict).told, sources);
  };
};

/** network.yaml. */
const network = (...lines: string[]): Cause => {
  return () => {
    const findings = createFindings();
    readNetwork({ name: "network.yaml", text: ["network:", "  version: 2", ...lines, ""].join("\n") }, findings);
    return findings.list;
  };
};

const CAUSES: Readonly<Record<Code, Cause>> = {
  "address-owner": instance("priority 255"),
  "bad-command": instance(`notify_master "/etc/notify.sh 'two words"`),
  "bad-definition": "$VIP = 192.0.2.1\n",
  "bad-dns-name": real("DNS_CHECK {", "name example..com", "}"),
  "bad-key": instance("auth_hmac {", "key 1 tooshort", "active_key 1", "}"),
  "bad-loop": "~SEQ(N, 1, 0, 9) foo\n",
  "bad-range": `virtual_server_group g {\n192.0.2.20-10 80\n}\n`,
  "bad-tunnel": served("lvs_method TUN type gue"),
  "bad-value": instance("priority 100abc"),
  "block-not-closed": "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n",
  "block-not-opened": "vrrp_instance A\ninterface eth0\nvirtual_router_id 1\nvirtual_ipaddress {\n192.0.2.1\n}\n}\n",
  "brace-not-expected": instance("priority 100 {", "}"),
  "byte-order-mark": file(bytes(instance(), 0xef, 0xbb, 0xbf)),
  "check-without-port":
    "virtual_server fwmark 5 {\nlvs_sched rr\nlvs_method NAT\nreal_server 192.0.2.11 {\nTCP_CHECK {\n}\n}\n}\n",
  clamped: globals("vrrp_garp_master_repeat 0") + instance("garp_master_repeat 0"),
  "comment-in-definition": `$S= \\\nreal_server 192.0.2.10 80 { \\\n# weight 1 \n}\n`,
  "condition-alone": "@director-a\n",
  "condition-in-macro": "$LINE=@main priority 150\n$LINE\n",
  "config-empty": "",
  cut: instance("authentication {", "auth_type PASS", "auth_pass 123456789", "}"),
  "default-taken": "virtual_server 192.0.2.1 80 {\nreal_server 192.0.2.10 80 {\n}\n}\n",
  "definition-cut-short": "$S= \\\nreal_server 192.0.2.10 80 {\nweight 1 \\\n}\n",
  "definition-not-ended": "$S= \\\nweight 1 \\",
  deprecated: real("SSL_GET {", "nb_get_retry 3", "}"),
  "duplicate-address": bare("virtual_ipaddress {", "192.0.2.1", "192.0.2.1", "}"),
  "duplicate-key": instance("auth_hmac {", `key 1 ${"a".repeat(32)}`, `key 1 ${"b".repeat(32)}`, "active_key 1", "}"),
  "duplicate-keyword": instance("priority 100", "priority 150"),
  "duplicate-member": `${instance()}vrrp_sync_group G {\ngroup {\nA\nA\n}\n}\n`,
  "duplicate-name": instance() + instance(),
  "duplicate-neighbor": [
    "bfd_instance a {\nneighbor_ip 192.0.2.2\n}",
    "bfd_instance b {\nneighbor_ip 192.0.2.2\n}\n",
  ].join("\n"),
  "duplicate-peer": instance("unicast_peer {", "192.0.2.2", "192.0.2.2", "}"),
  "duplicate-real-server": service("real_server 192.0.2.11 80 {", "}", "real_server 192.0.2.11 80 {", "}"),
  "duplicate-service": served() + served(),
  "duplicate-tracker": instance("track_interface {", "eth1", "eth1 weight 5", "}"),
  "duplicate-vrid": named("A", 51) + named("B", 51),
  "empty-list": globals("notification_email {", "}"),
  "escaped-comment-sign": globals("router_id a\\#b"),
  "extra-brace": `${instance()}}\n`,
  "extra-words": instance("priority 100 virtual_router_id 51"),
  "file-missing": file("missing"),
  "file-open": () =>
    onThisMachine(bindText(instance()), {
      machine: { hasInterface: () => true, hasModule: () => true },
      openFile: () => ({ kind: "open", reason: "its mode is 0666", mend: "chmod o-w" }),
    }).diagnostics,
  "file-unreadable": file("unreadable"),
  "foreign-comment": `// the front end\n${instance()}`,
  "foreign-file": "frontend web\n  bind :80\n  maxconn 10\n",
  "hidden-service": `${bare("version 3", "no_accept", "virtual_ipaddress {", "192.0.2.10", "}")}${served()}`,
  "hysteresis-too-high": served("quorum 1", "hysteresis 1"),
  "include-loop": "include k.conf\n",
  "include-missing": "includea conf.d/*.conf\n",
  "include-unreadable": () =>
    bindFiles(
      {
        read: (path) =>
          path === "/k.conf"
            ? { ok: true, value: bytes("include other.conf\n") }
            : { ok: false, error: { kind: "unreadable", reason: "EACCES" } },
        list: () => ["k.conf", "other.conf"],
        exists: () => true,
        resolve: (path) => path,
      },
      "/k.conf",
    ).diagnostics,
  "include-without-name": "include\n",
  "intention-wins": served("alpha off"),
  "interface-label": instance().replace("eth0", "eth0:1"),
  "interface-name-taken": instance("use_vmac eth0"),
  "invalid-utf-8": file(Uint8Array.of(...bytes("global_defs {\nrouter_id caf"), 0xe9, ...bytes("\n}\n"))),
  "limit-exceeded": "~SEQ(N, 1, 1000000000) weight 1\n",
  "link-circle": network("  bridges:", "    a: {interfaces: [a]}"),
  "link-local-first": bare("virtual_ipaddress {", "2001:db8::1/64", "}"),
  "lonely-group": `${instance()}vrrp_sync_group G {\ngroup {\nA\n}\n}\n`,
  "loopback-interface": instance().replace("eth0", "lo"),
  "macro-loop": "$A=$B\n$B=$A\nrouter $A\n",
  "macro-needs-braces": `$VIP=192.0.2.1\n${bare("virtual_ipaddress {", "$VIP/24", "}")}`,
  "macro-not-closed": `$VIP=192.0.2.1\n${bare("virtual_ipaddress {", "${VIP/24", "}")}`,
  "merge-conflict": `<<<<<<< HEAD\n${instance()}`,
  "misplaced-keyword": served("priority 100"),
  "missing-key": network("  vlans:", "    front: {link: eth0}"),
  "missing-keyword": "vrrp_instance A {\ninterface eth0\n}\n",
  "missing-module": onMachine(served().replace("sched rr", "sched mh"), { interfaces: true, modules: false }),
  "missing-value": instance("priority"),
  "mixed-families": bare("virtual_ipaddress {", "192.0.2.1", "2001:db8::1", "}"),
  "more-findings": Array.from({ length: 1100 }, (_, at) => `$M${at}=1\n`).join(""),
  "no-address": bare(),
  "no-configuration": "a\n".repeat(11_000),
  "no-effect-yet": () => bindText(globals("enable_dbus")).unbuilt(),
  "no-preference": instance("virtual_rules {", "from 192.0.2.0/24 table 100", "}"),
  "no-program": instance('notify_master ""'),
  "no-real-server": service(),
  "nothing-to-serve": `virtual_server_group web {\n}\n${served().replace("192.0.2.10 80", "group web")}`,
  "nul-byte": file(bytes("global_defs {\nrouter_id a\0\n}\n")),
  "odd-digits": real("UDP_CHECK {", "payload 123", "}"),
  "odd-mask": served("persistence_granularity 64"),
  "old-name": "vrrp_track_file load {\nfile /tmp/load\n}\n",
  "out-of-range": instance("priority 256"),
  "own-peer": instance("unicast_src_ip 192.0.2.1", "unicast_peer {", "192.0.2.1", "}"),
  "port-needs-persistence": served().replace("192.0.2.10 80", "192.0.2.10"),
  "port-reset": service("real_server 192.0.2.21 8080 {", "}").replace("NAT", "DR"),
  "prefix-ignored": instance("unicast_peer {", "192.0.2.2/24", "}"),
  "process-name": "vrrp_track_process web {\nprocess /usr/sbin/nginx\n}\n",
  "program-open": withPrograms("open"),
  "program-unusable": withPrograms("absent"),
  "protocol-reset": instance("virtual_routes {", "198.51.100.0/24 dev eth1 protocol static", "}"),
  "quorum-too-high": served("quorum 10"),
  "quote-not-closed": instance('notify_master "/etc/notify.sh master'),
  "random-range": globals("router_id ${_RANDOM 20 10}"),
  "regex-unusable": real("HTTP_GET {", "url {", "path /", 'regex "(a)\\\\1"', "}", "}"),
  "path-not-absolute": real("HTTP_GET {", "url {", "path index.html", "}", "}"),
  "relative-path": instance("notify ./notify.sh"),
  "removed-keyword": globals("lvs_id director"),
  rounded: instance("advert_int 1.5"),
  "script-security": configTested,
  "shared-address":
    named("A", 51).replace("192.0.2.51", "192.0.2.9") + named("B", 52).replace("192.0.2.52", "192.0.2.9"),
  "shared-fifo": globals("notify_fifo /run/x", "vrrp_notify_fifo /run/x"),
  "shell-words": 'vrrp_script a {\nscript "/usr/bin/pgrep haproxy | wc -l"\n}\n',
  "stray-backslash": instance("priority 100 \\"),
  "template-left": instance("{{ priority }}"),
  "text-after-macro": "$S= \\\nrouter_id a \\\nsmtp_alert\nglobal_defs {\n$S weight 1\n}\n",
  "threshold-order": real("uthreshold 100", "lthreshold 200"),
  "typographic-quote": globals("router_id \u201cdirector\u201d"),
  "too-long": globals("process_name a_name_of_more_than_15_bytes"),
  "too-many-addresses": bare(
    "virtual_ipaddress {",
    ...Array.from({ length: 256 }, (_, at) => `10.0.${at >> 7}.${(at & 127) + 1}`),
    "}",
  ),
  "undefined-macro": instance("priority $PRIO"),
  "undefined-reference": instance("track_script {", "chk_http", "}"),
  "unicast-source": bare("version 3", "unicast_peer {", "2001:db8::2", "}", "virtual_ipaddress {", "fe80::1", "}"),
  "unknown-account": () => bindText(instance("notify /etc/notify.sh master"), { hasAccount: () => false }).diagnostics,
  "unknown-address": () =>
    crossCheck({
      config: bindText(instance("unicast_src_ip 192.0.2.6", "unicast_peer {", "192.0.2.7", "}")).config,
      network: { links: [] },
      settings: DEFAULT_SETTINGS,
      spanAt: () => undefined,
      hasFile: () => false,
    }),
  "unknown-engine": served("persistence_engine http"),
  "unknown-interface": onMachine(instance(), { interfaces: false, modules: true }),
  "unknown-key": network("  ethernets:", "    eth0: {adresses: []}"),
  "unknown-keyword": served().replace("virtual_server", "vritual_server"),
  "unknown-word": bare("virtual_ipaddress {", "192.0.2.1/24 devv eth0", "}"),
  "unset-variable": globals("router_id ${_ENV ROUTER}"),
  "unsupported-key": network("  ethernets:", "    eth0: {gateway4: 192.0.2.1}"),
  "unusable-address": bare("virtual_ipaddress {", "127.0.0.1", "}"),
  "unused-definition": "vrrp_script chk {\nscript /bin/true\n}\n",
  "unused-macro": `$VIP=192.0.2.1\n${instance()}`,
  "upside-down": instance("virtual_rules {", "from 192.0.2.0/24 sport 200-100 table 100 preference 5", "}"),
  "utf-16-file": file(Uint8Array.of(0xff, 0xfe, 0x67, 0, 0x6c, 0)),
  "version-conflict": bare("strict_mode on", "version 2", "virtual_ipaddress {", "fe80::1", "}"),
  "weight-not-allowed": instance("priority 255", "track_interface {", "eth1 weight -10", "}"),
  "without-effect": served("sh-port"),
  "yaml-syntax": network("  ethernets: ["),
};

test.each(Object.keys(CODES) as Code[])("%s is reported", (code) => {
  const cause = CAUSES[code];
  const found = typeof cause === "string" ? bindText(cause).diagnostics : cause();
  expect(found.map((one) => one.code)).toContain(code);
});
