// Process layer: what binding asks of this machine: its name, the numbers that iproute2's tables give to names, and key files.
import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { hostname } from "node:os";
import type { BindContext, NameTable } from "../config/reader.ts";

/** Directories that iproute2 looks in; the administrator's comes first. */
const TABLE_DIRECTORIES = ["/etc/iproute2", "/usr/share/iproute2", "/usr/lib/iproute2"];
/** A key has 64 bytes at most, in hexadecimal digits 128. */
const MAX_KEY_FILE_BYTES = 1024;

/** A context for one reading: tables are read once, when the first name is asked for. */
export function machineContext(): BindContext {
  const tables = new Map<NameTable, ReadonlyMap<string, number>>();
  return {
    hostName: hostname(),
    lookupName(table, name) {
      let names = tables.get(table);
      if (!names) {
        names = table === "protocols" ? readProtocols() : readTable(table);
        tables.set(table, names);
      }
      return names.get(name);
    },
    readKeyFile,
  };
}

/** `NUMBER NAME` lines of `TABLE` and of the files in `TABLE.d`. */
function readTable(table: NameTable): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const directory of TABLE_DIRECTORIES) {
    for (const file of [`${directory}/${table}`, ...confFiles(`${directory}/${table}.d`)])
      for (const [number, name] of fieldsOf(file)) {
        const value = Number(number);
        if (name !== undefined && Number.isInteger(value) && !names.has(name)) names.set(name, value);
      }
  }
  return names;
}

/** `NAME NUMBER ALIAS …` lines. */
function readProtocols(): ReadonlyMap<string, number> {
  const names = new Map<string, number>();
  for (const [name, number, ...aliases] of fieldsOf("/etc/protocols"))
    for (const each of [name, ...aliases])
      if (each !== undefined && number !== undefined && !names.has(each)) names.set(each, Number(number));
  return names;
}

function confFiles(directory: string): string[] {
  try {
    return readdirSync(directory)
      .filter((name) => name.endsWith(".conf"))
      .sort()
      .map((name) => `${directory}/${name}`);
  } catch {
    return [];
  }
}

function fieldsOf(file: string): string[][] {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch {
    return [];
  }
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return lines.filter(Boolean).map((line) => line.split(/\s+/));
}

/** Content of a regular file that only its owner may touch, without its line end; undefined for any other. */
function readKeyFile(path: string): Uint8Array | undefined {
  let fd: number;
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch {
    return undefined;
  }
  try {
    const stats = fstatSync(fd);
    const owner = stats.uid === 0 || stats.uid === process.getuid?.();
    if (!stats.isFile() || !owner || (stats.mode & 0o077) !== 0) return undefined;
    const buffer = new Uint8Array(MAX_KEY_FILE_BYTES);
    const count = readSync(fd, buffer, 0, buffer.byteLength, 0);
    return buffer.subarray(0, count > 0 && buffer[count - 1] === 10 ? count - 1 : count);
  } catch {
    return undefined;
  } finally {
    closeSync(fd);
  }
}
