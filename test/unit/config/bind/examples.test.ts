// Every word of the language with its example, in a small configuration: what keepalived -t loads with status 0 has no
// error here. test/golden/keywords.tsv is a copy of the measured table (719 rows).
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { Diagnostic } from "../../../../src/config/findings/diagnostic.ts";
import { catalog } from "../../../../src/config/keywords/catalog.ts";
import { bindText, briefly } from "../../../support/config.ts";

const lines = readFileSync(`${import.meta.dirname}/../../../golden/keywords.tsv`, "utf8")
  .trimEnd()
  .split("\n")
  .slice(1);
const rows = lines.map((line) => {
  const cells = line.split("\t");
  return {
    id: cells[0] ?? "",
    args: cells[3] ?? "",
    status: cells[11] ?? "",
    example: (cells[15] ?? "").replaceAll("\\n", "\n"),
    exit: cells[16] ?? "",
  };
});

/** What else has to be there for an example to make sense. */
const DEFINITIONS = `
vrrp_script chk {
  script "/usr/bin/true"
}
track_file load {
  file /run/lbd-load
}
vrrp_track_process web {
  process nginx
}
bfd_instance peer {
  neighbor_ip 192.0.2.212
}
`;
const ADDRESSES = "virtual_ipaddress {\n192.0.2.50/24\n}";
const instance = (name: string, vrid: number, body: string) =>
  `vrrp_instance ${name} {\ninterface eth${(vrid + 1) % 4}\nvirtual_router_id ${vrid}\n${body}\n}\n`;
const INSTANCES =
  instance("VI_1", 11, "virtual_ipaddress {\n192.0.2.61/24\n}") +
  instance("VI_2", 12, "virtual_ipaddress {\n192.0.2.62/24\n}");
const service = (body: string, protocol = "TCP", scheduler = "wlc") =>
  `virtual_server 192.0.2.80 80 {\nprotocol ${protocol}\nlvs_sched ${scheduler}\nlvs_method NAT\n${body}\n}\n`;
const real = (body: string) => `real_server 192.0.2.81 80 {\n${body}\n}`;

/** Settings that an example replaces rather than repeats. */
function without(text: string, example: string): string {
  const keyword = example.split(/\s/)[0];
  const old = keyword === "lb_algo" ? "lvs_sched" : keyword === "lb_kind" ? "lvs_method" : keyword;
  return text
    .split("\n")
    .filter((line) => line.split(" ")[0] !== old)
    .join("\n");
}

const CHECKER_NEEDS: Record<string, string> = {
  HTTP_GET: "url {\npath /\n}",
  SSL_GET: "url {\npath /\n}",
  MISC_CHECK: 'misc_path "/usr/bin/true"',
  FILE_CHECK: "track_file load",
  BFD_CHECK: "name peer",
};

