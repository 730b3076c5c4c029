// What keepalived prints of its configuration with --dump-conf, and what our model says, as the same short facts:
// `vs 192.0.2.80:80/tcp scheduler rr`. Two lists of facts can be compared line by line.
import { formatEndpoint } from "../../src/base/ip.ts";
import type { Check, CheckEndpoint } from "../../src/config/model/check.ts";
import type { Config } from "../../src/config/model/config.ts";
import type { Forwarding, VirtualServer } from "../../src/config/model/lvs.ts";
import type { Address } from "../../src/config/model/net.ts";
import type { TrackUse, VrrpInstance } from "../../src/config/model/vrrp.ts";

/** A DNS_CHECK without a name asks for this one, which the dump leaves out. */
const ROOT_NAME = ".";

// --- from the dump

interface Node {
  readonly text: string;
  readonly children: Node[];
}

/** Sections of a dump by title, each a tree by indentation. Log lines between them are dropped. */
function sectionsOf(dump: string): ReadonlyMap<string, readonly Node[]> {
  const sections = new Map<string, Node[]>();
  let roots: Node[] | undefined;
  let open: { readonly indent: number; readonly node: Node }[] = [];
  for (const line of dump.split("\n")) {
    const title = /^------< (.*) >------$/.exec(line);
    if (title) {
      roots = sections.get(title[1] ?? "") ?? [];
      sections.set(title[1] ?? "", roots);
      open = [];
      continue;
    }
    const indent = line.length - line.trimStart().length;
    if (!roots || indent === 0 || line.trim() === "") continue;
    while (open.length > 0 && (open.at(-1)?.indent ?? 0) >= indent) open.pop();
    const node: Node = { text: line.trim(), children: [] };
    (open.at(-1)?.node.children ?? roots).push(node);
    open.push({ indent, node });
  }
  return sections;
}

/** `key = value` of the children of a node. */
function fieldsOf(nodes: readonly Node[]): ReadonlyMap<string, string> {
  return new Map(
    nodes.map((node) => {
      const at = node.text.indexOf(" = ");
      return at < 0 ? [node.text, ""] : [node.text.slice(0, at), node.text.slice(at + 3)];
    }),
  );
}

/** Lines below headings such as `Virtual IP (3):`. */
function below(nodes: readonly Node[], heading: RegExp): readonly string[] {
  return nodes.filter((node) => heading.test(node.text)).flatMap((node) => node.children.map((child) => child.text));
}

export function factsOfDump(dump: string): string[] {
  const sections = sectionsOf(dump);
  return [
    ...services(sections.get("LVS Topology") ?? []),
    ...checkers(sections.get("Health checkers") ?? []),
    ...instances(sections.get("VRRP Topology") ?? []),
    ...groups(sections.get("VRRP Sync groups") ?? []),
    ...sessions(sections.get("BFD Topology") ?? []),
  ].sort();
}

