// Every field of a virtual and of a real server, changed alone by a reload: the kernel hears of that object and of no other, and
// nothing is deleted that stays. Fields that the kernel doesn't know send it nothing.
import { expect, test } from "bun:test";
import { destinationKey, serviceKey } from "../../../../src/lvs/keys.ts";
import type { IpvsCommand } from "../../../../src/lvs/model.ts";
import { bindText } from "../../../support/config.ts";
import { bench } from "./bench.ts";

/** Two services of one make; a change names the first one by VIRTUAL and its first server by REAL. */
function text(virtual: string, real: string, more = ""): string {
  const server = (host: number, extra: string) =>
    ` real_server 10.9.1.${host} 80 {\n${extra}\n TCP_CHECK {\n connect_timeout 2\n }\n }\n`;
  return `virtual_server_group g {\n 10.9.0.9 80\n}
virtual_server 10.9.0.1 80 {\n lvs_sched wlc\n lvs_method NAT\n protocol TCP\n${virtual}
${server(1, real)}${server(2, "")}${more}}
virtual_server 10.9.0.2 80 {\n lvs_sched wlc\n lvs_method NAT\n protocol TCP\n${server(3, "")}}\n`;
}

function brief(command: IpvsCommand): string {
  const destination = "destination" in command ? `${destinationKey(command.destination)} ` : "";
  return `${command.kind} ${destination}${serviceKey(command.service)}`;
}

const SERVICE = "editService 10.9.0.1:80/tcp";
const FIRST = "editDestination 10.9.1.1:80 10.9.0.1:80/tcp";
const BOTH = [FIRST, "editDestination 10.9.1.2:80 10.9.0.1:80/tcp"];

const VIRTUAL: readonly (readonly [string, readonly string[]])[] = [
  ["lvs_sched rr", [SERVICE]],
  ["lvs_sched sh\nsh-port", [SERVICE]],
  ["lvs_sched mh\nmh-fallback", [SERVICE]],
  ["lvs_method DR", BOTH],
  ["lvs_method TUN type gre", BOTH],
  ["persistence_timeout 60", [SERVICE]],
  ["persistence_timeout 60\npersistence_granularity 255.255.255.0", [SERVICE]],
  ["persistence_engine sip", [SERVICE]],
  ["weight 5", BOTH],
  // Nothing of the kernel's while all servers are up.
  ...[
    "delay_loop 20",
    "retry 4",
    "delay_before_retry 9",
    "warmup 1",
    "alpha",
    "omega",
    "quorum 2",
    "quorum 2\nhysteresis 1",
    "quorum_up /bin/true",
    "quorum_down /bin/true",
    "inhibit_on_failure",
    "virtualhost www.example.net",
    "smtp_alert",
    "sorry_server 10.9.1.8 80",
    "sorry_server 10.9.1.8 80\nsorry_server_lvs_method DR",
  ].map((line) => [line, []] as const),
  ["sorry_server 10.9.1.8 80\nsorry_server_inhibit", ["addDestination 10.9.1.8:80 10.9.0.1:80/tcp"]],
];

const REAL: readonly (readonly [string, readonly string[]])[] = [
  ["weight 7", [FIRST]],
  ["weight 0", [FIRST]],
  ["lvs_method DR", [FIRST]],
  ["lvs_method TUN type gue port 6080", [FIRST]],
  ["uthreshold 100", [FIRST]],
  ["uthreshold 100\nlthreshold 10", [FIRST]],
  ...[
    "inhibit_on_failure",
    "alpha",
    "delay_loop 3",
    "retry 4",
    "notify_up /bin/true",
    "notify_down /bin/true",
    "virtualhost www.example.net",
    "smtp_alert",
    "PING_CHECK {\n}",
  ].map((line) => [line, []] as const),
];

/** The kernel calls of a reload from one text to the other. */
function callsBetween(before: string, after: string): string[] {
  const b = bench();
  b.start(bindText(before).config);
  b.clock.advance(100_000);
  b.table.applied.length = 0;
  b.role.reload(bindText(after).config);
  return b.table.applied.map(brief);
}

test.each(VIRTUAL)("virtual server: %s", (lines, calls) => {
  expect(callsBetween(text("", ""), text(lines, ""))).toEqual([...calls]);
});

test.each(REAL)("real server: %s", (lines, calls) => {
  expect(callsBetween(text("", ""), text("", lines))).toEqual([...calls]);
});

test("and back: what was set is taken away again", () => {
  for (const [lines, calls] of VIRTUAL) {
    const back = calls.map((call) => call.replace("addDestination", "deleteDestination"));
    expect([lines, callsBetween(text(lines, ""), text("", ""))]).toEqual([lines, back]);
  }
  for (const [lines, calls] of REAL)
    expect([lines, callsBetween(text("", lines), text("", ""))]).toEqual([lines, [...calls]]);
});

test("a server comes, another goes: the new one first", () => {
  const more = " real_server 10.9.1.4 80 {\n }\n";
  expect(callsBetween(text("", ""), text("", "", more))).toEqual(["addDestination 10.9.1.4:80 10.9.0.1:80/tcp"]);
  const swapped = text("", "", more).replace("real_server 10.9.1.2", "real_server 10.9.1.5");
  expect(callsBetween(text("", ""), swapped)).toEqual([
    "addDestination 10.9.1.5:80 10.9.0.1:80/tcp",
    "addDestination 10.9.1.4:80 10.9.0.1:80/tcp",
    "deleteDestination 10.9.1.2:80 10.9.0.1:80/tcp",
  ]);
});

test("another protocol or address is another service: it is there before the old one goes", () => {
  expect(callsBetween(text("", ""), text("protocol UDP", ""))).toEqual([
    "addService 10.9.0.1:80/udp",
    "addDestination 10.9.1.1:80 10.9.0.1:80/udp",
    "addDestination 10.9.1.2:80 10.9.0.1:80/udp",
    "deleteDestination 10.9.1.1:80 10.9.0.1:80/tcp",
    "deleteDestination 10.9.1.2:80 10.9.0.1:80/tcp",
    "deleteService 10.9.0.1:80/tcp",
  ]);
  expect(
    callsBetween(text("", ""), text("", "").replace("virtual_server 10.9.0.1 80", "virtual_server group g")),
  ).toEqual([
    "addService 10.9.0.9:80/tcp",
    "addDestination 10.9.1.1:80 10.9.0.9:80/tcp",
    "addDestination 10.9.1.2:80 10.9.0.9:80/tcp",
    "deleteDestination 10.9.1.1:80 10.9.0.1:80/tcp",
    "deleteDestination 10.9.1.2:80 10.9.0.1:80/tcp",
    "deleteService 10.9.0.1:80/tcp",
  ]);
});

test("addresses of a group: only what came and what went", () => {
  const group = text("", "").replace("virtual_server 10.9.0.1 80", "virtual_server group g");
  expect(callsBetween(group, group.replace("10.9.0.9 80", "10.9.0.9-10 80"))).toEqual([
    "addService 10.9.0.10:80/tcp",
    "addDestination 10.9.1.1:80 10.9.0.10:80/tcp",
    "addDestination 10.9.1.2:80 10.9.0.10:80/tcp",
  ]);
  expect(callsBetween(group.replace("10.9.0.9 80", "10.9.0.9-10 80"), group)).toEqual([
    "deleteDestination 10.9.1.1:80 10.9.0.10:80/tcp",
    "deleteDestination 10.9.1.2:80 10.9.0.10:80/tcp",
    "deleteService 10.9.0.10:80/tcp",
  ]);
});
