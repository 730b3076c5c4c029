// Process layer: what binding a configuration asks this machine for: its name, numbers of names, key files.
import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import { hostname } from "node:os";
import type { BindContext } from "../config/bind.ts";
import type { NameTable } from "../config/reader.ts";

/** In the order of iproute2: what the administrator wrote, then what the distribution did. */
const DIRECTORIES = ["/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2"];
const MAX_TABLE_BYTES = 1024 * 1024;
const MAX_KEY_FILE_BYTES = 4096;

/** Reads tables when they are first asked for, each time anew for a new context: a reload sees what changed. */
export function machineContext(): BindContext {
  const tables = new Map<NameTable, ReadonlyMap<string, number>>();
  return {
    hostName: hostname(),
    lookupName(table, name) {
      let names = tables.get(table);
      if (!names) {
        names = readNames(table);
        tables.set(table, names);
      }
      return names.get(name);
    },
    readKeyFile,
  };
}

function readNames(table: NameTable): ReadonlyMap<string, number> {
  if (table === "protocols") return namesFirst(readText("/etc/protocols"));
  for (const directory of DIRECTORIES) {
    const text = readText(`${directory}/${table}`);
    if (text !== "") return numbersFirst(text);
  }
  return new Map();
}

/** `254 main` a line, as in rt_tables; numbers may be hexadecimal. */
function numbersFirst(text: string): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const [number, name] of words(text))
    if (number && name && !Number.isNaN(Number(number))) names.set(name, Number(number));
  return names;
}

/** `tcp 6 TCP` a line, as in /etc/protocols: a name, its number, other names. */
function namesFirst(text: string): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const [name, number, ...others] of words(text))
    if (name && number && /^\d+$/.test(number)) for (const each of [name, ...others]) names.set(each, Number(number));
  return names;
}

function words(text: string): string[][] {
  return text.split("\n").map((line) => line.replace(/#.*/, "").trim().split(/\s+/));
}

function readText(path: string): string {
  try {
    const bytes = readFileSync(path);
    return bytes.byteLength > MAX_TABLE_BYTES ? "" : bytes.toString("utf8");
  } catch {
    return "";
  }
}

/** Only a regular file that nobody but its owner can read, and that belongs to us or root. */
function readKeyFile(path: string): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(fd);
    const owned = stats.uid === 0 || stats.uid === process.getuid?.();
    if (!stats.isFile() || !owned || (stats.mode & 0o077) !== 0 || stats.size > MAX_KEY_FILE_BYTES) return undefined;
    const bytes = new Uint8Array(stats.size);
    return bytes.subarray(0, readSync(fd, bytes, 0, bytes.byteLength, 0));
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
