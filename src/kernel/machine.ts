// Adapter: what this machine has, for findings about a configuration: interfaces of this network namespace, modules of this kernel.
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { interfaceIndex } from "../../ffi/socket.ts";
import type { Machine } from "../config/semantics/here.ts";

export function thisMachine(): Machine {
  let known: string | undefined;
  return {
    // kernel: `eth0:1`, the label of an address, has the index of eth0.
    hasInterface: (name) => !name.includes(":") && interfaceIndex(name) !== undefined,
    hasModule(name) {
      if (existsSync(`/sys/module/${name}`)) return true;
      known ??= ["modules.dep", "modules.builtin"]
        .map((file) => textOf(`/lib/modules/${release()}/${file}`))
        .join("\n");
      // File names may have - where the module's name has _.
      const pattern = name.replaceAll("_", "[-_]");
      return new RegExp(`(?:^|/)${pattern}\\.ko\\b`, "m").test(known);
    },
  };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