function services(nodes: readonly Node[]): string[] {
  const facts: string[] = [];
  let server = "";
  // `VS …` and the blocks of its real servers follow one another on the same level.
  for (const node of nodes) {
    const address = /^VS VIP = (\S+), VPORT = (\d+)$/.exec(node.text);
    const mark = /^VS FWMARK = (\d+)/.exec(node.text);
    const group = /^VS GROUP = \[(.*)\]:\d+$/.exec(node.text);
    if (!address && !mark && !group) continue;
    const name = address
      ? formatEndpoint(address[1] ?? "", Number(address[2]))
      : mark
        ? `fwmark ${mark[1]}`
        : `group ${group?.[1]}`;
    server = `vs ${name}`;
    const firstReal = node.children.findIndex((child) => child.text.startsWith("RIP = "));
    const fields = fieldsOf(firstReal < 0 ? node.children : node.children.slice(0, firstReal));
    const get = (key: string) => fields.get(key) ?? "";
    const hash = get("lvs_sched") === "sh" || get("lvs_sched") === "mh" ? get("lvs_sched") : undefined;
    const flags = hash ? [`${hash}-fallback`, `${hash}-port`] : ["flag-1", "flag-2"];
    facts.push(
      `${server} family ${get("Address family")}`,
      `${server} scheduler ${get("lvs_sched")}`,
      `${server} protocol ${get("protocol")}`,
      `${server} flags ${flags.map((flag) => get(flag)).join(" ")}`,
      `${server} ops ${get("One packet scheduling")}`,
      `${server} quorum ${get("quorum")}`,
      `${server} omega ${fields.has("omega is ON")}`,
      `${server} smtp ${get("Using smtp notification")}`,
    );
    if (fields.has("persistence timeout"))
      facts.push(`${server} persistence ${get("persistence timeout")} ${get("persistence granularity")}`.trimEnd());
    const sorry = node.children.find((child) => child.text.startsWith("sorry server = "));
    if (sorry) {
      const inner = fieldsOf(sorry.children);
      const inhibit = inner.has("Inhibit on failure is ON") ? "inhibit" : "remove";
      facts.push(
        `${server} sorry ${endpointText(sorry.text.slice("sorry server = ".length))} ${inner.get("forwarding method")} ${inhibit}`,
      );
    }
    facts.push(...realServers(server, node.children));
  }
  return facts;
}

/** A real server's fields stand beside its heading line. */
function realServers(server: string, nodes: readonly Node[]): string[] {
  const facts: string[] = [];
  let at = nodes.findIndex((node) => node.text.startsWith("RIP = "));
  while (at >= 0) {
    const next = nodes.findIndex((node, i) => i > at && node.text.startsWith("RIP = "));
    const own = nodes.slice(at, next < 0 ? undefined : next);
    const head = /^RIP = (\S+), RPORT = (\d+), WEIGHT = (\d+)/.exec(own[0]?.text ?? "");
    const name = `${server} rs ${formatEndpoint(head?.[1] ?? "", Number(head?.[2]))}`;
    const fields = fieldsOf(own);
    const inhibit = fields.has("Inhibit on failure is ON");
    facts.push(
      `${name} weight ${head?.[3]} method ${fields.get("forwarding method")} limits ${fields.get("connection limit range")} ` +
        `inhibit ${inhibit} smtp ${fields.get("Using smtp notification")}`,
    );
    at = next;
  }
  return facts;
}

/** `[192.0.2.1]:tcp:80` and `[192.0.2.1]:80` as we write them. */
function endpointText(text: string): string {
  const parts = /^\[([^\]]*)\]:(?:[a-z]+:)?(\d+)$/.exec(text);
  return parts ? formatEndpoint(parts[1] ?? "", Number(parts[2])) : text;
}

function seconds(microseconds: string | undefined): string {
  return String(Number.parseInt(microseconds ?? "0", 10) / 1_000_000);
}

