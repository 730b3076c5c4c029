// Where the values of lbd differ from those of keepalived on purpose, by name and rule; docs/compat-notes.md has the reasons («Files with
// mistakes»). Each has a small configuration that shows it: a difference that is gone has to leave the list.

export interface Case {
  readonly text: string;
  /** Codes of all findings. */
  readonly codes: ReadonlySet<string>;
  /** Facts of the other side. */
  readonly other: ReadonlySet<string>;
}

export interface KnownDifference {
  readonly name: string;
  readonly example: string;
  covers(fact: string, side: "keepalived" | "lbd", one: Case): boolean;
}

const instance = (body: string) => `vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\n${body}\n}\n`;
const service = (body: string) =>
  `virtual_server 192.0.2.80 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n${body}\n}\n`;
const server = (body: string) => service(`real_server 192.0.2.81 80 {\n${body}\n}`);

/** A time in a check or service that is no plain number. */
const ODD_TIME = /\b(delay_loop|delay_before_retry|warmup|connect_timeout)\s+(?![\d.]+\s*$)\S/m;

/** A flag takes no word in keepalived. */
const SWITCHED_OFF = /^\s*[\w-]+\s+(off|false|no)\b/m;

export const KNOWN_DIFFERENCES: readonly KnownDifference[] = [
  {
    name: "several hosts of one SMTP_CHECK",
    example: server("SMTP_CHECK {\nhost {\nconnect_ip 192.0.2.91\n}\nhost {\nconnect_ip 192.0.2.92\n}\n}"),
    covers: (fact, _side, { text }) => / SMTP_CHECK /.test(fact) && /\bhost\b/.test(text),
  },
  {
    name: "an address twice in one instance",
    example: instance("virtual_ipaddress {\n192.0.2.5\n192.0.2.5 label eth0:x\n}"),
    covers: (fact, side, { other }) => {
      const [, head] = /^(vrrp .* (?:address|excluded) [^/]*)\//.exec(fact) ?? [];
      if (side !== "keepalived" || head === undefined) return false;
      const places = [head, head.replace(/ excluded (?=\S*$)/, " address ")];
      return [...other].some((one) => places.some((place) => one.startsWith(`${place}/`)));
    },
  },
  {
    name: "a service twice",
    example: server("weight 2") + service("real_server 192.0.2.82 80 {\nweight 3\n}"),
    covers: (fact, side, { codes }) =>
      side === "keepalived" && /^(vs|check) /.test(fact) && codes.has("duplicate-service"),
  },
  {
    name: "a time that is no number",
    example: server("TCP_CHECK {\nconnect_timeout 3s\n}"),
    covers: (fact, _side, { text }) => /^check .* (alpha|to) /.test(fact) && ODD_TIME.test(text),
  },
  {
    name: "a check of a server without a port",
    example: service("real_server 192.0.2.81 {\nTCP_CHECK {\n}\n}"),
    covers: (fact, side, { other }) => {
      const head = /^(check .* to )/.exec(fact)?.[1];
      if (head === undefined) return false;
      const theirs = side === "keepalived" ? [fact] : [...other].filter((one) => one.startsWith(head));
      return theirs.some((one) => / to \S*:0 /.test(one));
    },
  },
  {
    name: "a sorry server without a port behind NAT",
    example: service("sorry_server 192.0.2.99\nreal_server 192.0.2.81 80 {\nweight 1\n}"),
    covers: (fact, side, { other }) => {
      const head = /^(vs .* sorry \S+:)\d+ /.exec(fact)?.[1];
      return head !== undefined && (side === "keepalived" ? fact : [...other].join("\n")).includes(`${head}0 `);
    },
  },
  {
    name: "log_all_failures with a word that is no boolean",
    example: `global_defs {\nchecker_log_all_failures true\n}\n${server("TCP_CHECK {\nlog_all_failures maybe\n}")}`,
    covers: (fact, _side, { text }) =>
      /^check .* alpha /.test(fact) && /log_all_failures\s+(?!on\b|off\b|true\b|false\b|yes\b|no\b)\S/.test(text),
  },
  {
    name: "a wrong priority behind a right one",
    example: instance("priority 150\npriority x\nvirtual_ipaddress {\n192.0.2.5\n}"),
    covers: (fact, _side, { text }) => /^vrrp .* version /.test(fact) && /\bpriority\s+(?!\d+\s*$)\S/m.test(text),
  },
  {
    name: "a real server of the other family in a group",
    example:
      "virtual_server_group G {\n192.0.2.80 80\n}\nvirtual_server group G {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n" +
      "real_server 2001:db8::81 80 {\nweight 1\n}\nreal_server 192.0.2.81 80 {\nweight 1\n}\n}\n",
    covers: (fact, side, { text }) =>
      side === "lbd" &&
      /^(vs group|check) /.test(fact) &&
      /virtual_server group/.test(text) &&
      /real_server \S*:/.test(text),
  },
  {
    name: "an lvs_method behind real servers",
    example: service("real_server 192.0.2.81 80 {\nweight 1\n}\nlvs_method DR"),
    covers: (fact, _side, { text }) =>
      /^vs .* rs .* method /.test(fact) && (text.match(/\b(lvs_method|lb_kind)\b/g) ?? []).length > 1,
  },
  {
    name: "a time beyond 32 bits",
    example: server("delay_loop 4294967296\nTCP_CHECK {\n}"),
    covers: (fact, _side, { text }) => /^check .* (alpha|to) /.test(fact) && /\s\d{10,}/.test(text),
  },
  {
    name: "a firewall mark that is no number",
    example: "virtual_server fwmark x {\nlvs_sched rr\nlvs_method NAT\nreal_server 192.0.2.81 {\nweight 1\n}\n}\n",
    covers: (fact, side, { text }) => side === "keepalived" && /^(vs|check) /.test(fact) && /fwmark\s+\D/.test(text),
  },
  {
    name: "a tracked BFD session that is left out",
    example: `bfd_instance S {\n}\n${instance("track_bfd {\nS weight 5\n}\nvirtual_ipaddress {\n192.0.2.5\n}")}`,
    covers: (fact, side, { text }) => {
      const name = /^vrrp .* tracks (\S+) weight /.exec(fact)?.[1];
      return side === "keepalived" && name !== undefined && text.includes(`bfd_instance ${name}`);
    },
  },
  {
    name: "a quorum where all servers weigh nothing",
    example: server("weight 0"),
    covers: (fact, _side, { other }) => {
      const head = /^(vs .* quorum )/.exec(fact)?.[1];
      return head !== undefined && [fact, ...other].some((one) => one.startsWith(`${head}0,`));
    },
  },
  {
    name: "a flag that is switched off",
    example: service("alpha off\nreal_server 192.0.2.81 80 {\nTCP_CHECK {\n}\n}"),
    covers: (fact, _side, { text }) =>
      SWITCHED_OFF.test(text) &&
      /^(vs .* (rs|flags|ops|omega|sorry|persistence)|check .* (alpha|http)|vrrp .* (accept|sends)) /.test(fact),
  },
  {
    name: "an IPv4 address of fewer than four parts",
    example: instance("virtual_ipaddress {\n192.0.2.5\n}\nvirtual_routes {\n203.0.113.0/24 80 192.0.2.254 dev eth0\n}"),
    covers: (fact, side) =>
      side === "keepalived" && /^vrrp .* (route|address|excluded) (\w+ )?\d+(\.\d+){0,2}(\/| )/.test(fact),
  },
];
