// The mistakes of test/golden/tolerated.tsv: each is a plain configuration with one change, and what keepalived makes of it.
import { readFileSync } from "node:fs";
import type { Config } from "../../src/config/model/config.ts";
import { factsOfModel } from "../interop/dump.ts";

/** Where the change goes; the file's first column. */
type Place = "instance" | "address" | "script" | "global" | "service" | "server" | "check";

export interface Tolerated {
  readonly name: string;
  readonly text: string;
  /** Which of keepalived's workers it concerns. */
  readonly part: "vrrp" | "services";
  /** Status of keepalived's -t. */
  readonly status: number;
  /** Facts (test/interop/dump.ts) that the plain configuration does not have. */
  readonly more: readonly string[];
  /** Facts that only the plain one has. */
  readonly less: readonly string[];
}

const INSTANCE = [
  " state BACKUP",
  " interface eth0",
  " virtual_router_id 3",
  " priority 100",
  " advert_int 1",
  " virtual_ipaddress {",
  " 192.0.2.99/24",
  " }",
];
const SERVICE = [" delay_loop 6", " lb_algo rr", " lb_kind NAT", " protocol TCP"];
const SERVER = [" real_server 192.0.2.20 80 {", " weight 3"];

/** A line with a keyword of the plain block takes the place of its line; others come behind it. */
function changed(plain: readonly string[], change: readonly string[], before: number): string {
  const [keyword = ""] = (change[0] ?? "").trim().split(" ");
  const at = plain.findIndex((line) => line.trim().split(" ")[0] === keyword);
  const lines = at < 0 ? plain.toSpliced(before, 0, ...change) : plain.toSpliced(at, 1, ...change);
  return lines.join("\n");
}

function textOf(place: Place | undefined, change: readonly string[]): string {
  const instance = (lines: string) => `vrrp_instance A {\n${lines}\n}\n`;
  const plain = instance(INSTANCE.join("\n"));
  const service = (lines: string, server: string) => `virtual_server 192.0.2.1 80 {\n${lines}\n${server}\n }\n}\n`;
  switch (place) {
    case "instance":
      return instance(changed(INSTANCE, change, 5));
    case "address":
      return instance(INSTANCE.toSpliced(6, 1, ...change).join("\n"));
    case "script": {
      const tracked = instance(INSTANCE.toSpliced(5, 0, " track_script {", " S", " }").join("\n"));
      return `vrrp_script S {\n script "/bin/true"\n${change.join("\n")}\n}\n${tracked}`;
    }
    case "global":
      return `global_defs {\n${change.join("\n")}\n}\n${plain}`;
    case "service":
      return service(changed(SERVICE, change, 4), SERVER.join("\n"));
    case "server":
      return service(SERVICE.join("\n"), changed(SERVER, change, 2));
    case "check":
      return service(SERVICE.join("\n"), [...SERVER, ...change].join("\n"));
    case undefined:
      return "";
  }
}

const PLACES: readonly Place[] = ["instance", "address", "script", "global", "service", "server", "check"];

export const TOLERATED: readonly Tolerated[] = readFileSync(`${import.meta.dirname}/../golden/tolerated.tsv`, "utf8")
  .split("\n")
  .filter((line) => line !== "" && !line.startsWith("#"))
  .map((line) => {
    const [place = "", change = "", status = "", facts = ""] = line.split("\t");
    const lines = change.split("; ").map((one) => ` ${one}`);
    const known = PLACES.find((one) => one === place);
    const listed = facts === "" ? [] : facts.split(" | ");
    return {
      name: `${place}: ${change}`,
      text: textOf(known, lines),
      part: known === "service" || known === "server" || known === "check" ? "services" : "vrrp",
      status: Number(status),
      more: listed.filter((fact) => !fact.startsWith("-")),
      less: listed.filter((fact) => fact.startsWith("-")).map((fact) => fact.slice(1)),
    };
  });

/** The plain configuration of a part. */
export function plainText(place: "instance" | "script" | "service"): string {
  return textOf(place, []);
}

/** Facts in the form of both sides: without what a dump of 2.2.7 says in other words than the model. */
export function comparable(facts: readonly string[]): readonly string[] {
  return [
    ...new Set(
      facts.map((fact) =>
        fact
          .replace(/ (deprecated|home|no_track|use_vmac)\b/g, "")
          .replace(/(address|excluded) (\S+?)\/(32|128)\b/, "$1 $2")
          .replace(/payload (undefined|0) /, "payload none "),
      ),
    ),
  ].sort();
}

export function modelFacts(config: Config, part: Tolerated["part"]): readonly string[] {
  return comparable(factsOfModel(config, { services: part === "services", vrrp: part === "vrrp" }));
}
