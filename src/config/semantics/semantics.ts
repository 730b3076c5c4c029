// Config core: rules across blocks, looked at when the whole configuration is read, so that no order of lines matters
// (language.md §12). What keepalived finds too is an error here; what it passes in silence is a warning.

import type { Findings } from "../findings/findings.ts";
import type { Config } from "../model/config.ts";
import type { Statement } from "../text/tree.ts";
import { valueSpan } from "../text/tree.ts";
import type { BoundGlobal, BoundTop } from "../to-model/global.ts";
import { checkWhatCantWork } from "./cannot-work.ts";
import { checkInstances, checkTrackGroups } from "./instances.ts";
import { checkServices, NONE } from "./services.ts";
import type { Named } from "./unique.ts";

export function checkAcrossBlocks(top: BoundTop, global: BoundGlobal, config: Config, findings: Findings): void {
  checkServices(top, config, findings);
  checkInstances(top, config, findings);
  checkFifos(global, findings);
  checkTrackGroups(top, config, findings);
  checkUnused(top, findings);
  checkWhatCantWork(top, findings);
}

// --- the rest

/** Two writers on one pipe mix their lines; keepalived does not notice. */
function checkFifos(global: BoundGlobal, findings: Findings): void {
  const seen = new Map<string, Statement>();
  for (const entry of [global.notify_fifo, global.vrrp_notify_fifo, global.lvs_notify_fifo]) {
    if (!entry) continue;
    const before = seen.get(entry.value.path);
    if (!before) seen.set(entry.value.path, entry.statement);
    else
      findings.add("warning", valueSpan(entry.statement), {
        code: "shared-fifo",
        message: `${entry.statement.words[0].text} writes to the pipe of ${before.words[0].text} (${entry.value.path})`,
        related: [{ span: valueSpan(before), message: "used here first" }],
      });
  }
}

/** Definitions that nothing refers to: mostly a name that is spelt in two ways. */
function checkUnused(top: BoundTop, findings: Findings): void {
  const used = {
    groups: new Set<string>(),
    scripts: new Set<string>(),
    files: new Set<string>(),
    processes: new Set<string>(),
  };
  for (const server of top.virtual_server ?? []) {
    if (server.value.kind === "group") used.groups.add(server.value.name);
    for (const real of server.block.real_server ?? NONE)
      for (const check of real.block.FILE_CHECK ?? NONE)
        if (check.block.track_file) used.files.add(check.block.track_file.value);
  }
  for (const { block } of [...(top.vrrp_instance ?? []), ...(top.vrrp_sync_group ?? [])]) {
    const names = [
      [block.track_script, used.scripts],
      [block.track_file, used.files],
      [block.track_process, used.processes],
    ] as const;
    for (const [entries, set] of names)
      for (const entry of entries ?? []) for (const line of entry.lines) set.add(line.value.name);
  }
  const report = (entries: readonly Named[] | undefined, names: ReadonlySet<string>) => {
    for (const { value: name, statement } of entries ?? []) {
      if (!names.has(name))
        findings.add("warning", valueSpan(statement), {
          code: "unused-definition",
          message: `${statement.words[0].text} ${name} is not used`,
        });
    }
  };
  report(top.virtual_server_group, used.groups);
  report(top.vrrp_script, used.scripts);
  report(top.track_file, used.files);
  report(top.vrrp_track_process, used.processes);
}
