// A process that takes rights as a configuration asks for them, one set after the other, and says after each how the kernel sees it.
// Argument: a JSON list of ProcessRights.
import { readFileSync } from "node:fs";
import { openRights } from "../../src/kernel/rights.ts";
import { kernelView } from "./kernel-view.ts";

const logged: string[] = [];
const take = openRights("checker", (line) => logged.push(line.message));
const views = JSON.parse(process.argv[2] ?? "[]").map((rights: Parameters<typeof take>[0]) => {
  take(rights);
  return kernelView("self");
});
console.log(
  JSON.stringify({
    views,
    logged,
    files: /Max open files +(\S+)/.exec(readFileSync("/proc/self/limits", "utf8"))?.[1],
  }),
);