function inContext(id: string, example: string): string {
  const path = id.split("/").slice(0, -1);
  const [root, , third, fourth] = path;
  const needs: Record<string, string> = {
    vrrp_script: 'script "/usr/bin/true"',
    vrrp_track_process: "process nginx",
    track_file: "file /run/x",
    vrrp_track_file: "file /run/x",
    bfd_instance: "neighbor_ip 192.0.2.13",
    garp_group: "interface eth3",
    vrrp_sync_group: "group {\nVI_1\nVI_2\n}",
  };
  switch (root) {
    case undefined:
      return /^(vrrp_instance|bfd_instance)$/.test(id) ? `${example}\n` : `${DEFINITIONS}${INSTANCES}${example}\n`;
    case "global_defs":
    case "lvs_sync_daemon":
      return `${INSTANCES}global_defs {\n${example}\n}\n`;
    case "virtual_server": {
      if (path.length === 1) {
        const scheduler = id.includes("/mh-") ? "mh" : id.includes("/sh-") || id.endsWith("hashed") ? "sh" : "wlc";
        const servers = example.startsWith("real_server") ? "" : real("weight 10");
        const sorry = /sorry_server_/.test(example) ? "sorry_server 192.0.2.99 80\n" : "";
        const quorum = example.startsWith("hysteresis") ? "quorum 3\n" : "";
        const text = service(`${sorry}${quorum}${servers}`, example === "ops" ? "UDP" : "TCP", scheduler);
        return `${DEFINITIONS}${without(text, example).replace(/\}\n$/, `${example}\n}\n`)}`;
      }
      if (path.length === 2) return `${DEFINITIONS}${service(real(example))}`;
      const need = without(CHECKER_NEEDS[third ?? ""] ?? "", example.startsWith("url") ? "url" : example);
      if (path.length === 3)
        return `${DEFINITIONS}${service(real(`${third} {\n${example.startsWith("url") ? "" : need}\n${example}\n}`))}`;
      const url = fourth === "url" ? (example.startsWith("path") ? "" : "path /\n") : "";
      return service(real(`${third} {\n${fourth} {\n${url}${example}\n}\n}`));
    }
    case "vrrp_instance": {
      if (path[1] === "authentication")
        return instance(
          "VI_9",
          9,
          `authentication {\n${without("auth_type PASS\nauth_pass x", example)}\n${example}\n}\n${ADDRESSES}`,
        );
      if (path[1] === "auth_hmac") {
        const key = "key 1 0123456789abcdef0123456789abcdef\nactive_key 1";
        return instance("VI_9", 9, `auth_hmac {\n${without(key, example)}\n${example}\n}\n${ADDRESSES}`);
      }
      const addresses = example.startsWith("virtual_ipaddress {") ? "" : ADDRESSES;
      const peers = example.startsWith("unicast_ttl") ? "unicast_peer {\n192.0.2.12\n}" : "";
      const owner = example.startsWith("owner_ignore") ? "priority 255" : "";
      const v2 = example.startsWith("native_ipv6") ? "virtual_ipaddress {\nfe80::1/64\n}" : addresses;
      return `${DEFINITIONS}${without(instance("VI_9", 9, `${peers}\n${owner}\n${v2}`), example).replace(/\}\n?$/, `${example}\n}\n`)}`;
    }
    case "address":
      return example.includes("track_group")
        ? `track_group TG1 {\ngroup {\nVI_1\n}\n}\n${INSTANCES}static_ipaddress {\n${example}\n}\n`
        : instance("VI_9", 9, `virtual_ipaddress_excluded {\n${example}\n}\nvirtual_ipaddress {\n192.0.2.99/24\n}`);
    case "route":
    case "rule": {
      const block = root === "route" ? "routes" : "rules";
      return example.includes("track_group")
        ? `track_group TG1 {\ngroup {\nVI_1\n}\n}\n${INSTANCES}static_${block} {\n${example}\n}\n`
        : instance("VI_9", 9, `virtual_${block} {\n${example}\n}\n${ADDRESSES}`);
    }
    case "tracker":
      return `${DEFINITIONS}${instance("VI_9", 9, `${example}\n${ADDRESSES}`)}`;
    case "unicast_peer":
      return instance("VI_9", 9, `unicast_peer {\n${example}\n}\n${ADDRESSES}`);
    case "vsg":
      return `virtual_server_group G {\n${example}\n}\nvirtual_server group G {\n${id === "vsg/fwmark" ? "" : "protocol TCP\n"}lvs_sched rr\nlvs_method NAT\npersistence_timeout 60\n${real("weight 1")}\n}\n`;
    case "tunnel":
      return without(service(real("weight 1")), example).replace(/\}\n?$/, `${example}\n}\n`);
    case "vmac":
      return instance("VI_9", 9, `${example}\n${ADDRESSES}`);
    case "linkbeat_interfaces":
    case "interface_up_down_delays":
      return `${root} {\n${example}\n}\n`;
    case "track_group":
      return `${INSTANCES}track_group TG1 {\n${example}\n}\n`;
    case "SSL":
      return `SSL {\n${example}\n}\n`;
    default: {
      const name = root === "garp_group" ? "" : " X";
      const need = example.startsWith("neighbour_ip")
        ? ""
        : without(needs[root] ?? "", example.startsWith("group") ? "group {" : example);
      const before = root === "vrrp_sync_group" || root === "garp_group" ? INSTANCES : "";
      const group = root === "vrrp_sync_group" && example.startsWith("group") ? "" : need;
      return `${before}${DEFINITIONS}${root}${name} {\n${group}\n${example}\n}\n`;
    }
  }
}