function checkers(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => {
    const place = /^(.*) -> (\S+)$/.exec(node.text);
    const fields = fieldsOf(node.children);
    const method = /^([A-Z_]+)(?:, http protocol (.*))?$/.exec(fields.get("Keepalive method") ?? "");
    const kind = method?.[1] ?? "";
    // These two have no timing of their own: the dump shows whatever lies there.
    if (!place || kind === "BFD_CHECK" || kind === "FILE_CHECK") return [];
    const name = `check ${endpointText(place[2] ?? "")} ${kind}`;
    const facts = [
      `${name} alpha ${fields.get("Alpha")} loop ${seconds(fields.get("Delay loop"))} warmup ${seconds(fields.get("Warmup"))} ` +
        `retry ${fields.get("Retries")} pause ${seconds(fields.get("Delay before retry"))} log ${fields.get("Log all failures")}`,
    ];
    const connection = node.children.find((child) => child.text === "Connection");
    if (connection) {
      const inner = fieldsOf(connection.children);
      const bind = inner.get("Bind to");
      facts.push(
        `${name} to ${endpointText(inner.get("Dest") ?? "")} from ${bind ? endpointText(bind) : "-"} by ${inner.get("Bind i/f") ?? "-"} ` +
          `within ${Number(inner.get("Timeout"))}`,
      );
    }
    if (method?.[2]) facts.push(`${name} http ${method[2]} sni ${fields.has("Enable SNI set")}`);
    for (const url of node.children.filter((child) => child.text.startsWith("Checked url = "))) {
      const inner = fieldsOf(url.children);
      const codes = below(url.children, /^HTTP Status Code/)
        .flatMap((line) => line.split(/[ ,]+/))
        .join(" ");
      facts.push(
        `${name} url ${url.text.slice("Checked url = ".length)} codes ${codes} digest ${inner.get("digest") ?? "-"}`,
      );
    }
    if (kind === "SMTP_CHECK") facts.push(`${name} helo ${fields.get("helo")}`);
    if (kind === "DNS_CHECK") facts.push(`${name} asks ${fields.get("Type")} ${fields.get("Name") ?? ROOT_NAME}`);
    if (kind === "UDP_CHECK")
      facts.push(`${name} payload ${fields.get("Payload len")} reply ${fields.get("Require reply")}`);
    return facts;
  });
}

function instances(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => {
    const fields = fieldsOf(node.children);
    const name = `vrrp ${node.text.slice("VRRP Instance = ".length)}`;
    const get = (key: string) => fields.get(key) ?? "";
    const source = /^(\S+) \(from configuration\)$/.exec(get("Using src_ip"));
    const advert = /^([\d.]+) (sec|milli-sec)$/.exec(get("Advert interval"));
    const multicast = [...fields.keys()]
      .map((key) => /^Multicast address ([^,\s]+)/.exec(key)?.[1])
      .find((ip) => ip !== undefined);
    const wanted = get("Wantstate");
    return [
      `${name} version ${get("VRRP Version")} vrid ${get("Virtual Router ID")} priority ${get("Priority")} wanted ${wanted}`,
      `${name} advert ${Number(advert?.[1]) * (advert?.[2] === "sec" ? 1000 : 1)} ms, down after ${get("Down timer adverts")}`,
      `${name} accept ${get("Accept")} preempt ${get("Preempt")} promote ${get("Promote_secondaries")} smtp ${get("Using smtp notification")}`,
      `${name} source ${source?.[1] ?? "-"} multicast ${multicast ?? "-"}`,
      `${name} garp ${get("Gratuitous ARP delay")} ${get("Gratuitous ARP repeat")} ${get("Gratuitous ARP refresh")} ` +
        `${get("Gratuitous ARP refresh repeat")} lower ${get("Gratuitous ARP lower priority delay")} ${get("Gratuitous ARP lower priority repeat")}`,
      `${name} sends after lower ${get("Send advert after receive lower priority advert")} higher ${get("Send advert after receive higher priority advert")}`,
      ...(fields.has("Authentication type") && get("Authentication type") !== "none"
        ? [`${name} authentication ${get("Authentication type") === "IPSEC_AH" ? "AH" : `PASS ${get("Password")}`}`]
        : []),
      ...below(node.children, /^Virtual IP \(/).map((line) => `${name} address ${addressText(line)}`),
      ...below(node.children, /^Virtual IP Excluded/).map((line) => `${name} excluded ${addressText(line)}`),
      ...below(node.children, /^Unicast Peer/).map((line) => `${name} peer ${line}`),
      ...below(node.children, /^Tracked interfaces/).map((line) => `${name} tracks ${trackText(line)}`),
      ...below(node.children, /^Tracked (files|processes|scripts|BFDs)/).map(
        (line) => `${name} tracks ${trackText(line)}`,
      ),
      ...below(node.children, /^Virtual Routes/).map((line) => `${name} route ${routeText(line)}`),
      ...below(node.children, /^Virtual Rules/).map(
        (line) => `${name} rule ${line.replace(/^from all (?=to|iif|oif)/, "")}`,
      ),
    ];
  });
}

