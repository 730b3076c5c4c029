// A machine without its hardware, in a namespace of a test: the real configuration keeper, network, gate, routes and director. Its partition is
// the folder `conf`, its loader's partition `esp`, its slot that does not run the file `slot`. Argument: a folder. Each line that it prints is a
// line of its log; `finish HOW` is what it was asked to do with the machine. SIGHUP reads the partition again, as it does on a machine.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { createAudit } from "../../src/appliance/access/audit.ts";
import { createLogBook } from "../../src/appliance/log-book.ts";
import { readMinisignKey } from "../../src/appliance/minisign.ts";
import type { Log } from "../../src/base/log.ts";
import { systemClock } from "../../src/kernel/clock.ts";
import { openReadiness } from "../../src/kernel/readiness.ts";
import { openRtnetlink } from "../../src/kernel/rtnetlink.ts";
import { startGate } from "../../src/process/appliance/access/start-gate.ts";
import { createConfigurationKeeper } from "../../src/process/appliance/configuration-keeper.ts";
import {
  readGood,
  readPartition,
  replacePartition,
  type WithFolder,
  writeGood,
} from "../../src/process/appliance/configuration-store.ts";
import { createDhcpClients } from "../../src/process/appliance/dhcp.ts";
import { createDirector } from "../../src/process/appliance/director.ts";
import { type Machine, startMachine } from "../../src/process/appliance/machine.ts";
import { createNetworkKeeper, setLinkSetting } from "../../src/process/appliance/network-keeper.ts";
import { writeSafely } from "../../src/process/appliance/partition.ts";
import { answers } from "../../src/process/appliance/self-test.ts";
import { openStorage } from "../../src/process/appliance/slot-storage.ts";
import { createUpdates } from "../../src/process/appliance/update.ts";
import { createSyslogSender } from "../../src/process/host/syslog-sender.ts";
import { PROGRAM } from "./lbd.ts";

const [folder = "", key = ""] = process.argv.slice(2);
const SLOT_BYTES = 8 * 1024 * 1024;
const at = (name: string) => join(folder, name);
const print = (line: string) => process.stdout.write(`${line}\n`);
const clock = systemClock();
const book = createLogBook();
const log: Log = (line) => {
  book.add(line, new Date().toISOString());
  print(`${line.level} ${line.area}: ${line.message}`);
};
const say = (level: "debug" | "info" | "warning" | "error", message: string) =>
  log({ level, area: "appliance", message });
for (const name of ["conf", "esp", "sockets"]) mkdirSync(at(name), { recursive: true, mode: 0o711 });
const conf: WithFolder = (_how, act) => act(at("conf"));
const esp: WithFolder = (_how, act) => act(at("esp"));
const runDir = at("director");
const [first = process.execPath, ...rest] = PROGRAM;
const program = [first, ...rest] as const;

const configuration = createConfigurationKeeper({
  clock,
  say,
  folder: at("copy"),
  readPartition: () => readPartition(conf),
  replacePartition: (files) => replacePartition(conf, files),
  readGood: () => readGood(esp),
  writeGood: (files) => writeGood(esp, files),
  isWell: async () => ({
    director: (await answers(join(runDir, "api.sock"), "/readyz")) === true,
    network: network.faults().length === 0,
  }),
});
await configuration.take();
const network = createNetworkKeeper({
  clock,
  say,
  rtnetlink: openRtnetlink(),
  cards: () => [
    { name: "eth0", mac: "02:00:00:00:00:01" },
    { name: "eth1", mac: "02:00:00:00:00:02" },
  ],
  driver: () => undefined,
  setting: setLinkSetting,
  firstNames: new Map(),
  dhcp: createDhcpClients({ clock, log, folder: at("dhcp"), program: "/bin/busybox" }),
  lookForHardware: () => {},
  keepNames: () => {},
  resolve: (text) => print(`resolve ${JSON.stringify(text)}`),
  timeServers: () => {},
});
const trusted = readMinisignKey(key);
const machine: Machine = await startMachine({
  ...{ clock, log, book, configuration, network, boot: { slot: "A", rescue: false }, audit: createAudit() },
  time: { want: () => {}, learned: () => {}, stop: () => Promise.resolve() },
  syslog: createSyslogSender({ clock, book, hostname: () => "director1", log }),
  image: () => ({
    director: { words: [], environment: {} },
    updates: createUpdates({
      ...{ slot: "A", architecture: "amd64", runs: { version: "v1" }, say },
      keys: () => (trusted ? [trusted] : []),
      isGood: () => true,
      open: () => openStorage(at("slot"), SLOT_BYTES, () => {}),
      changeEnvironment() {},
      written() {},
    }),
    begin() {},
    ended() {},
    status: () => ({
      start: { good: true, trial: false, faults: [] },
      history: { starts: [] },
      watchdog: { enabled: false },
      updateKeys: [],
    }),
  }),
  nameHost: (name) => print(`host ${name}`),
  director: ({ words, environment }) =>
    createDirector({
      ...{ clock, log, environment, readiness: openReadiness(), folder: at("run"), program },
      words: () => ["--api", "off", ...words()],
    }),
  directorEnded() {},
  gate: {
    startGate: (order, heard, ended) => startGate(order, heard, ended, PROGRAM),
    keep: (files) => {
      for (const [name, text] of files) writeSafely(join(at("conf"), name), text);
    },
    socket: join(at("sockets"), "door", "door.sock"),
  },
  places: { folder: at("copy"), runDir, socket: at("own/api.sock"), drain: at("drain") },
  program: PROGRAM,
  finish: (how) => print(`finish ${how}`),
});
process.on("SIGHUP", () => void machine.reload());
process.on("SIGTERM", () => {
  void machine
    .end("power-off", "the test is over")
    .then(() => machine.access.stop())
    .then(() => process.exit(0));
});
print("started");
