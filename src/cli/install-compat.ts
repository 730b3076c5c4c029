// CLI: `lbd install-compat`: what looks for keepalived finds lbd: the program's name, and the name of its unit. Files of others are never
// touched: either all of it is done, or nothing.
import { existsSync, lstatSync, mkdirSync, readFileSync, readlinkSync, rmSync, symlinkSync } from "node:fs";
import { basename, dirname } from "node:path";
import { defineCommand } from "citty";
import { messageOf } from "../base/errors.ts";
import { judgeFile } from "../kernel/script-security.ts";
import { EXIT } from "../process/options.ts";
import { ownArguments } from "../process/runtime.ts";
import { print } from "./output.ts";
import { complain, complainLines } from "./terminal.ts";

const PROGRAM_LINK = "/usr/sbin/keepalived";
const UNIT_ALIAS = "/etc/systemd/system/keepalived.service";
const OWN_UNIT = "lbd.service";
/** Where systemd looks for units, the operator's first. */
const UNIT_FOLDERS = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"] as const;
/** The files of Debian's package, while it is installed. */
const DEBIAN_FILES = "/var/lib/dpkg/info/keepalived.list";
const RPM_UNIT = "keepalived.service";

export const installCompatCommand = defineCommand({
  meta: {
    name: "lbd install-compat",
    description: `Make ${PROGRAM_LINK} a link to this program and keepalived.service an alias of ${OWN_UNIT}; exit 1 when an installed keepalived or anything else is in the way`,
  },
  args: {
    "dry-run": { type: "boolean", description: "Only say what would be done" },
    remove: { type: "boolean", description: "Take both away again" },
    root: { type: "string", valueHint: "DIR", description: "Below this folder, as for a package" },
  },
  run({ args }) {
    if (ownArguments().length > 0)
      return complain("only the compiled program can be installed: make build", EXIT.failed);
    const root = (args.root ?? "").replace(/\/+$/, "");
    const done = installCompat({
      root,
      program: process.execPath,
      isTried: args["dry-run"] === true,
      removes: args.remove === true,
    });
    if (!done.ok) return complainLines("nothing was changed:", done.reasons, EXIT.failed);
    for (const line of done.lines) print(line);
  },
});

interface InstallOptions {
  /** Empty: this machine's. */
  readonly root: string;
  /** The path of lbd as it will be called. */
  readonly program: string;
  readonly isTried: boolean;
  readonly removes: boolean;
}

type Done =
  | { readonly ok: true; readonly lines: readonly string[] }
  | { readonly ok: false; readonly reasons: readonly string[] };

interface Link {
  readonly path: string;
  readonly target: string;
}

/** What the command does. Exported for tests: they install below folders of their own. */
export function installCompat({ root, program, isTried, removes }: InstallOptions): Done {
  // Root runs what bears keepalived's name: it is to be a program that only root can change.
  const against = removes ? undefined : judgeFile(program);
  if (against) return { ok: false, reasons: [`${program} would run as root, but ${against.reason}: ${against.mend}`] };
  const unit = UNIT_FOLDERS.map((folder) => `${folder}/${OWN_UNIT}`).find((path) => existsSync(`${root}${path}`));
  const links: readonly Link[] = [
    { path: PROGRAM_LINK, target: dirname(program) === dirname(PROGRAM_LINK) ? basename(program) : program },
    ...(unit === undefined ? [] : [{ path: UNIT_ALIAS, target: unit }]),
  ];
  const notes = unit === undefined && !removes ? [`there is no ${OWN_UNIT}: no alias for it`] : [];
  const done = removes ? removeLinks(root, isTried) : makeLinks(root, links, isTried);
  return done.ok ? { ok: true, lines: [...done.lines, ...notes] } : done;
}

function makeLinks(root: string, links: readonly Link[], isTried: boolean): Done {
  const installed = ofOthers(root);
  const reasons = installed.length > 0 ? installed : links.flatMap((link) => inTheWay(root, link));
  if (reasons.length > 0) return { ok: false, reasons };
  const lines: string[] = [];
  for (const { path, target } of links) {
    const is = targetOf(`${root}${path}`);
    lines.push(`${path} ${is === target ? "is already" : isTried ? "would be" : "is now"} a link to ${target}`);
    if (is === target || isTried) continue;
    try {
      mkdirSync(dirname(`${root}${path}`), { recursive: true });
      rmSync(`${root}${path}`, { force: true });
      symlinkSync(target, `${root}${path}`);
    } catch (error) {
      return { ok: false, reasons: [...lines.slice(0, -1), messageOf(error)] };
    }
  }
  if (!isTried) lines.push("next: systemctl daemon-reload, and start it by either name");
  return { ok: true, lines };
}

/** Only links that lead to lbd. */
function removeLinks(root: string, isTried: boolean): Done {
  const lines: string[] = [];
  for (const path of [PROGRAM_LINK, UNIT_ALIAS]) {
    if (!isOurs(`${root}${path}`)) {
      lines.push(`${path} is no link of lbd's: it stays as it is`);
      continue;
    }
    lines.push(`${path} ${isTried ? "would be" : "is"} removed`);
    if (!isTried) rmSync(`${root}${path}`);
  }
  return { ok: true, lines };
}

/** An installed keepalived would lose its files, or take ours at its next update. */
function ofOthers(root: string): readonly string[] {
  if (isInstalled(root))
    return [
      `Debian's package keepalived is installed and owns ${PROGRAM_LINK}: systemctl stop keepalived; apt-get remove keepalived (its configuration stays), then lbd install-compat`,
    ];
  const unit = UNIT_FOLDERS.slice(1).find((folder) => existsSync(`${root}${folder}/${RPM_UNIT}`));
  return unit === undefined ? [] : [`${unit}/${RPM_UNIT} is the unit of an installed keepalived: remove that first`];
}

function isInstalled(root: string): boolean {
  try {
    return readFileSync(`${root}${DEBIAN_FILES}`, "utf8").split("\n").includes(PROGRAM_LINK);
  } catch {
    return false;
  }
}

function inTheWay(root: string, { path }: Link): readonly string[] {
  const full = `${root}${path}`;
  if (!lstatSync(full, { throwIfNoEntry: false }) || isOurs(full)) return [];
  const target = targetOf(full);
  const what = target === undefined ? "is there" : `is a link to ${target}`;
  return [`${path} ${what}, and is not lbd's: move it away first`];
}

function isOurs(path: string): boolean {
  const name = basename(targetOf(path) ?? "");
  return name === "lbd" || name === OWN_UNIT;
}

function targetOf(path: string): string | undefined {
  return lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() ? readlinkSync(path) : undefined;
}
