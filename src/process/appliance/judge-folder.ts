// Process layer, appliance: judges a configuration folder as the image will read it, wherever the folder lies: on a laptop, on a mounted
// stick, in what a call of the API sent. Includes and programs by the image's paths are looked for in the folder.
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { isAbsolute, join, relative } from "node:path";
import { crossCheck } from "../../appliance/cross-check.ts";
import { IMAGE_ACCOUNTS, insideFolder, interpreterOf, isProgram, programOfImage } from "../../appliance/image.ts";
import type { ConfigFiles } from "../../config/expand/include.ts";
import type { Diagnostic } from "../../config/findings/diagnostic.ts";
import { arrange } from "../../config/findings/render.ts";
import { didYouMean } from "../../config/findings/suggest.ts";
import { type LoadResult, loadConfig } from "../../config/load.ts";
import type { Command } from "../../config/model/command.ts";
import { missingInterfaces } from "../../config/semantics/here.ts";
import { type ProgramVerdict, programFindings, usablePart } from "../../config/semantics/programs.ts";
import { spanAt } from "../../config/text/source-lines.ts";
import { machineContext } from "../configuration/bind-context.ts";
import { readAnyRegularFile } from "../configuration/files.ts";
import { readBudget } from "../configuration/read-budget.ts";
import { APPLIANCE_YAML, type Folder, KEEPALIVED_CONF, NETWORK_YAML, readFolder } from "./configuration.ts";

export interface JudgedFolder {
  readonly folder: Folder;
  /** keepalived.conf with the findings of all three files, in the order of files and lines. */
  readonly loaded: LoadResult;
}

/** @param named whether findings name files with the folder before them; else by their names alone. Never throws. */
export function judgeFolder(path: string, options: { readonly named: boolean }): JudgedFolder {
  const called = (name: string) => (options.named ? join(path, name) : name);
  const folder = readFolder(path, called);
  const loaded = loadConfig(
    {
      paths: [called(KEEPALIVED_CONF)],
      env: IMAGE_ENVIRONMENT,
      random: Math.random,
      spent: readBudget(),
      context: {
        ...machineContext(),
        hostName: folder.settings.hostname,
        hasAccount: (kind, name) => (IMAGE_ACCOUNTS[kind] as readonly string[]).includes(name),
      },
    },
    folderFiles(path, options.named),
  );
  const { network, settings } = folder;
  const sources = [...folder.sources, ...loaded.sources];
  const { config, told } = usablePart(loaded.config, (command) => judgeProgram(path, command));
  const names = network.links.map(({ name }) => name);
  const machine = {
    called: NETWORK_YAML,
    hasInterface: (name: string) => name === "lo" || names.includes(name),
    hasModule: () => true,
    interfaceHint: (name: string) =>
      didYouMean(name, names) ?? `describe it in ${NETWORK_YAML}: nothing else brings it up`,
  };
  const found = [
    ...missing(path, folder, called),
    ...folder.findings,
    ...loaded.diagnostics,
    ...programFindings(told, sources),
    ...missingInterfaces(config, machine, sources).map((one): Diagnostic => {
      // Elsewhere a link may come later; here only network.yaml makes one.
      return config.vrrp.global.dynamicInterfaces === "no" ? { ...one, severity: "error" } : one;
    }),
    ...crossCheck({
      config,
      network,
      settings,
      spanAt: (origin) => spanAt(origin, sources),
      hasFile: (name) => isFile(join(path, name)),
    }),
  ];
  const diagnostics = arrange(found, sources);
  return {
    folder,
    loaded: {
      ...loaded,
      config,
      diagnostics,
      sources,
      files: [...new Set(sources.map(({ name }) => name))],
      errors: diagnostics.some(({ severity }) => severity === "error"),
      unreadable: !existsSync(path),
    },
  };
}

/** appliance/init.c. */
const IMAGE_ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/run", TERM: "linux" };

function missing(path: string, { missing }: Folder, called: (name: string) => string): Diagnostic[] {
  if (!existsSync(path)) return [{ severity: "error", code: "file-missing", message: `no such folder (${path})` }];
  const found: Diagnostic[] = [];
  if (missing.includes(NETWORK_YAML))
    found.push({
      severity: "error",
      code: "file-missing",
      message: `no such file (${called(NETWORK_YAML)}): no link is brought up without it`,
    });
  if (missing.includes(APPLIANCE_YAML))
    found.push({
      severity: "note",
      code: "file-missing",
      message: `no such file (${called(APPLIANCE_YAML)}): the machine is called lbd, and its API answers on loopback only`,
    });
  return found;
}

/** Files of the folder, also by the names that they have in a running machine. What lies elsewhere is not in the image. */
function folderFiles(folder: string, named: boolean): ConfigFiles {
  const placed = (path: string) => {
    const inside = insideFolder(path) ?? (named ? relative(folder, path) : path);
    return isAbsolute(inside) || inside.split("/")[0] === ".." ? undefined : join(folder, inside);
  };
  return {
    read(path, maxBytes) {
      const place = placed(path);
      return place === undefined ? { ok: false, error: { kind: "missing" } } : readAnyRegularFile(place, maxBytes);
    },
    list(directory) {
      const place = placed(directory);
      try {
        return place === undefined ? undefined : readdirSync(place);
      } catch {
        return undefined;
      }
    },
    exists(path) {
      const place = placed(path);
      return place !== undefined && existsSync(place);
    },
    resolve(path) {
      try {
        return realpathSync(placed(path) ?? path);
      } catch {
        return path;
      }
    },
  };
}

function judgeProgram(folder: string, { argv: [program = ""] }: Command): ProgramVerdict | undefined {
  const inside = insideFolder(program);
  if (inside === undefined) {
    if (programOfImage(program) !== undefined) return undefined;
    return {
      kind: "absent",
      reason: `the image has no ${program}; programs lie in the folder, as /etc/keepalived/NAME`,
    };
  }
  const path = join(folder, inside);
  if (!isFile(path)) return { kind: "absent", reason: `the folder has no ${inside}` };
  const content = startOf(path);
  if (content === undefined) return { kind: "absent", reason: `${inside} can't be read` };
  if (!isProgram(content))
    return { kind: "not-executable", reason: `${inside} begins neither with #! nor as an ELF file` };
  const interpreter = interpreterOf(content);
  if (interpreter === undefined || programOfImage(interpreter) !== undefined || insideFolder(interpreter) !== undefined)
    return undefined;
  return {
    kind: "absent",
    reason: `${inside} is run by ${interpreter}, which the image does not have: write #!/bin/sh`,
  };
}

function startOf(path: string): Uint8Array | undefined {
  try {
    return readFileSync(path).subarray(0, 256);
  } catch {
    return undefined;
  }
}

function isFile(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}
