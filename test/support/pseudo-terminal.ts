// A terminal for tests: a pseudo terminal of the kernel (pty(7)) and what somebody before it would see. It knows what our console sends:
// cursor, clearing, scrolling regions, colours.
import { close, O_NONBLOCK, O_RDWR, open, read, write } from "../../ffi/fd.ts";
import { ioctl } from "../../ffi/ioctl.ts";

const TIOCGPTN = 0x8004_5430;
const TIOCSPTLCK = 0x4004_5431;
const TIOCSWINSZ = 0x5414;

export interface PseudoTerminal {
  /** The device that a program opens. */
  readonly path: string;
  /** Lines as they are seen at this moment, without blanks at their ends. */
  screen(): readonly string[];
  type(keys: string): void;
  close(): void;
}

export function openPseudoTerminal(rows: number, columns: number): PseudoTerminal {
  const master = open("/dev/ptmx", O_RDWR | O_NONBLOCK);
  ioctl(master, TIOCSPTLCK, new Uint8Array(4));
  const number = new Uint8Array(4);
  ioctl(master, TIOCGPTN, number);
  ioctl(master, TIOCSWINSZ, new Uint8Array(Uint16Array.of(rows, columns, 0, 0).buffer));
  const view = createScreenReader(rows, columns);
  const decoder = new TextDecoder();
  const take = () => {
    const bytes = new Uint8Array(65_536);
    for (;;) {
      let count: number | undefined;
      try {
        count = read(master, bytes);
      } catch {
        // EIO: the program has closed its end.
        return;
      }
      if (!count) return;
      view.take(decoder.decode(bytes.subarray(0, count), { stream: true }));
    }
  };
  return {
    path: `/dev/pts/${new DataView(number.buffer).getUint32(0, true)}`,
    screen() {
      take();
      return view.lines();
    },
    type: (keys) => void write(master, Buffer.from(keys)),
    close: () => close(master),
  };
}

function createScreenReader(rows: number, columns: number) {
  let cells = blank();
  let [row, column] = [0, 0];
  let saved: readonly [number, number] = [0, 0];
  let [top, bottom] = [0, rows - 1];
  let rest = "";

  function blank() {
    return Array.from({ length: rows }, () => Array<string>(columns).fill(" "));
  }

  function newline() {
    if (row !== bottom) {
      row = Math.min(rows - 1, row + 1);
      return;
    }
    cells.splice(top, 1);
    cells.splice(bottom, 0, Array<string>(columns).fill(" "));
  }

  function control(parameters: string, letter: string) {
    const [first = 0, second = 0] = parameters.split(";").map(Number);
    if (letter === "H") [row, column] = [Math.max(1, first) - 1, Math.max(1, second) - 1];
    else if (letter === "K") cells[row]?.fill(" ", column);
    else if (letter === "J" && first === 2) cells = blank();
    else if (letter === "r") {
      [top, bottom] = [(first || 1) - 1, (second || rows) - 1];
      [row, column] = [0, 0];
    } else if (letter !== "m") throw new Error(`a sequence that this terminal does not know: ${parameters}${letter}`);
  }

  return {
    take(text: string) {
      rest += text;
      while (rest !== "") {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for.
        const sequence = /^\u001b(?:\[([\d;]*)([A-Za-z])|([78]))/.exec(rest);
        if (rest.startsWith("\u001b") && !sequence) {
          if (rest.length > 16) throw new Error("an escape sequence that this terminal does not know");
          return;
        }
        if (sequence) {
          const [whole, parameters = "", letter, single] = sequence;
          if (letter !== undefined) control(parameters, letter);
          else if (single === "7") saved = [row, column];
          else [row, column] = saved;
          rest = rest.slice(whole.length);
          continue;
        }
        const [character = ""] = rest;
        rest = rest.slice(character.length);
        if (character === "\r") column = 0;
        else if (character === "\n") newline();
        else {
          const line = cells[row];
          if (line && column < columns) line[column] = character;
          column++;
        }
      }
    },
    lines: () => cells.map((line) => line.join("").trimEnd()),
  };
}
