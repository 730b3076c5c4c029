// Configurations made by chance, for what no example puts together: settings of global_defs beside those of blocks, in any order.
// Left out is where lbd differs on purpose (docs/compat-notes.md) and what the dump of keepalived 2.2.7 shows otherwise or not at all.
import fc from "fast-check";

type Lines = fc.Arbitrary<string | undefined>;

/** One of these lines, or none. */
function maybe(...lines: readonly string[]): Lines {
  return fc.option(fc.constantFrom(...lines), { nil: undefined, freq: 1 });
}

const flag = (word: string) => [word, `${word} true`, `${word} false`];
const numbers = (word: string, ...values: readonly (number | string)[]) => values.map((value) => `${word} ${value}`);

/** The lines in any order. */
function inAnyOrder(...parts: readonly Lines[]): fc.Arbitrary<string> {
  return fc
    .tuple(...parts)
    .map((lines) => lines.filter((line) => line !== undefined))
    .chain((lines) => fc.shuffledSubarray(lines, { minLength: lines.length }))
    .map((lines) => lines.join("\n"));
}

function block(head: string, ...parts: readonly Lines[]): fc.Arbitrary<string> {
  return inAnyOrder(...parts).map((body) => `${head} {\n${body}\n}\n`);
}

const always = (line: string): Lines => fc.constant(line);

const MAIL = always("notification_email {\na@example.org\n}");

const VRRP_GLOBALS = block(
  "global_defs",
  MAIL,
  maybe(...numbers("vrrp_version", 2, 3)),
  maybe(...numbers("vrrp_garp_master_delay", 0, 1, 7)),
  maybe(...numbers("vrrp_garp_master_repeat", 1, 9)),
  maybe(...numbers("vrrp_garp_master_refresh", 0, 60)),
  maybe(...numbers("vrrp_garp_master_refresh_repeat", 2, 4)),
  maybe(...numbers("vrrp_garp_lower_prio_delay", 0, 3)),
  maybe(...numbers("vrrp_garp_lower_prio_repeat", 0, 6)),
  maybe(...flag("vrrp_lower_prio_no_advert")),
  maybe(...flag("vrrp_higher_prio_send_advert")),
  maybe(...numbers("vrrp_down_timer_adverts", 1, 5)),
  maybe("vrrp_mcast_group4 224.0.0.30"),
  maybe("vrrp_mcast_group6 ff02::30"),
  maybe("vrrp_strict"),
  maybe(...flag("smtp_alert")),
  maybe(...flag("smtp_alert_vrrp")),
);

function instance(i: number): fc.Arbitrary<string> {
  const six = i % 4 === 3;
  const pick = (four: string, other: string) => (six ? other : four);
  return block(
    `vrrp_instance V${i}`,
    always(`virtual_router_id ${i + 1}`),
    fc.constantFrom("interface eth0", "interface eth1"),
    always(
      `virtual_ipaddress {\n${pick(`192.0.2.${100 + i}/24 label eth0:x\n192.0.2.${150 + i}/24 scope link`, `fe80::${i + 1}:5/64\n2001:db8::${i + 1}/64`)}\n}`,
    ),
    maybe(`virtual_ipaddress_excluded {\n198.51.100.${i + 1}/24\n}`),
    maybe("state MASTER", "state BACKUP"),
    // keepalived takes it for IPv6 only where it stands before the addresses.
    six ? always("") : maybe("version 2", "version 3"),
    maybe(...numbers("priority", 1, 50, 100, 150, 254, 255)),
    maybe(...numbers("advert_int", 1, 2, 0.5, 1.5, 0.01, 10, 40, 3.333, 0.999)),
    maybe(...numbers("garp_master_delay", 0, 8)),
    maybe(...numbers("garp_master_repeat", 1, 2)),
    maybe(...numbers("garp_master_refresh", 0, 5)),
    maybe(...numbers("garp_master_refresh_repeat", 2, 3)),
    maybe(...numbers("garp_lower_prio_delay", 0, 4)),
    maybe(...numbers("garp_lower_prio_repeat", 0, 2)),
    maybe(...flag("lower_prio_no_advert")),
    maybe(...flag("higher_prio_send_advert")),
    maybe(...numbers("down_timer_adverts", 1, 4)),
    maybe("preempt", "nopreempt", "preempt_delay 5"),
    maybe("accept", "no_accept"),
    maybe(...flag("strict_mode")),
    maybe(...flag("smtp_alert")),
    maybe("promote_secondaries"),
    maybe(pick("mcast_src_ip 192.0.2.77", "mcast_src_ip fe80::77")),
    maybe(pick("unicast_peer {\n192.0.2.99 min_ttl 10 max_ttl 20\n192.0.2.98\n}", "unicast_peer {\nfe80::99\n}")),
    maybe("authentication {\nauth_type PASS\nauth_pass abc\n}", "authentication {\nauth_type AH\nauth_pass abc\n}"),
  );
}

