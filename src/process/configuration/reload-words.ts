// Process layer, parent: what global_defs says of reloads: at which time one comes by itself (`reload_time_file`, `reload_repeat`), the file
// that is there while the configuration is being read (`reload_file`), and where what was found in it goes (`reload_check_config`).
import type { Cancel, Clock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Log } from "../../base/log.ts";
import type { GlobalConfig } from "../../config/model/global.ts";
import { readReloadTime } from "./reload-time.ts";

/** The wall clock may be set meanwhile: so often it is looked at again. */
const LOOK_AGAIN_MS = 60_000;

export type ReloadSettings = GlobalConfig["reload"];

export interface ReloadWordsPorts {
  readonly clock: Clock;
  readonly log: Log;
  /** Where a `reload_file` without a path is: where the daemon's pid file would be. */
  readonly directory: string;
  /** Calls back with the text at the start of a file, now and at each change; undefined: there is none. The answer ends it. */
  watch(path: string, onText: (text: string | undefined) => void): () => void;
  /** Makes an empty regular file, or empties one. @throws Error */
  make(path: string): void;
  /** @throws Error */
  append(path: string, text: string): void;
  /** Nothing happens when it is not there. @throws Error for what is no regular file */
  remove(path: string): void;
  reload(): void;
}

export interface ReloadWords {
  /** These are in force from now on. */
  keep(settings: ReloadSettings): void;
  /** The files are about to be read. */
  reading(): void;
  /** They have been read; what was found, a line each. */
  read(findings: readonly string[]): void;
  stop(): void;
}

export function createReloadWords(ports: ReloadWordsPorts): ReloadWords {
  const { clock, log } = ports;
  let settings: ReloadSettings = { checkConfig: false, repeat: false };
  let endWatch = () => {};
  let watched: string | undefined;
  let cancel: Cancel = () => {};
  /** While the files are read: what settings may change meanwhile. */
  let mark: string | undefined;
  let isFirst = true;

  function follow(path: string | undefined): void {
    if (path === watched) return;
    endWatch();
    cancel();
    watched = path;
    endWatch = path === undefined ? () => {} : ports.watch(path, schedule);
  }

  function schedule(text: string | undefined): void {
    cancel();
    cancel = () => {};
    if (text === undefined || watched === undefined) return;
    const line = text.split("\n", 1)[0] ?? "";
    const time = readReloadTime(line, clock.wallMs());
    if (time.kind !== "at") {
      const reason =
        time.kind === "past" ? "is in the past" : "is no time: [YYYY-MM-DD ]HH:MM:SS with or without a Z is one";
      warn(`reload_time_file ${watched}: ${JSON.stringify(line)} ${reason}; no reload is planned`);
      return;
    }
    log({ level: "info", area: "config", message: `a reload is planned for ${new Date(time.wallMs).toISOString()}` });
    waitFor(time.wallMs, text);
  }

  function waitFor(wallMs: number, text: string): void {
    const left = wallMs - clock.wallMs();
    cancel = clock.at(clock.now() + Math.min(Math.max(0, left), LOOK_AGAIN_MS), () => {
      if (clock.wallMs() < wallMs) waitFor(wallMs, text);
      else due(text);
    });
  }

  function due(text: string): void {
    cancel = () => {};
    const path = watched;
    if (path === undefined) return;
    if (settings.repeat) schedule(text);
    else removeFile(path);
    ports.reload();
  }

  function pathOf(file: string): string {
    return file === "" ? `${ports.directory}/keepalived.reload` : file;
  }

  function removeFile(path: string): void {
    attempt(() => ports.remove(path));
  }

  function attempt(run: () => void): void {
    try {
      run();
    } catch (error) {
      warn(messageOf(error));
    }
  }

  function warn(message: string): void {
    log({ level: "warning", area: "config", message });
  }

  return {
    keep(next) {
      settings = next;
      // One that ended while it read left it there.
      if (isFirst && next.file !== undefined) removeFile(pathOf(next.file));
      isFirst = false;
      follow(next.timeFile);
    },
    reading() {
      const { file } = settings;
      if (file === undefined) return;
      const path = pathOf(file);
      attempt(() => {
        ports.make(path);
        mark = path;
      });
    },
    read(findings) {
      const { checkLog } = settings;
      if (checkLog !== undefined && findings.length > 0)
        attempt(() => ports.append(checkLog, `${findings.join("\n")}\n`));
      const path = mark;
      mark = undefined;
      if (path !== undefined) removeFile(path);
    },
    stop: () => follow(undefined),
  };
}
