// Role checker: with `nftables_ipvs` groups of addresses are served by mark. Keeps the packet filter's tables as the configuration
// wants them; where the kernel has no such filter, every address is a service of its own, as without the setting.
import { SyscallError } from "../../../ffi/errno.ts";
import type { Log } from "../../base/log.ts";
import type { Config } from "../../config/model/config.ts";
import type { GroupMarkTables } from "../../kernel/nft-groups.ts";
import { markGroups } from "../../lvs/group-marks.ts";
import type { MarkedAddress, MarkSettings } from "../../net/nft-ipvs.ts";

export interface GroupMarker {
  /** The configuration to work by. */
  mark(config: Config): Config;
  audit(): void;
  /** `remove`: the tables go, too. */
  stop(remove: boolean): void;
}

export type OpenGroupMarkTables = (settings: MarkSettings, namespace: string | undefined) => GroupMarkTables;

export function createGroupMarker(open: OpenGroupMarkTables, log: Log): GroupMarker {
  let tables: GroupMarkTables | undefined;
  let marks: ReadonlyMap<string, number> = new Map();

  /** Why it could not be done. */
  function trySet(config: Config, marked: readonly MarkedAddress[]): string | undefined {
    const { nftablesIpvsTable: table = "", nftablesIpvsPriority: priority = -1 } = config.global.lvs;
    try {
      tables ??= open({ table, priority }, config.global.netNamespaceIpvs);
      return tables.set(marked)?.message;
    } catch (error) {
      if (error instanceof SyscallError) return error.message;
      throw error;
    }
  }

  return {
    mark(config) {
      if (config.global.lvs.nftablesIpvsTable === undefined) return config;
      const next = markGroups(config, marks);
      const problem = trySet(config, next.marked);
      if (problem === undefined) {
        marks = next.marks;
        return next.config;
      }
      const message = `${problem}; without nftables_ipvs each address of a group is a service of its own`;
      log({ level: "error", area: "ipvs", message });
      return config;
    },
    audit() {
      if (!tables?.audit()) return;
      log({ level: "warning", area: "ipvs", message: "drift: the table of nftables_ipvs was missing, made again" });
    },
    stop(remove) {
      const failure = remove ? tables?.remove() : undefined;
      if (failure) log({ level: "error", area: "ipvs", message: failure.message });
      tables?.[Symbol.dispose]();
      tables = undefined;
    },
  };
}
