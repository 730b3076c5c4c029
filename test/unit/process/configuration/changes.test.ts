import { expect, test } from "bun:test";
import { changesOf } from "../../../../src/process/configuration/changes.ts";
import { bindText } from "../../../support/config.ts";

const loaded = (text: string) => bindText(text).config;

const real = (ip: string, weight = 1) =>
  `  real_server ${ip} 80 {\n weight ${weight}\n TCP_CHECK {\n connect_timeout 3\n }\n }\n`;
const vs = (ip: string, ...reals: string[]) =>
  `virtual_server ${ip} 80 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n${reals.join("")}}\n`;
const vrrp = (name: string, vrid: number, priority = 100) =>
  `vrrp_instance ${name} {\n interface eth0\n virtual_router_id ${vrid}\n priority ${priority}\n virtual_ipaddress {\n 192.0.2.${vrid}\n }\n}\n`;

const BASE = vs("192.0.2.100", real("198.51.100.11"), real("198.51.100.12")) + vrrp("web", 51);

test.each([
  ["nothing", BASE, ["nothing changed"]],
  ["only where things stand", `\n# moved\n\n${BASE}`, ["nothing changed"]],
  [
    "a real server more",
    vs("192.0.2.100", real("198.51.100.11"), real("198.51.100.12"), real("198.51.100.13")) + vrrp("web", 51),
    ["+1 real server", "+ real server 198.51.100.13:80 of 192.0.2.100:80/tcp"],
  ],
  [
    "a weight, a server less and another priority",
    vs("192.0.2.100", real("198.51.100.11", 5)) + vrrp("web", 51, 150),
    [
      "~1 real server, -1 real server, ~1 VRRP instance",
      "~ real server 198.51.100.11:80 of 192.0.2.100:80/tcp",
      "- real server 198.51.100.12:80 of 192.0.2.100:80/tcp",
      "~ VRRP instance web",
    ],
  ],
  [
    "a scheduler and a virtual server more",
    BASE.replace("rr", "wlc") + vs("192.0.2.101", real("198.51.100.11")),
    [
      "~1 virtual server, +1 virtual server",
      "~ virtual server 192.0.2.100:80/tcp",
      "+ virtual server 192.0.2.101:80/tcp",
    ],
  ],
  [
    "an instance for another and a global setting",
    `global_defs {\n router_id x\n}\n${BASE.replace("web", "www")}`,
    [
      "+1 VRRP instance, -1 VRRP instance, ~other settings",
      "+ VRRP instance www",
      "- VRRP instance web",
      "~ other settings",
    ],
  ],
])("%s", (_what, next, changes) => {
  expect(changesOf(loaded(BASE), loaded(next))).toEqual(changes);
});

test("many changes are counted, and the first of them named", () => {
  const servers = (count: number) =>
    vs("192.0.2.100", ...Array.from({ length: count }, (_, i) => real(`10.0.0.${i + 1}`)));
  const lines = changesOf(loaded(servers(1)), loaded(servers(101)));
  expect([lines[0], lines.length, lines.at(-1)]).toEqual(["+100 real servers", 22, "and 80 more"]);
});
