// In the guest, for `make run`: what a user can do in the lab once the story is told. A line of words, answered by text; no shell.
import { readFileSync, writeFileSync } from "node:fs";
import { type Daemon, lbdBinary } from "../support/daemon.ts";
import type { Namespace } from "../support/netns.ts";
import { HTTP_PORT, type Lab, VIP } from "./guest/lab.ts";

export interface LabWorld {
  readonly lab: Lab;
  /** The directors, the first one first. */
  readonly directors: readonly { readonly host: Namespace; readonly daemon: Daemon }[];
  /** Ends the lab. */
  quit(): void;
}

interface Command {
  readonly usage: string;
  readonly does: string;
  run(world: LabWorld, words: readonly string[]): string | Promise<string>;
}

const LBD = ["status", "vrrp", "reload", "check", "explain"] as const;

export const LAB_COMMANDS: Readonly<Record<string, Command>> = {
  status: { usage: "status [ID…] [--down]", does: "lbd status on the first director", run: lbdOn(0, "status") },
  vrrp: { usage: "vrrp [NAME…]", does: "lbd vrrp: who is master, and why", run: lbdOn(0, "vrrp") },
  reload: { usage: "reload", does: "lbd reload: takes the file again, says what changed", run: lbdOn(0, "reload") },
  check: {
    usage: "check",
    does: "lbd check of the file",
    run: (world) => lbd(world, 0, ["check", configOf(world, 0)]),
  },
  on: {
    usage: "on 1|2 COMMAND…",
    does: `a command of lbd on one of the directors: ${LBD.join(", ")}`,
    run: (world, [which, ...words]) => lbd(world, numberOf(which, 2), words),
  },
  edit: {
    usage: "edit OLD => NEW",
    does: "puts NEW for OLD in the files of both directors, such as: edit weight 1 => weight 3",
    run: edit,
  },
  kill: {
    usage: "kill 1|2|3",
    does: "ends the service of a real server",
    async run({ lab }, [which]) {
      const i = numberOf(which, 3);
      await lab.kill(i);
      return `real${i + 1} (198.51.100.${11 + i}) serves no more`;
    },
  },
  start: {
    usage: "start 1|2|3",
    does: "starts it again",
    async run({ lab }, [which]) {
      const i = numberOf(which, 3);
      await lab.serve(i);
      return `real${i + 1} (198.51.100.${11 + i}) serves`;
    },
  },
  unplug: { usage: "unplug 1|2", does: "pulls the plug of a director", run: plug(false) },
  plug: { usage: "plug 1|2", does: "puts it back", run: plug(true) },
  ask: {
    usage: "ask",
    does: `ten requests of the client to ${VIP}`,
    async run({ lab }) {
      const heard = await lab.ask({ transport: "tcp", host: VIP, port: HTTP_PORT, count: 10 });
      return Object.entries(heard)
        .map(([who, times]) => `${who} ${times}×`)
        .join(", ");
    },
  },
  table: {
    usage: "table",
    does: "ipvsadm -Ln on the first director",
    run: ({ directors }) => directors[0]?.host.run("ipvsadm", "-Ln").stdout ?? "",
  },
  quit: {
    usage: "quit",
    does: "ends the lab",
    run(world) {
      world.quit();
      return "bye";
    },
  },
};

/** What a line gives, mistakes included: it never rejects. */
export async function runLabCommand(line: string, world: LabWorld): Promise<string> {
  const [name = "", ...words] = line.trim().split(/\s+/);
  if (name === "" || name === "help") return helpText();
  const command = Object.hasOwn(LAB_COMMANDS, name) ? LAB_COMMANDS[name] : undefined;
  if (!command) return `there is no ${name} here\n${helpText()}`;
  try {
    return await command.run(world, words);
  } catch (error) {
    return `${name}: ${error instanceof Error ? error.message : String(error)}`;
  }
}

export function helpText(): string {
  const rows = Object.values(LAB_COMMANDS).map(({ usage, does }) => `  ${usage.padEnd(22)} ${does}`);
  return ["Commands of the lab:", ...rows].join("\n");
}

function lbdOn(which: number, ...command: readonly string[]): Command["run"] {
  return (world, words) => lbd(world, which, [...command, ...words]);
}

function lbd(world: LabWorld, which: number, [command = "", ...words]: readonly string[]): string {
  if (!LBD.some((known) => known === command)) throw new Error(`expected one of ${LBD.join(", ")}`);
  const director = directorOf(world, which);
  const asks = command === "check" || command === "explain" ? [] : ["--run-dir", `${director.daemon.dir}/run`];
  const { stdout, stderr } = director.host.run(lbdBinary(), command, ...words, ...asks);
  return stdout + stderr;
}

function edit(world: LabWorld, words: readonly string[]): string {
  const at = words.indexOf("=>");
  const [before, after] = [words.slice(0, at).join(" "), words.slice(at + 1).join(" ")];
  if (at < 1) throw new Error("expected OLD => NEW");
  for (const { daemon } of world.directors) {
    const text = readFileSync(daemon.configPath, "utf8");
    if (!text.includes(before)) throw new Error(`the file has no ${before}`);
    writeFileSync(daemon.configPath, text.replaceAll(before, after));
  }
  return `${before} is ${after} now; reload takes it`;
}

function plug(isIn: boolean): Command["run"] {
  return (world, [which]) => {
    const i = numberOf(which, world.directors.length);
    world.lab.plug(directorOf(world, i).host, isIn);
    return `director ${i + 1} is ${isIn ? "plugged in" : "unplugged"}`;
  };
}

function directorOf({ directors }: LabWorld, which: number) {
  const director = directors[which];
  if (!director) throw new Error(`there are ${directors.length} directors`);
  return director;
}

function configOf(world: LabWorld, which: number): string {
  return directorOf(world, which).daemon.configPath;
}

/** From 1 as people count to 0. */
function numberOf(word: string | undefined, most: number): number {
  const number = Number(word);
  if (!Number.isInteger(number) || number < 1 || number > most) throw new Error(`expected a number of 1 to ${most}`);
  return number - 1;
}
