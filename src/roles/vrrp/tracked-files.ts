// Role vrrp: files whose number instances track.
import type { Config } from "../../config/model/config.ts";
import type { FileWatches } from "../../kernel/file-watch.ts";
import type { Fact } from "../../vrrp/track.ts";
import { trackFileValue } from "../../vrrp/track-value.ts";
import type { WantedFile } from "../programs/files.ts";
import { named, type TrackedKind, type TrackerPorts, uses } from "./tracked.ts";

export interface TrackedFiles extends TrackedKind {
  /** Has files read that a configuration tracks, before it is taken; undefined when all is known. */
  prepare(config: Config): Promise<void> | undefined;
}

/** What a role that starts asks for: nothing is watched yet. */
export function prepareFiles(ports: Pick<TrackerPorts, "prepareFiles">, config: Config): Promise<void> | undefined {
  return ports.prepareFiles(wantedFiles(config, () => undefined));
}

function wantedFiles(config: Config, pathOf: (name: string) => string | undefined): readonly WantedFile[] {
  const used = uses(config, "files");
  return config.vrrp.files
    .filter(({ name }) => used.has(name))
    .map(({ name, path, initFile }) => ({ path, init: initFile !== undefined && pathOf(name) !== path }));
}

export function trackFiles(ports: TrackerPorts, changed: () => void): TrackedFiles {
  const { clock } = ports;
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

  return {
    facts: () => [...files].map(([name, { fact }]) => named("file", name, fact)),
    configure,
    prepare: (config) => ports.prepareFiles(wantedFiles(config, (name) => files.get(name)?.path)),
    stop() {
      for (const entry of files.values()) entry.close();
      watches?.[Symbol.dispose]();
    },
  };
}
