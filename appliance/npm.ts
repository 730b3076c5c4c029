// Appliance: npm's packages that are compiled into the program.
import { readFileSync } from "node:fs";
import { join } from "node:path";

export interface NpmPackage {
  readonly name: string;
  readonly version: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
}

/** package.json of a folder. */
export function npmPackage(folder: string): NpmPackage {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

/** Everything that the code may import at run time, with what that needs in turn. */
export function runtimePackages(repository: string): Set<string> {
  const found = new Set<string>();
  const visit = ({ dependencies = {} }: NpmPackage) => {
    for (const name of Object.keys(dependencies)) {
      // An addon's helpers are installed with netlink and never imported.
      if (found.has(name) || name.startsWith("node-")) continue;
      found.add(name);
      visit(npmPackage(join(repository, "node_modules", name)));
    }
  };
  visit(npmPackage(repository));
  return found;
}
