// Test of the appliance: a machine with a disk of `make image`, reached over the network as an operator does it. Its console is kept beside the
// disk, and the end of it is in the message of what it did not do.
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { startOf } from "../../appliance/disk.ts";
import { FIRST_ENVIRONMENT, markedForTrial, markedGood, writeEnvironment } from "../../src/appliance/boot.ts";
import { begin, ended, good, NO_HISTORY, updateWritten, writePlace } from "../../src/appliance/history.ts";
import { type Firmware, startMedium } from "../machine/medium.ts";
import { choosePort } from "../machine/port.ts";
import type { RunningMachine } from "../machine/qemu.ts";
import { until } from "../support/until.ts";

export const FOLDER = resolve(import.meta.dirname, "../../dist/test-appliance");
export const IMAGES = join(FOLDER, "image");
/** Four starts under emulation, beside whatever else this machine does, and three times two minutes. */
export const LIMIT_MS = 40 * 60_000;

const TOKEN = "only-for-this-test";
const MIB = 1024 * 1024;
const LOOK_LIMIT_MS = 10_000;
const SHOWN_LINES = 60;

const Appliance = v.object({
  slot: v.string(),
  version: v.string(),
  director: v.object({ pid: v.exactOptional(v.number()), failures: v.number() }),
  image: v.object({
    start: v.object({ good: v.boolean(), trial: v.boolean(), damage: v.exactOptional(v.string()) }),
    history: v.object({
      starts: v.array(
        v.object({
          ...{ slot: v.string(), version: v.string(), at: v.string(), trial: v.boolean() },
          ...{ end: v.exactOptional(v.string()), reason: v.exactOptional(v.string()) },
        }),
      ),
      failure: v.exactOptional(v.object({ version: v.string(), reason: v.string() })),
      crash: v.exactOptional(v.object({ text: v.string() })),
    }),
    watchdog: v.object({ identity: v.exactOptional(v.string()), problem: v.exactOptional(v.string()) }),
    crashRecords: v.exactOptional(v.string()),
  }),
});
export type Appliance = v.InferOutput<typeof Appliance>;

export interface ApplianceMachine {
  /** A disk as it comes, with a director that is reached over the network and trusts the key of the test, and these files of its configuration. */
  newDisk(files?: Readonly<Record<string, string>>): void;
  /** Puts a file on a partition of the disk of a machine that is off. */
  put(partition: string, name: string, content: string): void;
  /** Leaves the disk of a machine that is off as an update to slot B leaves it: written, and the next start is its first of three. */
  written(version: string, slot: Uint8Array): void;
  powerOn(): void;
  /** A new disk, and what the machine says once it runs from it. */
  fresh(): Promise<Appliance>;
  cutPower(): Promise<void>;
  call(path: string, options?: { readonly method?: string; readonly body?: Uint8Array }): Promise<Response>;
  /** What the machine says of itself; undefined: it does not answer. */
  look(): Promise<Appliance | undefined>;
  /** What it says once `fits`. */
  seen(what: string, fits: (seen: Appliance) => boolean): Promise<Appliance>;
  /** What it says once it runs a version and its start is a good one. */
  runs(version: string | RegExp): Promise<Appliance>;
  /** Sends an update. */
  send(content: Uint8Array): Promise<readonly [number, string]>;
  /** Sends an update that is well, and has the machine start with it. */
  updateTo(version: string, content: Uint8Array): Promise<void>;
  /** Asks the machine to start again, no more. */
  restart(): Promise<void>;
  /** And waits until it has. */
  reboot(): Promise<void>;
  /** Once a line of the console, of those that come from now on, fits. */
  says(pattern: RegExp): Promise<string>;
}

export interface MachineOptions {
  /** Of the disk and the console. */
  readonly name: string;
  readonly firmware?: Firmware;
  /** The kernel is started by the emulator and not by the loader, as slot A and uncounted: for what is not about starts. */
  readonly isDirect?: true;
  /** More of QEMU's arguments; absent: a watchdog of hardware. */
  readonly more?: readonly string[];
}