/** Twelve instances below one global_defs. */
export const VRRP_CONFIGS: fc.Arbitrary<string> = fc
  .tuple(VRRP_GLOBALS, ...Array.from({ length: 12 }, (_, i) => instance(i)))
  .map((blocks) => blocks.join(""));

const TIMING: readonly Lines[] = [
  maybe(...numbers("delay_loop", 1, 10, 0.5, 1.25)),
  maybe(...numbers("delay_before_retry", 1, 5, 0.5)),
  maybe(...numbers("retry", 1, 3, 7)),
  maybe(...numbers("warmup", 0, 3.5)),
  maybe("alpha"),
];

const CONNECTION: readonly Lines[] = [
  maybe("connect_ip 192.0.2.77"),
  maybe("connect_port 8080"),
  maybe("bindto 192.0.2.10"),
  maybe("bind_port 5000"),
  maybe("bind_if eth0"),
  maybe(...numbers("connect_timeout", 1, 4.5)),
];

const URL = block(
  "url",
  fc.constantFrom("path /", "path /a?b=c"),
  maybe("status_code 200", "status_code 200-204 301"),
  maybe("digest 640205b7b0fc66c1ea91c463fac6334d"),
);

const HTTP: readonly Lines[] = [
  ...TIMING,
  ...CONNECTION,
  URL,
  maybe(...numbers("http_protocol", "1.0", "1.1", "1.0c")),
];

const CHECK = fc.oneof(
  block("TCP_CHECK", ...TIMING, ...CONNECTION),
  block("HTTP_GET", ...HTTP),
  block("SSL_GET", ...HTTP, maybe("enable_sni")),
  block("SMTP_CHECK", ...TIMING, ...CONNECTION, maybe("helo_name me.example")),
  block(
    "DNS_CHECK",
    ...TIMING,
    ...CONNECTION,
    maybe(...numbers("type", "A", "NS", "TXT", "AAAA", "MX")),
    always("name example.com"),
  ),
  block("UDP_CHECK", ...TIMING, ...CONNECTION, always("payload 010203"), maybe("require_reply")),
);

function realServer(host: number): fc.Arbitrary<string> {
  return block(
    `real_server 192.0.2.${host} 80`,
    ...TIMING,
    CHECK,
    maybe(...numbers("weight", 3, 100)),
    maybe("inhibit_on_failure"),
    maybe("uthreshold 100\nlthreshold 10"),
    maybe(...flag("smtp_alert")),
    maybe(...numbers("lvs_method", "NAT", "DR", "TUN")),
  );
}

function virtualServer(i: number): fc.Arbitrary<string> {
  const byMark = i % 5 === 4;
  const hash = ["sh", "mh"][i];
  return block(
    `virtual_server ${byMark ? `fwmark ${i + 1}` : `192.0.2.${200 + i} 80`}`,
    hash === undefined
      ? fc.constantFrom(...numbers("lvs_sched", "rr", "wrr", "lc", "wlc", "dh", "sed", "nq", "lblc", "fo", "ovf"))
      : always(`lvs_sched ${hash}`),
    hash === undefined ? always("") : maybe(`${hash}-port`, `${hash}-fallback`),
    byMark ? always("") : fc.constantFrom(...numbers("protocol", "TCP", "UDP", "SCTP")),
    fc.constantFrom(...numbers("lvs_method", "NAT", "DR", "TUN")),
    ...TIMING,
    maybe(...numbers("connect_timeout", 1, 4.5)),
    maybe("omega"),
    maybe(...numbers("quorum", 1, 3)),
    maybe("persistence_timeout", "persistence_timeout 600"),
    maybe("persistence_granularity 255.255.255.0"),
    maybe(...flag("smtp_alert")),
    maybe("inhibit_on_failure"),
    maybe(...numbers("weight", 4, 9)),
    maybe(
      ...["", "\nsorry_server_inhibit", "\nsorry_server_lvs_method TUN"].map(
        (more) => `sorry_server 192.0.2.9 80${more}`,
      ),
    ),
    realServer(20 + 2 * i),
    fc.option(realServer(21 + 2 * i), { nil: undefined }),
  );
}

const CHECKER_GLOBALS = block("global_defs", MAIL, maybe(...flag("smtp_alert")), maybe(...flag("smtp_alert_checker")));

/** Ten virtual servers below one global_defs. */
export const SERVICE_CONFIGS: fc.Arbitrary<string> = fc
  .tuple(CHECKER_GLOBALS, ...Array.from({ length: 10 }, (_, i) => virtualServer(i)))
  .map((blocks) => blocks.join(""));

/** The same ones each time, so that what fails fails again; LBD_FUZZ_SEED has others. */
export function sampleOf(configs: fc.Arbitrary<string>, count: number): readonly string[] {
  return fc.sample(configs, { numRuns: count, seed: Number(process.env.LBD_FUZZ_SEED ?? 1) });
}
