// CLI: `--watch`: the same again every second. On a terminal it has a screen of its own, fits the rows, and leaves what was there.
import { takeSignal } from "../process/host/signals.ts";
import { print, write } from "./output.ts";

/** How often it looks. */
const EVERY_MS = 1000;
/** Alternate screen without a cursor, and back. */
const ENTER = "\u001b[?1049h\u001b[?25l";
const LEAVE = "\u001b[?25h\u001b[?1049l";
const HOME = "\u001b[H";
const CLEAR_LINE = "\u001b[K";
const CLEAR_BELOW = "\u001b[J";

/** Prints what `read` gives until it is interrupted, or `q` is pressed. */
export async function watch(read: () => Promise<string>, onScreen: boolean): Promise<void> {
  let stopped = false;
  let wake = () => {};
  const stop = () => {
    stopped = true;
    wake();
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) takeSignal(signal, stop);
  const screen = onScreen ? openScreen(stop) : undefined;
  try {
    while (!stopped) {
      const text = await read();
      if (stopped) break;
      if (screen) screen.show(text);
      else print(text);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  } finally {
    screen?.close();
  }
}

function openScreen(stop: () => void) {
  const { stdin, stdout } = process;
  let text = "";
  let top = 0;
  const draw = () => {
    const page = fit(text, stdout.rows ?? 24, top);
    ({ top } = page);
    write(page.output);
  };
  const onKey = (chunk: Buffer) => {
    const step = keyStep(chunk.toString("latin1"), (stdout.rows ?? 24) - 2);
    if (step === "quit") return stop();
    top = Math.max(0, top + step);
    draw();
  };
  write(ENTER);
  stdout.on("resize", draw);
  if (stdin.isTTY) {
    stdin.setRawMode(true);
    stdin.on("data", onKey);
    stdin.resume();
  }
  return {
    show(next: string) {
      text = next;
      draw();
    },
    close() {
      stdout.off("resize", draw);
      if (stdin.isTTY) {
        stdin.off("data", onKey);
        stdin.setRawMode(false);
        stdin.pause();
      }
      write(LEAVE);
    },
  };
}

/** What a key does: lines to move by, or the end. */
export function keyStep(key: string, page: number): number | "quit" {
  switch (key) {
    case "q":
    case "Q":
    case "\u0003":
    case "\u001b":
      return "quit";
    case "j":
    case "\u001b[B":
      return 1;
    case "k":
    case "\u001b[A":
      return -1;
    case " ":
    case "\u001b[6~":
      return page;
    case "b":
    case "\u001b[5~":
      return -page;
    case "g":
      return Number.NEGATIVE_INFINITY;
    case "G":
      return Number.MAX_SAFE_INTEGER;
    default:
      return 0;
  }
}

/** The lines from `top` on that fit, and below them where one is; nothing scrolls and nothing of before is left. */
export function fit(text: string, rows: number, top: number): { readonly output: string; readonly top: number } {
  const lines = text.replace(/\n$/, "").split("\n");
  const space = Math.max(1, rows - 1);
  const first = Math.max(0, Math.min(top, lines.length - space));
  const shown = lines.slice(first, first + space);
  const below = lines.length - first - shown.length;
  const parts = [...(first > 0 ? [`${first} above (k)`] : []), ...(below > 0 ? [`${below} below (j)`] : []), "q quits"];
  const page = [...shown, parts.join(", ")].map((line) => `${line}${CLEAR_LINE}`).join("\r\n");
  return { output: `${HOME}${page}${CLEAR_BELOW}`, top: first };
}
