import { expect, test } from "bun:test";
import { type Content, lostAltogether } from "../../../../src/process/configuration/reload-guard.ts";
import { bindText } from "../../../support/config.ts";

const instance = (name: string, vrid = 51) =>
  `vrrp_instance ${name} {\n interface lo\n virtual_router_id ${vrid}\n virtual_ipaddress {\n 192.0.2.${vrid}\n }\n}\n`;
const service = (port: number) =>
  `virtual_server 192.0.2.1 ${port} {\n protocol TCP\n real_server 192.0.2.10 80 {\n }\n}\n`;
const BOTH = instance("web") + instance("db", 52) + service(80);
const ALL = { vrrp: true, checker: true, bfd: true };

const holding = (text: string, content: Content = "blocks") => ({ config: bindText(text).config, content });

test.each([
  ["the same", holding(BOTH), holding(BOTH), []],
  ["one of two instances goes", holding(BOTH), holding(instance("web") + service(80)), []],
  ["all are others now", holding(BOTH), holding(instance("mail", 53) + service(25)), []],
  ["what comes for the first time", holding(service(80)), holding(BOTH), []],
  ["nothing stands in it", holding(BOTH), holding("", "nothing"), ["nothing stands in it"]],
  ["nothing known stands in it", holding(BOTH), holding("", "nothing-known"), ["no block in it is known"]],
  ["also when only settings would go", holding("", "blocks"), holding("", "nothing"), ["nothing stands in it"]],
  ["nothing stood in it before", holding("", "nothing"), holding("", "nothing"), []],
  ["all instances go", holding(BOTH), holding(service(80)), ["it has no VRRP instance any more, 2 run (web, db)"]],
  [
    "all services go",
    holding(BOTH),
    holding(instance("web")),
    ["it has no virtual server any more, 1 runs (192.0.2.1:80/tcp)"],
  ],
  [
    "both go",
    holding(BOTH),
    holding(""),
    [
      "it has no VRRP instance any more, 2 run (web, db)",
      "it has no virtual server any more, 1 runs (192.0.2.1:80/tcp)",
    ],
  ],
  [
    "many names are cut",
    holding([1, 2, 3, 4, 5, 6, 7].map(service).join("")),
    holding(""),
    [
      "it has no virtual server any more, 7 run (192.0.2.1:1/tcp, 192.0.2.1:2/tcp, 192.0.2.1:3/tcp, 192.0.2.1:4/tcp, 192.0.2.1:5/tcp and 2 more)",
    ],
  ],
] as const)("%s", (_why, running, next, expected) => {
  expect(lostAltogether(running, next, "/k.conf", ALL)).toEqual(
    expected.map((what) => `/k.conf: ${what}; if it is meant: lbd reload --allow-empty`),
  );
});

test("what a director was told not to run is not missed", () => {
  const withoutBoth = holding("");
  expect(lostAltogether(holding(BOTH), withoutBoth, "/k.conf", { ...ALL, vrrp: false, checker: false })).toEqual([]);
});
