// Process layer: what binding a configuration asks this machine for: its name, numbers of names, accounts, key files.
import {
  closeSync,
  constants,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  statSync,
} from "node:fs";
import { hostname } from "node:os";
import type { NameDirectories, NameTable } from "../../config/bind/reader.ts";
import type { BindContext } from "../../config/bind.ts";
import { findAccount, findGroup } from "../../kernel/accounts.ts";

/** What the administrator wrote, and where distributions put theirs. */
const ETC_DIRECTORY = "/etc/iproute2";
const USR_DIRECTORIES = ["/usr/share/iproute2", "/usr/lib/iproute2"];
const MAX_TABLE_BYTES = 1024 * 1024;
const MAX_KEY_FILE_BYTES = 4096;

/** Everything that binding may ask. */
export type MachineContext = BindContext & Required<Pick<BindContext, "lookupName" | "hasAccount" | "readKeyFile">>;

/** Reads tables when they are first asked for, each time anew for a new context: a reload sees what changed. */
export function machineContext(): MachineContext {
  const accounts = new Map<string, boolean>();
  const tables = new Map<string, ReadonlyMap<string, number>>();
  return {
    hostName: hostname(),
    lookupName(table, name, directories = {}) {
      const key = `${table} ${directories.etc} ${directories.usr}`;
      let names = tables.get(key);
      if (!names) {
        names = readNames(table, directories);
        tables.set(key, names);
      }
      return names.get(name);
    },
    hasAccount(kind, name) {
      const key = `${kind} ${name}`;
      const before = accounts.get(key);
      if (before !== undefined) return before;
      const found = kind === "user" ? findAccount(name).ok : findGroup(name) !== undefined;
      accounts.set(key, found);
      return found;
    },
    readKeyFile,
  };
}

/**
 * As iproute2 reads them: the administrator's file, else the distribution's; then the files of `rt_tables.d`, where one of the
 * administrator's hides the distribution's of the same name. Of two entries for a name the first counts.
 */
function readNames(table: NameTable, directories: NameDirectories): ReadonlyMap<string, number> {
  if (table === "protocols") return namesFirst(readText("/etc/protocols"));
  const etc = directories.etc ?? ETC_DIRECTORY;
  const usr = directories.usr ?? USR_DIRECTORIES.find((directory) => existsSync(directory)) ?? "";
  const own = readText(`${etc}/${table}`);
  const hidden = new Set(namesIn(`${etc}/${table}.d`));
  const texts = [
    own !== "" ? own : readText(`${usr}/${table}`),
    ...namesIn(`${usr}/${table}.d`)
      .filter((name) => !hidden.has(name))
      .map((name) => readText(`${usr}/${table}.d/${name}`)),
    ...[...hidden].map((name) => readText(`${etc}/${table}.d/${name}`)),
  ];
  const names = new Map<string, number>();
  for (const text of texts)
    for (const [name, number] of numbersFirst(text)) if (!names.has(name)) names.set(name, number);
  return names;
}

/** Files `*.conf` of a directory. */
function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory)
      .filter((name) => /^[^.].*\.conf$/.test(name))
      .sort();
  } catch {
    return [];
  }
}

/** `254 main` a line, as in rt_tables; numbers may be hexadecimal. */
function numbersFirst(text: string): readonly (readonly [string, number])[] {
  return words(text).flatMap(([number, name]) =>
    number && name && !Number.isNaN(Number(number)) ? [[name, Number(number)] as const] : [],
  );
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
    // A FIFO would never end.
    if (!statSync(path).isFile()) return "";
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
