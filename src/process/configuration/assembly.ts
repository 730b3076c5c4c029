// Process layer, child: puts the pieces of a share (shares.ts) together. What says the same is the same object as before, so that a role
// sees at a glance what does not; only where it stands is put right in it. Pure but for that.
import type { Config } from "../../config/model/config.ts";
import { adopt, moveLines } from "./places.ts";
import type { ListName, PieceLine } from "./shares.ts";

export interface Assembly {
  /** Takes a piece as shares.ts made it. @throws Error for anything else: both sides are the same program */
  take(piece: string): void;
  /** The share as it is now. @throws Error when no piece of a whole came */
  config(): Config;
}

type Lists = Readonly<Record<ListName, Map<string, unknown>>>;

export function createAssembly(): Assembly {
  let rest: Config | undefined;
  let lists = noLists();
  /** What is looked at while a whole comes anew. */
  let former: { readonly rest?: Config; readonly lists: Lists } | undefined;

  function put(list: ListName, key: string, value: unknown): void {
    lists[list].set(key, adopt((former?.lists ?? lists)[list].get(key), value));
  }

  function moveBehind(list: ListName, keys: readonly string[]): void {
    for (const key of keys) {
      const value = lists[list].get(key);
      lists[list].delete(key);
      lists[list].set(key, value);
    }
  }

  function takeLine(line: PieceLine): void {
    switch (line[0]) {
      case "whole":
        former = { ...(rest && { rest }), lists };
        lists = noLists();
        return;
      case "rest": {
        const next = adopt(former ? former.rest : rest, line[1]);
        if (!isConfig(next)) throw new Error("a configuration without its frame");
        rest = next;
        return;
      }
      case "put":
        put(line[1], line[2], line[3]);
        return;
      case "drop":
        lists[line[1]].delete(line[2]);
        return;
      case "moved":
        for (const value of lists[line[1]].values().drop(line[2]).take(line[3])) moveLines(value, line[4]);
        return;
      case "order":
        moveBehind(line[1], line[2]);
    }
  }

  return {
    take(piece) {
      const lines: readonly PieceLine[] = JSON.parse(piece);
      for (const line of lines) takeLine(line);
    },
    config() {
      former = undefined;
      if (!rest) throw new Error("no configuration came");
      const { virtualServers, instances, syncGroups, programs, served } = lists;
      const config: unknown = {
        ...rest,
        virtualServers: [...virtualServers.values()],
        vrrp: { ...rest.vrrp, instances: [...instances.values()], syncGroups: [...syncGroups.values()] },
        ...("programs" in rest && { programs: [...programs.values()] }),
        ...("served" in rest && { served: [...served.values()] }),
      };
      if (!isConfig(config)) throw new Error("a configuration without its frame");
      return config;
    },
  };
}

/** What is in it was bound by this program, and is typed there. */
function isConfig(value: unknown): value is Config {
  return typeof value === "object" && value !== null && "global" in value && "vrrp" in value && "bfd" in value;
}

function noLists(): Lists {
  return {
    virtualServers: new Map(),
    instances: new Map(),
    syncGroups: new Map(),
    programs: new Map(),
    served: new Map(),
  };
}
