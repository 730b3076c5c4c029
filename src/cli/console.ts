// CLI: `lbd appliance console`, the screen and the menu at the machine itself. It is a client of the machine's and the director's APIs and
// nothing more: when it ends nothing else does. Below the screen the log goes on.
import { readFileSync } from "node:fs";
import { defineCommand } from "citty";
import { isLive } from "../appliance/console/picture.ts";
import {
  frame,
  keysOf,
  LEAVE,
  type MenuAction,
  press,
  STATUS,
  screenLines,
  screenRows,
  type View,
} from "../appliance/console/screen.ts";
import { messageOf } from "../base/errors.ts";
import { openTerminal, type Terminal } from "../kernel/terminal.ts";
import { DEFAULT_RUN_DIR } from "../process/host/places.ts";
import { takeSignal } from "../process/host/signals.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { ask } from "./client.ts";
import { type ConsoleSource, consoleSource } from "./console-source.ts";
import { installDisks, installTo } from "./install.ts";
import { testNetwork } from "./network-test.ts";
import { appliancePeer, directorPeer } from "./peer.ts";
import { complain } from "./terminal.ts";

const KEY_LOOK_MS = 100;
const DRAW_EVERY_MS = 1000;
/** Somebody may have plugged a terminal in that knows nothing of the screen. */
const ANEW_EVERY = 30;
/** Lines that a screen may have; a low terminal has fewer. */
const MAX_SCREEN_ROWS = 40;
const ACTIVE_CONSOLES = "/sys/class/tty/console/active";

export const consoleCommand = defineCommand({
  meta: {
    name: "lbd appliance console",
    description: "The screen and menu of an appliance, on terminals of the machine",
  },
  args: {
    terminal: {
      type: "positional",
      required: true,
      valueHint: "DEVICE[:BAUD]",
      description: "Terminals to draw on, such as /dev/ttyS0:115200; one that is not there is left out",
    },
    "run-dir": { type: "string", valueHint: "DIR", default: DEFAULT_RUN_DIR, description: "Of the director" },
    socket: { type: "string", valueHint: "PATH", default: "", description: "Of the machine's API" },
  },
  run: async ({ args }) => {
    const { APPLIANCE_SOCKET } = await import("../process/appliance/api.ts");
    const machine = appliancePeer(args.socket === "" ? APPLIANCE_SOCKET : args.socket);
    const screens = args._.flatMap((word) => openScreen(word));
    if (screens.length === 0) return complain("none of these terminals can be opened", ASK_EXIT.failed);
    const source = consoleSource(machine, directorPeer(args["run-dir"]), (line) => {
      for (const screen of screens) screen.log(line);
    });
    const act = (action: MenuAction) => {
      if (action === "test-network") return testNetwork();
      if (typeof action === "object") return installTo(action.install);
      if (action === "list-disks") return undefined;
      void ask(machine, `/v1/appliance/${action}`, "POST");
      return undefined;
    };
    await new Promise<void>((resolve) => {
      for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) takeSignal(signal, resolve);
      setInterval(() => {
        for (const screen of screens) screen.look(source, act);
      }, KEY_LOOK_MS);
      setInterval(() => {
        for (const screen of screens) screen.draw(source);
      }, DRAW_EVERY_MS);
    });
    for (const screen of screens) screen.close();
  },
});

interface Screen {
  /** Takes keys. */
  look(source: ConsoleSource, act: (action: MenuAction) => AsyncIterable<string> | undefined): void;
  draw(source: ConsoleSource): void;
  log(line: string): void;
  close(): void;
}

/** Empty where the device is not there or no line is behind it: a machine without a serial port is none that fails. */
function openScreen(word: string): Screen[] {
  const [, path = word, baud] = /^(.*):(\d+)$/.exec(word) ?? [];
  const name = path.replace("/dev/", "");
  const active = activeConsoles();
  try {
    // The kernel has set the speed of its own ones.
    const terminal = openTerminal(path, baud === undefined || active.includes(name) ? undefined : Number(baud));
    const last = active.at(-1) ?? "";
    return [createScreen(terminal, name !== last && !(last === "tty0" && /^tty\d+$/.test(name)))];
  } catch {
    return [];
  }
}

function activeConsoles(): readonly string[] {
  try {
    return readFileSync(ACTIVE_CONSOLES, "utf8").trim().split(" ");
  } catch {
    return [];
  }
}

/** @param showsLog the log does not come to this terminal by itself, as it does to /dev/console */
function createScreen(terminal: Terminal, showsLog: boolean): Screen {
  let view: View = STATUS;
  let drawn: { readonly height: number; readonly rows: number } | undefined;
  let count = 0;
  let test = 0;

  function draw(source: ConsoleSource): void {
    const picture = source.picture();
    if (!picture) return;
    const { rows, columns } = terminal.size();
    const size = { columns, nowWallMs: Date.now(), colour: true };
    const lines = screenLines(picture, view, { ...size, rows: screenRows(rows, view, MAX_SCREEN_ROWS) });
    // The screen keeps its height where it can: a change of it takes the log away.
    const height = view.kind === "log" ? 1 : Math.max(lines.length, drawn?.rows === rows ? drawn.height : 0);
    const padded = [...lines.slice(0, -1), ...Array<string>(height - lines.length).fill(""), lines.at(-1) ?? ""];
    const isFirst = drawn?.height !== height || drawn.rows !== rows || count++ % ANEW_EVERY === 0;
    drawn = { height, rows };
    terminal.write(frame(padded, rows, isFirst));
    if (isFirst) for (const line of source.lines(rows - height)) terminal.write(`${cut(line, columns)}\r\n`);
  }

  async function show(lines: AsyncIterable<string>, mine: number): Promise<void> {
    const shown: string[] = [];
    try {
      for await (const line of lines) {
        shown.push(line);
        tellView(shown, mine, false);
      }
    } catch (error) {
      shown.push(messageOf(error));
    }
    tellView(shown, mine, true);
  }

  function tellView(lines: readonly string[], mine: number, done: boolean): void {
    if (test === mine && (view.kind === "network" || view.kind === "install"))
      view = { kind: view.kind, lines: [...lines], done };
  }

  return {
    draw,
    look(source, act) {
      const keys = keysOf(terminal.keys());
      if (keys.length === 0) return;
      const picture = source.picture();
      for (const key of keys) {
        const pressed = press(view, key, picture !== undefined && isLive(picture));
        if (pressed.view.kind !== view.kind) drawn = undefined;
        ({ view } = pressed);
        if (pressed.action === "list-disks" && view.kind === "disks") view = { ...view, disks: installDisks() };
        const lines = pressed.action && act(pressed.action);
        if (lines) void show(lines, ++test);
      }
      draw(source);
    },
    log(line) {
      if (showsLog) terminal.write(`${cut(line, terminal.size().columns)}\r\n`);
    },
    close() {
      terminal.write(LEAVE);
      terminal.close();
    },
  };
}

function cut(line: string, columns: number): string {
  return line.length < columns ? line : `${line.slice(0, columns - 2)}…`;
}