const tested = rows.filter(({ id }) => !/^(cli|directive|macro)\//.test(id));

describe("words that keepalived loads have no error", () => {
  test.each(tested.filter((row) => row.exit === "0").map((row) => [row.id, row.example] as const))(
    "%s",
    (id, example) => {
      const text = inContext(id, example);
      const { diagnostics: findings } = bindText(text);
      expect([text, briefly(findings.filter((finding) => finding.severity === "error"))]).toEqual([text, []]);
    },
  );
});

/** Their examples say what holds anyway, or nothing in the small configuration depends on them; «» is what is taken away. */
const TELLING: Readonly<Record<string, string>> = {
  "bfd_instance/ttl": "bfd_instance b {\nneighbor_ip 192.0.2.13\n«ttl 254»\n}\n",
  ...globals({
    "umask 022": "",
    "nftables_priority -2": "",
    "vrrp_garp_lower_prio_delay 7": "",
    "vrrp_mcast_group4 224.0.0.20": "",
    "vrrp_mcast_group6 ff02::20": instance("V6", 20, "virtual_ipaddress {\nfe80::9/64\n}"),
    "vrrp_strict true": "",
    "vrrp_owner_ignore_adverts true": instance("OWN", 21, `priority 255\n${ADDRESSES}`),
    vrrp_check_unicast_src: instance("UNI", 22, `unicast_peer {\n192.0.2.12\n}\n${ADDRESSES}`),
    "smtp_alert_checker on": service(real("weight 1")),
  }),
  ...Object.fromEntries(
    ["notify_fifo", "vrrp_notify_fifo", "lvs_notify_fifo"].map((fifo) => [
      `global_defs/${fifo}_script`,
      `global_defs {\nscript_user root\n${fifo} /run/fifo\n«${fifo}_script /usr/bin/cat»\n}\n`,
    ]),
  ),
  ...Object.fromEntries(
    ["connect_timeout 3", "delay_before_retry 2", "delay_loop 10", "retry 3", "warmup 5", "alpha"].flatMap((line) => {
      const word = line.split(" ")[0];
      return [
        [`virtual_server/${word}`, service(`«${line}»\n${real("TCP_CHECK {\n}")}`)],
        [`virtual_server/real_server/${word}`, service(real(`«${line}»\nTCP_CHECK {\n}`))],
      ];
    }),
  ),
  "virtual_server/ip_family": `virtual_server fwmark 5 {\n«ip_family inet6»\nlvs_sched rr\nlvs_method TUN\n${real("weight 1")}\n}\n`,
  "virtual_server/lvs_sched": service(`«lvs_sched rr»\n${real("weight 1")}`, "TCP").replace("lvs_sched wlc\n", ""),
  "virtual_server/sorry_server_lvs_method": service(
    `sorry_server 192.0.2.99 80\n«sorry_server_lvs_method TUN»\n${real("weight 1")}`,
  ),
  "virtual_server/real_server/lvs_method": service(real("«lvs_method TUN»")),
  "virtual_server/real_server/virtualhost": service(
    real("«virtualhost app.example.net»\nHTTP_GET {\nurl {\npath /\n}\n}"),
  ),
  "virtual_server/real_server/DNS_CHECK/retry": service(real("DNS_CHECK {\n«retry 4»\n}")),
  virtual_server_group: `«virtual_server_group G {\n192.0.2.80 80\n}»\n${service(real("weight 1")).replace("192.0.2.80 80", "group G")}`,
  "vrrp_instance/native_ipv6": instance("VI_9", 9, "«native_ipv6»\nno_virtual_ipaddress"),
  ...instances({
    accept: "version 3\nstrict_mode true",
    "advert_int 2": "",
    "strict_mode true": "",
    "garp_lower_prio_delay 7": "",
    "garp_master_delay 7": "",
    "garp_master_refresh_repeat 3": "",
    "mcast_dst_ip 224.0.0.20": "",
    preempt: "nopreempt",
    unicast_fault_no_peer: "unicast_src_ip 192.0.2.11\nunicast_peer {\n}",
    check_unicast_src: "unicast_peer {\n192.0.2.12\n}",
    "old_unicast_checksum never": "unicast_peer {\n192.0.2.12\n}",
    vmac_xmit_base: "use_vmac",
  }),
  vrrp_script: `«vrrp_script s {\nscript /usr/bin/true\n}»\n${instance("VI_9", 9, `track_script {\ns\n}\n${ADDRESSES}`)}`,
  vrrp_track_process: `«vrrp_track_process p {\nprocess x\n}»\n${instance("VI_9", 9, `track_process {\np\n}\n${ADDRESSES}`)}`,
  ...Object.fromEntries(
    ["track_file", "vrrp_track_file"].map((word) => [
      word,
      `«${word} f {\nfile /run/f\n}»\n${instance("VI_9", 9, `track_file {\nf\n}\n${ADDRESSES}`)}`,
    ]),
  ),
};

function globals(cases: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(cases).map(([line, others]) => [
      `global_defs/${line.split(" ")[0]}`,
      `global_defs {\n«${line}»\n}\n${INSTANCES}${others}`,
    ]),
  );
}

