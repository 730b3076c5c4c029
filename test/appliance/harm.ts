// Test of the appliance: harm from inside the machine, which nobody can log in to: a VRRP instance that comes with another configuration does it, by
// its notify program, so that a test says when.
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as v from "valibot";
import type { ApplianceMachine } from "./appliance-machine.ts";

const CONFIGURATION = readFileSync(resolve(import.meta.dirname, "director/keepalived.conf"), "utf8");
const Folder = v.object({ files: v.record(v.string(), v.unknown()) });

/** Signals the appliance from inside the machine, three adverts from now. */
export async function signalAppliance(machine: ApplianceMachine, signal: "KILL" | "STOP"): Promise<void> {
  const { files } = v.parse(Folder, await (await machine.call("/v1/appliance/config")).json());
  const program = [
    "#!/bin/sh",
    "for pid in $(cd /proc && echo [0-9]*); do",
    `  [ "$(tr '\\0' ' ' < /proc/$pid/cmdline)" = "/lbd appliance " ] && kill -${signal} $pid`,
    "done",
  ];
  const instance = `
vrrp_instance harm {
    state BACKUP
    interface lan0
    virtual_router_id 52
    priority 150
    advert_int 1
    virtual_ipaddress {
        10.0.2.81/24
    }
    notify_master "/etc/keepalived/harm.sh"
}
`;
  const body = JSON.stringify({
    files: { ...files, "keepalived.conf": CONFIGURATION + instance, "harm.sh": `${program.join("\n")}\n` },
  });
  const answer = await machine.call("/v1/appliance/config", { method: "PUT", body: Buffer.from(body) });
  if (answer.status !== 200) throw new Error(`another configuration: ${answer.status} ${await answer.text()}`);
}
