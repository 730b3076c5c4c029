// Dump core: keepalived_parent.data, the dump of the parent: what is global, and no more.
import type { Config } from "../config/model/config.ts";
import { globalLines } from "./global.ts";
import { type AccountOf, text } from "./words.ts";

export function parentDump(config: Config, accountOf: AccountOf): Iterable<string> {
  return text(globalLines("parent", config, accountOf));
}
