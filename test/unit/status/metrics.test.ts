import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { metricsPieces, ROLE_HELP } from "../../../src/status/metrics.ts";
import { escapeLabel } from "../../../src/status/metrics-text.ts";
import { createStatusStore } from "../../../src/status/store.ts";
import { everything, realServer, virtualServer } from "../../support/status-samples.ts";

/** The whole page as one text. */
function renderMetrics(...of: Parameters<typeof metricsPieces>): string {
  return [...metricsPieces(...of)].join("");
}

const BUILD = { version: "0.1.0", revision: "abc", bun: "1.4.5", kernel: "6.1.0" };

function page(): string {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  return renderMetrics(store, BUILD);
}

test("the page is the one in metrics.golden.txt", () => {
  expect(page()).toBe(readFileSync(new URL("./metrics.golden.txt", import.meta.url), "utf8"));
});

test("every line is a comment or a sample, a family is written once, no sample twice", () => {
  const families: string[] = [];
  const samples = new Set<string>();
  for (const line of page().trimEnd().split("\n")) {
    const type = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line);
    if (type) families.push(type[1] ?? "");
    if (line.startsWith("#")) continue;
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(\{([a-z0-9_]+="(?:[^"\\\n]|\\["\\n])*",?)+\})? (\S+)$/.exec(line);
    expect(sample, line).not.toBeNull();
    expect(Number.isNaN(Number(sample?.[4]))).toBe(false);
    const key = line.slice(0, line.lastIndexOf(" "));
    expect(samples.has(key), line).toBe(false);
    samples.add(key);
  }
  expect(new Set(families).size).toBe(families.length);
});

test.each([
  ['a"b', 'a\\"b'],
  ["a\\b", "a\\\\b"],
  ["a\nb", "a\\nb"],
])("label %j is written %j", (text, escaped) => {
  expect(escapeLabel(text)).toBe(escaped);
});

test("the exporter's counters carry its labels and nothing that changes", () => {
  expect(page()).toContain('keepalived_advertisements_sent_total{iname="VI_1",intf="eth0",vrid="51"} 9\n');
  expect(page()).toContain('keepalived_vrrp_state{iname="VI_1",intf="eth0",vrid="51",ip_address="192.0.2.100/24"} 2\n');
  expect(page()).toContain('keepalived_vrrp_state{iname="VI_2",intf="eth0",vrid="52",ip_address=""} 3\n');
});

test("each sample of a service has its protocol, the instances of VRRP have the label vrrp or the old one", () => {
  const store = createStatusStore();
  for (const update of everything()) store.apply(update);
  store.apply({ kind: "metrics", role: "vrrp", values: { 'lbd_vrrp_transitions_total{vrrp="VI_1",to="vrrp="}': 1 } });
  const samples = (text: string) => text.split("\n").filter((line) => !line.startsWith("#"));
  for (const line of samples(renderMetrics(store, BUILD)).filter((line) => line.includes('{vs="')))
    expect(line).toMatch(/proto="(tcp|udp)"/);
  const [now, old] = [samples(renderMetrics(store, BUILD)), samples(renderMetrics(store, BUILD, "instance"))];
  const named = (lines: readonly string[], label: string) =>
    lines.filter((line) => line.includes(`{${label}="`)).length;
  expect([named(now, "vrrp"), named(now, "instance")]).toEqual([named(old, "instance"), named(old, "vrrp")]);
  expect(named(now, "instance")).toBe(0);
  expect(old).toContain('lbd_vrrp_transitions_total{instance="VI_1",to="vrrp="} 1');
});

test("the page is made in pieces, as it is taken", () => {
  const store = createStatusStore();
  for (let i = 0; i < 2000; i++)
    store.apply({ kind: "virtual-server", value: virtualServer(`192.0.${i >> 8}.${i & 255}:80/tcp`) });
  const lengths = [...metricsPieces(store, BUILD)].map((piece) => piece.length);
  expect(Math.max(...lengths)).toBeLessThan(64 * 1024);
});

test("a histogram that a role reports is typed as one", () => {
  const store = createStatusStore();
  store.apply({
    kind: "metrics",
    role: "checker",
    values: { 'lag_bucket{le="1"}': 1, 'lag_bucket{le="+Inf"}': 2, lag_sum: 0.5, lag_count: 2, other_count: 7 },
  });
  const text = renderMetrics(store, BUILD);
  expect(text).toContain(
    '# TYPE lag histogram\nlag_bucket{le="1"} 1\nlag_bucket{le="+Inf"} 2\nlag_sum 0.5\nlag_count 2\n',
  );
  expect(text).toContain("# TYPE other_count gauge\n");
});

test("40,000 real servers are written, all of them", () => {
  const store = createStatusStore();
  for (let i = 0; i < 10_000; i++) {
    const realServers = Array.from({ length: 4 }, (_, j) => realServer(`10.${i >> 8}.${i & 255}.${j}:80`));
    store.apply({ kind: "virtual-server", value: virtualServer(`192.0.${i >> 8}.${i & 255}:80/tcp`, { realServers }) });
  }
  expect(renderMetrics(store, BUILD).match(/^lbd_real_server_up\{/gm)).toHaveLength(40_000);
});

test("what roles report by themselves has its help", () => {
  const names = new Set<string>();
  for (const folder of ["src/process", "src/roles", "src/notify"])
    for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts"),
    ))
      for (const [name] of readFileSync(`${folder}/${file}`, "utf8").matchAll(/\blbd_[a-z_]+/g)) names.add(name);
  // Only spoken of: the api process writes it.
  names.delete("lbd_build_info");
  expect(names.size).toBeGreaterThan(10);
  for (const name of names) expect(ROLE_HELP).toHaveProperty(name);
});
