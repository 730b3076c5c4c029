// The appliance's network in a namespace of a test: one link that asks by DHCP. Argument: a folder. Prints what it has whenever that changes.
import { join } from "node:path";
import { readNetwork } from "../../src/appliance/network/read.ts";
import { createFindings } from "../../src/config/findings/findings.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openRtnetlink } from "../../src/kernel/rtnetlink.ts";
import { createDhcpClients } from "../../src/process/appliance/dhcp.ts";
import { createNetworkKeeper } from "../../src/process/appliance/network-keeper.ts";

const [folder = "", program = ""] = process.argv.slice(2);
const clock = systemClock();
const tell = (what: Record<string, unknown>) => console.log(JSON.stringify(what));
const keeper = createNetworkKeeper({
  clock,
  say: (level, message) => tell({ level, message }),
  rtnetlink: openRtnetlink(),
  cards: () => [{ name: "eth0", mac: "02:00:00:00:00:01" }],
  driver: () => undefined,
  setting: () => {},
  firstNames: new Map(),
  dhcp: createDhcpClients({
    clock,
    log: ({ level, message }) => level !== "debug" && tell({ level, message }),
    folder: join(folder, "dhcp"),
    program,
  }),
  lookForHardware: () => {},
  keepNames: () => {},
  resolve: (text) => tell({ resolve: text }),
  timeServers: (servers) => tell({ time: servers }),
});
const read = (text: string) => readNetwork({ name: "network.yaml", text }, createFindings());
keeper.apply(read("network: {version: 2, ethernets: {eth0: {dhcp4: true, addresses: [198.51.100.5/24]}}}"));
process.on("SIGUSR1", () => {
  keeper.apply(read("network: {version: 2, ethernets: {eth0: {addresses: [198.51.100.5/24]}}}"));
  tell({ applied: true });
});
process.on("SIGTERM", () => void keeper.stop().then(() => process.exit(0)));