/** What the interface of the instance adds is left out; our model leaves it to the role. */
function addressText(line: string): string {
  return line
    .replace(/ dev \S+/, "")
    .replace(/ scope global/, "")
    .replace(/ preferred_lft forever/, "")
    .trim();
}

function trackText(line: string): string {
  return line.replace(/[,:]? weight /, " weight ");
}

function routeText(line: string): string {
  return line.replace(/ no_track$/, "").replace(/^(add|prepend|append) /, "");
}

function groups(nodes: readonly Node[]): string[] {
  return nodes.flatMap((node) => {
    const name = `group ${/^VRRP Sync Group = ([^,]*)/.exec(node.text)?.[1]}`;
    return [
      ...below(node.children, /^VRRP member instances/).map((member) => `${name} member ${member}`),
      `${name} smtp ${fieldsOf(node.children).get("Using smtp notification")}`,
    ];
  });
}

function sessions(nodes: readonly Node[]): string[] {
  return nodes.map((node) => {
    const fields = fieldsOf(node.children);
    const us = (key: string) => Number.parseInt(fields.get(key) ?? "", 10);
    return (
      `bfd ${node.text.slice("BFD Instance = ".length)} to ${fields.get("Neighbor IP")} from ${fields.get("Source IP") ?? "-"} ` +
      `rx ${us("Required min RX interval")} tx ${us("Desired min TX interval")} idle ${us("Desired idle TX interval")} ` +
      `times ${fields.get("Detection multiplier")} ttl ${fields.get("TTL") ?? fields.get("hoplimit")} hops ${fields.get("max_hops")} ` +
      `passive ${fields.get("passive")} vrrp ${fields.get("send event to VRRP process")} checker ${fields.get("send event to checker process")}`
    );
  });
}

// --- from the model

export interface Parts {
  readonly services: boolean;
  readonly vrrp: boolean;
}

export function factsOfModel(config: Config, parts: Parts): string[] {
  return [
    ...(parts.services ? config.virtualServers.flatMap(serviceFacts) : []),
    ...(parts.vrrp ? config.vrrp.instances.flatMap(instanceFacts) : []),
    ...(parts.vrrp
      ? config.vrrp.syncGroups.flatMap((group) => [
          ...group.instances.map((member) => `group ${group.name} member ${member}`),
          `group ${group.name} smtp ${yes(group.smtpAlert)}`,
        ])
      : []),
    ...config.bfd.map(
      (session) =>
        `bfd ${session.name} to ${session.neighborIp} from ${session.sourceIp ?? "-"} rx ${session.minRxUs} tx ${session.minTxUs} ` +
        `idle ${session.idleTxUs} times ${session.multiplier} ttl ${session.ttl} hops ${session.maxHops} passive ${session.passive} ` +
        `vrrp ${session.forVrrp ? "Yes" : "No"} checker ${session.forChecker ? "Yes" : "No"}`,
    ),
  ].sort();
}

function yes(value: boolean): string {
  return value ? "yes" : "no";
}

function enabled(value: boolean): string {
  return value ? "enabled" : "disabled";
}