function instances(cases: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(cases).map(([line, before]) => [
      `vrrp_instance/${line.split(" ")[0]}`,
      instance("VI_9", 9, `${before}\n«${line}»\n${ADDRESSES}`),
    ]),
  );
}

/** What they do is done while the file is read, and is tested there. */
const READ_ONLY = new Set(["global_defs/include_check", "global_defs/iproute_etc_dir"]);

describe("words with an effect change the model", () => {
  const effective = new Map(catalog().flatMap(({ entries }) => entries.map(({ id, row }) => [id, row.effective])));
  const cases = tested.filter(({ id, exit }) => {
    const state = effective.get(id);
    return exit === "0" && typeof state === "object" && "test" in state && !READ_ONLY.has(id);
  });
  test.each(cases.map((row) => [row.id, row.example] as const))("%s", (id, example) => {
    const telling = TELLING[id];
    const plain = inContext(id, example);
    const at = plain.lastIndexOf(example);
    const text = telling ?? `${plain.slice(0, at)}«${example}»${plain.slice(at + example.length)}`;
    expect(modelOf(text.replace(/«([^»]*)»/, "$1"))).not.toBe(modelOf(text.replace(/«[^»]*»/, "")));
  });
});

/** The model without where its values stand. */
function modelOf(text: string): string {
  return JSON.stringify(bindText(text).config, (key, value) =>
    key === "origin" || key === "origins" ? undefined : value,
  );
}

describe("words that keepalived reports have a finding", () => {
  test.each(tested.filter((row) => row.exit === "5").map((row) => [row.id, row.example] as const))(
    "%s",
    (id, example) => {
      const { diagnostics: findings } = bindText(inContext(id, example));
      expect(findings.filter((finding) => finding.severity !== "note").length).toBeGreaterThan(0);
    },
  );
});

/** Words that an argument of this kind can't be. */
function wrongValues(args: string): readonly string[] {
  const range = /^\[?(?:INT|SECS|MS|PORT)\((-?[\d.]+)\.\.(-?[\d.]*)[,)]/.exec(args);
  if (range) {
    const above = range[2] === "" ? [] : [String(Number(range[2]) + 1)];
    return [String(Number(range[1]) - 1), ...above, "12x", "1e1", "99999999999999"];
  }
  if (/^\[?BOOL/.test(args)) return ["maybe", "TRUE", "1"];
  if (/^\[?ENUM\(/.test(args)) return ["zznone"];
  if (/^IP[46]?( |$)/.test(args)) return ["192.0.2.300", "host.example", "fe80::1%eth0"];
  return /^IFNAME/.test(args) ? ["abcdefghijklmnop"] : [];
}

/** The example with another first value behind its word; undefined where it has none. */
function withValue(example: string, word: string, value: string): string | undefined {
  const words = example.split(/(?<=^|\s)(?=\S)/);
  const at = words.findIndex((text) => text.trim() === word) + 1;
  if (at === 0 || at === words.length) return undefined;
  return words.with(at, `${value} `).join("").trimEnd();
}

describe("a wrong, missing or surplus word is one finding on its line", () => {
  const cases = tested
    .filter(({ id, exit, example }) => exit === "0" && !example.includes("{") && !/\/inet6?$/.test(id))
    .flatMap(({ id, args, example }) => {
      const word = id.split("/").at(-1) ?? "";
      const wrong = wrongValues(args).map((value) => withValue(example, word, value));
      const missing = !/^(\[|FLAG)/.test(args) && /^\S+ ("[^"]*"|\S+)$/.test(example) ? word : undefined;
      const surplus = TAKES_MORE.test(args) ? undefined : `${example} zz`;
      return [...wrong, missing, surplus].flatMap((text) => (text === undefined ? [] : [[id, example, text] as const]));
    });
  test.each(cases)("%s: %s → %s", (id, example, text) => {
    const lines = inContext(id, example).split("\n");
    const index = lines.lastIndexOf(example);
    const key = ({ code, message }: Diagnostic) => `${code} ${message}`;
    const known = new Set(bindText(lines.join("\n")).diagnostics.map(key));
    const fresh = bindText(lines.with(index, text).join("\n")).diagnostics.filter(
      (one) => one.severity !== "note" && !known.has(key(one)),
    );
    expect(fresh.map(({ span }) => span?.line)).toEqual([index + 1]);
  });
});

/** Accounts, parameters, lists of words: what stands behind is a value of its own. */
const TAKES_MORE = /USER|PARAM|\.\.\.$|^LIST|^\[to\]/;