export async function applianceMachine({ name, firmware = "bios", isDirect, more = WATCHDOG }: MachineOptions) {
  const work = join(FOLDER, name);
  mkdirSync(work, { recursive: true });
  const disk = join(work, "disk.img");
  const { port } = await choosePort(undefined, 18_443);
  const lines: string[] = [];
  let machine: RunningMachine | undefined;
  /** The emulator has, and nobody cut the power. */
  let isGone = false;

  function put(partition: string, file: string, content: string): void {
    const from = join(work, "file");
    writeFileSync(from, content);
    const words = ["-o", "-i", `${disk}@@${startOf(partition) * MIB}`, from, `::/${file}`];
    execFileSync("mcopy", words, { env: { ...process.env, MTOOLS_SKIP_CHECK: "1" } });
    rmSync(from);
  }

  const call: ApplianceMachine["call"] = (path, options = {}) => request(path, options);
  function request(path: string, options: RequestInit): Promise<Response> {
    const headers = { authorization: `Bearer ${TOKEN}` };
    return fetch(`https://127.0.0.1:${port}${path}`, { ...options, headers, tls: { rejectUnauthorized: false } });
  }

  async function look(): Promise<Appliance | undefined> {
    try {
      // A machine that went away answers nothing, not even that.
      const answer = await request("/v1/appliance", { signal: AbortSignal.timeout(LOOK_LIMIT_MS) });
      return v.parse(Appliance, await answer.json());
    } catch {
      return undefined;
    }
  }

  async function withConsole<T>(done: Promise<T>): Promise<T> {
    try {
      return await done;
    } catch (error) {
      throw new Error(`${error}\n${lines.slice(-SHOWN_LINES).join("\n")}`);
    }
  }

  const seen: ApplianceMachine["seen"] = (what, fits) =>
    withConsole(
      until(
        what,
        async () => {
          if (isGone) throw new Error(`${what}: the emulator has ended`);
          const now = await look();
          return now && fits(now) ? now : undefined;
        },
        LIMIT_MS,
      ),
    );

  async function send(content: Uint8Array): Promise<readonly [number, string]> {
    const answer = await withConsole(call("/v1/appliance/update", { method: "PUT", body: content }));
    return [answer.status, await answer.text()];
  }

  async function restart(): Promise<void> {
    const asked = await call("/v1/appliance/reboot", { method: "POST" });
    if (asked.status !== 202) throw new Error(`reboot: status ${asked.status}`);
  }

  const made: ApplianceMachine = {
    newDisk(files = {}) {
      copyFileSync(join(IMAGES, "lbd.img"), disk);
      const sha256 = createHash("sha256").update(TOKEN).digest("hex");
      const trusted = readFileSync(join(IMAGES, "update.pub"), "utf8").trim().split("\n").at(-1);
      const settings = [
        "hostname: director1",
        // Lines on the console are what tests read.
        "console: {menu: false}",
        `api: {listen: 10.0.2.15, tokens: {test: {role: admin, sha256: ${sha256}}}}`,
        `update: {keys: ["${trusted}"]}`,
      ];
      put("lbd-conf", "appliance.yaml", `${settings.join("\n")}\n`);
      for (const [file, content] of Object.entries(files)) put("lbd-conf", file, content);
    },
    put,
    written(version, slot) {
      const file = openSync(disk, "r+");
      writeSync(file, slot, 0, slot.byteLength, startOf("lbd-b") * MIB);
      closeSync(file);
      const at = new Date().toISOString();
      const first = begin(NO_HISTORY, { slot: "A", version: "shipped", at, trial: false, byWatchdog: false });
      const running = ended(good(first.history), "restart", "the test");
      const history = updateWritten(running, { slot: "B", version, at, faults: [] });
      put("lbd-esp", "lbd/starts.1", writePlace({ history, sequence: 1 }));
      put("lbd-esp", "grub/grubenv", writeEnvironment(markedForTrial(markedGood(FIRST_ENVIRONMENT, "A"), "B")));
    },
    powerOn() {
      writeFileSync(join(work, "console.log"), "", { flag: "a" });
      const started = startMedium({
        ...{ firmware, memoryMb: 1024, cpus: 2, limitMs: LIMIT_MS },
        more: isDirect ? [...more, ...DIRECT] : more,
        medium: { kind: "disk", file: disk, keep: true },
        forward: [{ host: port, guest: 8443 }],
        line(text) {
          lines.push(text.trim());
          appendFileSync(join(work, "console.log"), `${new Date().toISOString()} ${text.trim()}\n`);
        },
      });
      machine = started;
      isGone = false;
      void started.finished.then(() => {
        if (machine === started) isGone = true;
      });
    },
    fresh() {
      made.newDisk();
      made.powerOn();
      return made.runs(SHIPPED);
    },
    async cutPower() {
      const started = machine;
      machine = undefined;
      started?.stop();
      await started?.finished;
    },
    call,
    look,
    seen,
    runs(version) {
      const fits = (is: string) => (typeof version === "string" ? is === version : version.test(is));
      return seen(`the machine runs ${version}`, (now) => now.image.start.good && fits(now.version));
    },
    send,
    async updateTo(version, content) {
      const [status, text] = await send(content);
      if (status !== 200 || !text.includes(`"version":"${version}"`)) throw new Error(`update: ${status} ${text}`);
      await restart();
    },
    restart,
    async reboot() {
      const starts = (now: Appliance | undefined) => now?.image.history.starts.length ?? 0;
      const before = starts(await look());
      await restart();
      await seen("the machine has started again", (now) => starts(now) > before);
    },
    says(pattern) {
      let from = lines.length;
      return withConsole(
        until(
          `the console says ${pattern}`,
          () => {
            if (isGone) throw new Error(`${pattern}: the emulator has ended`);
            while (from < lines.length) {
              const line = lines[from++];
              if (line !== undefined && pattern.test(line)) return line;
            }
            return undefined;
          },
          LIMIT_MS,
        ),
      );
    },
  };
  return made;
}

const DIRECT = [
  ...["-kernel", join(IMAGES, "vmlinuz"), "-initrd", join(IMAGES, "initrd"), "-append"],
  "console=ttyS0,115200 rootfstype=ramfs panic=5 reserve_mem=1M:16M:oops lbd.slot=A lbd.left=none",
];
/** An older chipset: q35 has a watchdog that Linux takes for one, and that restarts nothing. */
export const WITHOUT_WATCHDOG = ["-machine", "pc"];
const WATCHDOG = ["-device", "i6300esb", "-action", "watchdog=reset"];

/** A version of `git describe`. */
export const SHIPPED = /-|^[0-9a-f]/;