function serviceFacts(server: VirtualServer): string[] {
  const { kind, text } = server.name;
  const name = `vs ${kind === "address" ? text : `${kind} ${text}`}`;
  const bit = (mask: number) => enabled((server.flags & mask) !== 0);
  const marksOnly = server.services.every((service) => service.kind === "fwmark");
  const { persistence, sorryServer: sorry } = server;
  return [
    `${name} family ${server.family === 6 ? "inet6" : "inet"}`,
    `${name} scheduler ${server.scheduler}`,
    `${name} protocol ${marksOnly ? "none" : server.protocol}`,
    `${name} flags ${bit(8)} ${bit(16)}`,
    `${name} ops ${bit(4)}`,
    `${name} quorum ${server.quorum}, hysteresis = ${server.hysteresis}`,
    `${name} omega ${server.omega}`,
    `${name} smtp ${yes(server.smtpAlert)}`,
    ...(persistence ? [`${name} persistence ${persistence.timeoutS} ${persistence.granularity ?? ""}`.trimEnd()] : []),
    ...(sorry
      ? [
          `${name} sorry ${formatEndpoint(sorry.ip, sorry.port)} ${methodText(sorry.forwarding)} ${sorry.inhibit ? "inhibit" : "remove"}`,
        ]
      : []),
    ...server.realServers.flatMap((real) => [
      `${name} rs ${real.id} weight ${real.weight} method ${methodText(real.forwarding)} limits ${real.lowerThreshold} -> ${real.upperThreshold} ` +
        `inhibit ${real.inhibitOnFailure} smtp ${yes(real.smtpAlert)}`,
      ...real.checks.flatMap((check) => checkFacts(`check ${real.id} ${check.kind}`, check)),
    ]),
  ];
}

function methodText(forwarding: Forwarding): string {
  return forwarding.method === "TUN"
    ? `TUN, type = ${(forwarding.tunnel?.type ?? "ipip").toUpperCase()}`
    : forwarding.method;
}

function checkFacts(name: string, check: Check): string[] {
  if (check.kind === "BFD_CHECK" || check.kind === "FILE_CHECK") return [];
  const { timing } = check;
  const facts = [
    `${name} alpha ${yes(timing.alpha)} loop ${timing.delayLoopMs / 1000} warmup ${timing.warmupMs / 1000} retry ${timing.retry} ` +
      `pause ${timing.delayBeforeRetryMs / 1000} log ${yes(timing.logAllFailures)}`,
  ];
  switch (check.kind) {
    case "MISC_CHECK":
      return facts;
    case "SMTP_CHECK":
      return [...facts, ...check.hosts.map((host) => endpointFact(name, host)), `${name} helo ${check.heloName}`];
    case "HTTP_GET":
    case "SSL_GET":
      return [
        ...facts,
        endpointFact(name, check.endpoint),
        `${name} http ${check.httpProtocol} sni ${check.enableSni}`,
        ...check.urls.map((url) => {
          const codes = url.statusCodes.map(([low, high]) => (low === high ? String(low) : `${low}-${high}`)).join(" ");
          return `${name} url ${url.path} codes ${codes} digest ${url.digest ?? "-"}`;
        }),
      ];
    case "DNS_CHECK":
      return [...facts, endpointFact(name, check.endpoint), `${name} asks ${check.type} ${check.name}`];
    case "UDP_CHECK":
      return [
        ...facts,
        endpointFact(name, check.endpoint),
        `${name} payload ${(check.payload?.length ?? 0) / 2} reply ${yes(check.requireReply)}`,
      ];
    default:
      return [...facts, endpointFact(name, check.endpoint)];
  }
}

function endpointFact(name: string, endpoint: CheckEndpoint): string {
  const from = endpoint.bindIp === undefined ? "-" : formatEndpoint(endpoint.bindIp, endpoint.bindPort ?? 0);
  return (
    `${name} to ${formatEndpoint(endpoint.ip, endpoint.port)} from ${from} by ${endpoint.bindInterface ?? "-"} ` +
    `within ${endpoint.connectTimeoutMs / 1000}`
  );
}

/** The dump leaves the secret of AH out. */
function authenticationFacts(name: string, { authentication }: VrrpInstance): string[] {
  if (!authentication) return [];
  return [`${name} authentication ${authentication.type === "AH" ? "AH" : `PASS ${authentication.password}`}`];
}

const SCOPE_NAMES: Readonly<Record<number, string>> = { 200: "site", 253: "link", 254: "host", 255: "nowhere" };

