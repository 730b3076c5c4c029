// Role vrrp: files whose number instances track.
import type { Config } from "../../config/model/config.ts";
import type { FileWatches } from "../../kernel/file-watch.ts";
import { writeRegular } from "../../kernel/regular-file.ts";
import type { Fact } from "../../vrrp/track.ts";
import { trackFileValue } from "../../vrrp/track-value.ts";
import { named, type TrackedKind, type TrackerPorts, uses } from "./tracked.ts";

export function trackFiles(ports: TrackerPorts, changed: () => void): TrackedKind {
  const { clock, log } = ports;
  const files = new Map<string, { readonly path: string; fact: Fact; close(): void }>();
  let watches: FileWatches | undefined;

  function configure(config: Config): void {
    const used = uses(config, "files");
    const wanted = new Map(config.vrrp.files.filter((file) => used.has(file.name)).map((file) => [file.name, file]));
    for (const [name, watched] of files) {
      if (wanted.get(name)?.path === watched.path) continue;
      watched.close();
      files.delete(name);
    }
    for (const file of wanted.values()) {
      if (files.has(file.name)) continue;
      if (file.initFile) initFile(file.path, file.initFile);
      watches ??= ports.openFiles();
      const entry = {
        path: file.path,
        fact: { up: true, value: 0, detail: "not read yet", since: clock.now() } as Fact,
        close: () => {},
      };
      files.set(file.name, entry);
      let first = true;
      const watch = watches.watch(file.path, (text) => {
        const value = text === undefined ? 0 : trackFileValue(text);
        entry.fact = { up: true, value, detail: text === undefined ? "does not exist" : "", since: clock.now() };
        if (!first) changed();
      });
      first = false;
      entry.close = () => watch.close();
    }
  }

  function initFile(path: string, init: { readonly value: number; readonly overwrite: boolean }): void {
    try {
      writeRegular(path, `${init.value}\n`, { overwrite: init.overwrite, mode: 0o644 });
    } catch (error) {
      const code = error instanceof Error ? ("code" in error ? String(error.code) : error.message) : String(error);
      if (code !== "EEXIST")
        log({ level: "warning", area: "vrrp", message: `init_file: ${path} can't be written: ${code}` });
    }
  }

  return {
    facts: () => [...files].map(([name, { fact }]) => named("file", name, fact)),
    configure,
    stop() {
      for (const entry of files.values()) entry.close();
      watches?.[Symbol.dispose]();
    },
  };
}
