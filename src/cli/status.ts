// CLI: `lbd status` and `lbd vrrp`: what a running director says about itself.
import { defineCommand } from "citty";
import * as v from "valibot";
import { Status, VirtualServerList, VrrpList } from "../api/answers.ts";
import { safeJson } from "../base/log.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import { takeSignal } from "../process/signals.ts";
import type { SyncGroupStatus, VrrpStatus } from "../status/schema.ts";
import { type Picture, statusText, vrrpText } from "../status/text.ts";
import { ASK_EXIT, type AskError, ask } from "./client.ts";
import { columns, complain, isTerminal, nearOnes, print } from "./terminal.ts";
import { RUN_DIR_HELP, withRunDir } from "./which-director.ts";

/** How often `--watch` looks. */
const WATCH_MS = 1000;
/** Cursor home, then clear to the end: the screen does not flicker. */
const REDRAW = "\u001b[H\u001b[J";

const ARGS = {
  json: { type: "boolean", description: "Print JSON, as the API gives it" },
  watch: { type: "boolean", description: "Print again every second, until interrupted" },
  "run-dir": {
    type: "string",
    valueHint: "DIR",
    description: RUN_DIR_HELP,
  },
} as const;

export const statusCommand = defineCommand({
  meta: {
    name: "lbd status",
    description: "What the running director does: services, servers, checks, VRRP; exit 3 when none runs",
  },
  args: ARGS,
  run: ({ args }) => show(args, readStatus),
});

export const vrrpCommand = defineCommand({
  meta: {
    name: "lbd vrrp",
    description:
      "VRRP instances: state, master, priority and its trackers, refused packets; exit 3 when no director runs",
  },
  args: {
    name: {
      type: "positional",
      required: false,
      valueHint: "NAME",
      description: "Instances and sync groups to show; a group with its members",
    },
    ...ARGS,
  },
  run: ({ args }) => show(args, (runDir) => readVrrp(runDir, args._)),
});

interface Shown {
  readonly json: unknown;
  readonly text: (nowWallMs: number) => string;
}

type Reader = (runDir: string) => Promise<Decoded<Shown, AskError>>;

interface ShowArgs {
  readonly json?: boolean | undefined;
  readonly watch?: boolean | undefined;
  readonly "run-dir"?: string | undefined;
}

function show(args: ShowArgs, read: Reader): Promise<void> {
  return withRunDir(args["run-dir"], (runDir) => showOf(runDir, args, read));
}

async function showOf(runDir: string, args: ShowArgs, read: Reader): Promise<void> {
  if (!args.watch) {
    const shown = await read(runDir);
    return shown.ok ? print(render(shown.value, args.json)) : complain(shown.error.message, shown.error.exit);
  }
  let interrupted = () => {};
  const stop = new Promise<void>((resolve) => {
    interrupted = resolve;
  });
  let stopped = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    takeSignal(signal, () => {
      stopped = true;
      interrupted();
    });
  while (!stopped) {
    const shown = await read(runDir);
    const text = shown.ok ? render(shown.value, args.json) : `lbd: ${shown.error.message}\n`;
    print(isTerminal() && !args.json ? REDRAW + text : text);
    await Promise.race([stop, new Promise((resolve) => setTimeout(resolve, WATCH_MS))]);
  }
}

function render(shown: Shown, json: boolean | undefined): string {
  return json ? safeJson(JSON.stringify(shown.json)) : shown.text(Date.now());
}

const readStatus: Reader = async (runDir) => {
  const status = await askFor(runDir, "/v1/status", Status);
  if (!status.ok) return status;
  const servers = await askFor(runDir, "/v1/virtual-servers", VirtualServerList);
  if (!servers.ok) return servers;
  const vrrp = await askFor(runDir, "/v1/vrrp", VrrpList);
  if (!vrrp.ok) return vrrp;
  const picture: Picture = {
    ...status.value,
    virtualServers: servers.value.virtualServers,
    vrrp: vrrp.value.instances,
    groups: vrrp.value.groups,
  };
  const json = { ...status.value, ...servers.value, vrrp: vrrp.value };
  return ok({ json, text: (nowWallMs) => statusText(picture, { columns: columns(), nowWallMs }) });
};

async function readVrrp(runDir: string, names: readonly string[]): Promise<Decoded<Shown, AskError>> {
  const all = await askFor(runDir, "/v1/vrrp", VrrpList);
  if (!all.ok) return all;
  const named = names.length === 0 ? all : onlyNamed(all.value, names);
  if (!named.ok) return err({ exit: ASK_EXIT.failed, message: named.error });
  const picture = { vrrp: named.value.instances, groups: named.value.groups };
  return ok({ json: named.value, text: (nowWallMs) => vrrpText(picture, { columns: columns(), nowWallMs }) });
}

interface Vrrp {
  readonly instances: readonly VrrpStatus[];
  readonly groups: readonly SyncGroupStatus[];
}

/** The instances and groups with these names, and the members of the groups; the error names one that is neither. */
export function onlyNamed({ instances, groups }: Vrrp, names: readonly string[]): Decoded<Vrrp, string> {
  const known = [...instances, ...groups].map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const [near] = nearOnes(unknown, known);
    return err(`no VRRP instance or sync group ${unknown}${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
  return ok({
    instances: instances.filter(({ name, group }) => names.includes(name) || (group && names.includes(group))),
    groups: groups.filter(({ name }) => names.includes(name)),
  });
}

async function askFor<T>(
  runDir: string,
  path: string,
  schema: v.GenericSchema<unknown, T>,
): Promise<Decoded<T, AskError>> {
  const answer = await ask(runDir, path);
  if (!answer.ok) return answer;
  const read = v.safeParse(schema, answer.value.body);
  if (answer.value.status === 200 && read.success) return ok(read.output);
  const other = `${path}: status ${answer.value.status}${answer.value.status === 200 ? ", another version of lbd" : ""}`;
  return err({ exit: ASK_EXIT.failed, message: `the director's answer can't be used (${other})` });
}