function instanceFacts(instance: VrrpInstance): string[] {
  const name = `vrrp ${instance.name}`;
  const { announce } = instance;
  const tracked = [
    ...instance.tracking.interfaces,
    ...instance.tracking.scripts,
    ...instance.tracking.files,
    ...instance.tracking.processes,
    ...instance.tracking.bfd,
  ];
  return [
    `${name} version ${instance.version} vrid ${instance.vrid} priority ${instance.priority} wanted ${instance.initialState ?? "BACKUP"}`,
    `${name} advert ${instance.advertMs} ms, down after ${instance.downTimerAdverts}`,
    `${name} accept ${enabled(instance.accept)} preempt ${enabled(instance.preempt)} promote ${enabled(instance.promoteSecondaries)} smtp ${yes(instance.smtpAlert)}`,
    `${name} source ${instance.sourceIp ?? "-"} multicast ${instance.unicast ? "-" : instance.multicastGroup}`,
    `${name} garp ${announce.delayMs / 1000} ${announce.repeat} ${announce.refreshMs / 1000} ${announce.refreshRepeat} ` +
      `lower ${announce.lowerPrioDelayMs / 1000} ${announce.lowerPrioRepeat}`,
    `${name} sends after lower ${!instance.lowerPrioNoAdvert} higher ${instance.higherPrioSendAdvert}`,
    ...authenticationFacts(name, instance),
    ...instance.virtualAddresses.map((address) => `${name} address ${addressFact(address)}`),
    ...instance.excludedAddresses.map((address) => `${name} excluded ${addressFact(address)}`),
    ...(instance.unicast?.peers.map(
      (peer) => `${name} peer ${peer.ip} min_ttl ${peer.minTtl} max_ttl ${peer.maxTtl}`,
    ) ?? []),
    ...tracked.map((use) => `${name} tracks ${trackFact(use)}`),
    ...instance.routes.map((route) => {
      const type = route.type === "unicast" ? "" : `${route.type} `;
      const source = route.source === undefined ? "" : ` src ${route.source}`;
      const via = route.via === undefined ? "" : ` via inet${route.family === 6 ? "6" : ""} ${route.via}`;
      const device = route.device === undefined ? "" : ` dev ${route.device}`;
      const table = route.table === undefined ? "" : ` table ${route.table}`;
      const scope = route.scope === undefined ? "" : ` scope ${route.scope}`;
      const metric = route.metric === undefined ? "" : ` metric ${route.metric}`;
      const legs = route.nextHops.map((leg) => ` nexthop via inet ${leg.via}`).join("");
      const { ip, prefix } = route.destination;
      return `${name} route ${type}${ip}/${prefix}${source}${via}${device}${table} proto ${route.protocol ?? 18}${scope}${metric}${legs}`;
    }),
    ...instance.rules.map((rule) => {
      const part = (word: string, prefix: { ip: string; prefix: number } | undefined) =>
        prefix ? `${word} ${prefix.ip}${prefix.prefix === 32 ? "" : `/${prefix.prefix}`} ` : "";
      const action = rule.action.kind === "table" ? `lookup ${rule.action.table}` : rule.action.kind;
      return `${name} rule ${part("from", rule.from)}${part("to", rule.to)}priority ${rule.preference} tos 0x0 protocol 18 ${action}`;
    }),
  ];
}

function addressFact(address: Address): string {
  const broadcast = address.broadcast === undefined ? "" : ` brd ${address.broadcast}`;
  const scope = address.scope ? ` scope ${SCOPE_NAMES[address.scope] ?? address.scope}` : "";
  const label = address.label === undefined ? "" : ` label ${address.label}`;
  return `${address.ip}/${address.prefix}${broadcast}${scope}${label}`;
}

function trackFact(use: TrackUse): string {
  return `${use.name} weight ${use.weight ?? 0}${use.reverse ? " reverse" : ""}`;
}
