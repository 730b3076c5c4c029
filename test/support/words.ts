// Words shown to act: configuration text in which « and » stand around a word, and what a look at the machine says with and without it.
import { expect } from "bun:test";
import type { Config } from "../../src/config/model/config.ts";
import { bindText } from "./config.ts";
import { type Lab, lab } from "./vrrp-lab.ts";

/** A keyword by its path in the tables, a text with the word in « », and what is seen with it and without it. */
export type WordCase<T> = readonly [id: string, text: string, seen: T, otherwise: T];

/** Reads the text twice, with what stands in « » and without, and looks at both. Both have to differ. */
export async function expectWord<T>(
  text: string,
  look: (config: Config) => T | Promise<T>,
  seen: T,
  otherwise: T,
): Promise<void> {
  if (!/«[^»]+»/.test(text)) throw new Error(`no word in « »: ${text}`);
  const looks = [
    await look(configOf(text.replace(/«([^»]*)»/g, "$1"))),
    await look(configOf(text.replace(/«[^»]*»/g, ""))),
  ];
  expect<unknown>(looks).toEqual([seen, otherwise]);
  expect(seen).not.toEqual(otherwise);
}

/** The model of a text, as a file gives it. */
export function configOf(text: string): Config {
  return bindText(text).config;
}

/** VI_1 on eth0, VRID 51, priority 100, version 2, 192.0.2.100, with further lines. */
export function instanceText(lines = "", named: { readonly name?: string; readonly vrid?: number } = {}): string {
  const { name = "VI_1", vrid = 51 } = named;
  const own = (keyword: string, line: string) => (new RegExp(`^\\W*${keyword}\\b`, "m").test(lines) ? "" : `${line}\n`);
  return `vrrp_instance ${name} {
${own("interface", "interface eth0")}virtual_router_id ${vrid}
${lines}
${own("virtual_ipaddress", "virtual_ipaddress {\n192.0.2.100\n}")}}
`;
}

/** Global lines, then an instance with its own. */
export function globalText(lines: string, instance = ""): string {
  return `global_defs {\n${lines}\n}\n${instanceText(instance)}`;
}

/** A started director whose instances have their interfaces and a source address: 192.0.2.1 or fe80::1. */
export function started({ vrrp }: Config): Lab {
  const bench = lab(vrrp, { hold: true });
  const links = new Set(vrrp.instances.flatMap((one) => one.interface ?? []));
  for (const link of links) bench.fact("interface", link, true);
  for (const { name, family } of vrrp.instances)
    bench.do((d, at) => d.setSource(name, family === 4 ? "192.0.2.1" : "fe80::1", at));
  bench.do((d, at) => d.start(at));
  return bench;
}

/** 192.0.2.80:80 with one server, 192.0.2.81:80, each with further lines. */
export function serviceText(lines = "", server = ""): string {
  return `virtual_server 192.0.2.80 80 {
lvs_sched rr
lvs_method NAT
protocol TCP
${lines}
real_server 192.0.2.81 80 {
${server}
}
}
`;
}
