// CLI: `lbd status` and `lbd vrrp`: what a running director says about itself.
import { defineCommand } from "citty";
import { BfdList, VrrpList } from "../api/answers.ts";
import { escapeControls, safeJson } from "../base/log.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import type { SyncGroupStatus, VrrpStatus } from "../status/schema.ts";
import { statusText } from "../status/text.ts";
import { bfdText } from "../status/text-bfd.ts";
import { vrrpText } from "../status/text-vrrp.ts";
import type { TextOptions } from "../status/writer.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { type AskError, ask } from "./client.ts";
import { print } from "./output.ts";
import { type Peer, REMOTE_ARGS, type RemoteWords } from "./peer.ts";
import { askFor, readPicture, type Wanted } from "./status-query.ts";
import { columns, complain, isTerminal, nearOnes, takesColour, takesSequences } from "./terminal.ts";
import { watch } from "./watch.ts";
import { RUN_DIR_HELP } from "./which-director.ts";
import { withPeer } from "./with-peer.ts";

const ARGS = {
  json: { type: "boolean", description: "Print JSON, as the API gives it" },
  watch: { type: "boolean", description: "Look again every second; on a terminal j and k move, q quits" },
  "run-dir": {
    type: "string",
    valueHint: "DIR",
    description: RUN_DIR_HELP,
  },
  ...REMOTE_ARGS,
} as const;

export const statusCommand = defineCommand({
  meta: {
    name: "lbd status",
    description: "What the running director does: services, servers, checks, VRRP; exit 3 when none runs",
  },
  args: {
    id: {
      type: "positional",
      required: false,
      valueHint: "ID",
      description: "Only these: virtual servers, real servers (also by address alone), instances, sync groups",
    },
    down: { type: "boolean", description: "Only what is down" },
    vs: {
      type: "string",
      valueHint: "ID",
      description: "Only this virtual server, or of it the real servers that are named",
    },
    all: { type: "boolean", description: "Everything, also of a director with more than 500 servers" },
    ...ARGS,
  },
  run: ({ args }) =>
    show(args, (peer) =>
      readStatus(peer, { ids: args._, vs: args.vs, down: args.down === true, all: args.all === true }),
    ),
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
  run: ({ args }) => show(args, (peer) => readVrrp(peer, args._)),
});

export const bfdCommand = defineCommand({
  meta: {
    name: "lbd bfd",
    description:
      "BFD sessions: state, why it last changed, intervals, what the neighbour says; exit 3 when no director runs",
  },
  args: {
    name: {
      type: "positional",
      required: false,
      valueHint: "NAME",
      description: "Sessions to show, by name of their bfd_instance",
    },
    ...ARGS,
  },
  run: ({ args }) => show(args, (peer) => readBfd(peer, args._)),
});

interface Shown {
  readonly json: unknown;
  readonly text: (options: TextOptions) => string;
}

type Reader = (peer: Peer) => Promise<Decoded<Shown, AskError>>;

interface ShowArgs extends RemoteWords {
  readonly json?: boolean | undefined;
  readonly watch?: boolean | undefined;
  readonly "run-dir"?: string | undefined;
}

function show(args: ShowArgs, read: Reader): Promise<void> {
  return withPeer(args, (peer) => showOf(peer, args, read));
}

async function showOf(peer: Peer, args: ShowArgs, read: Reader): Promise<void> {
  if (!args.watch) {
    const shown = await read(peer);
    return shown.ok ? print(render(shown.value, args.json)) : complain(shown.error.message, shown.error.exit);
  }
  await watch(
    async () => {
      const shown = await read(peer);
      return shown.ok ? render(shown.value, args.json) : `lbd: ${escapeControls(shown.error.message)}\n`;
    },
    isTerminal() && takesSequences() && !args.json,
  );
}

function render(shown: Shown, json: boolean | undefined): string {
  if (json) return safeJson(JSON.stringify(shown.json));
  return shown.text({ columns: columns(), nowWallMs: Date.now(), colour: takesColour() });
}

async function readStatus(peer: Peer, wanted: Wanted): Promise<Decoded<Shown, AskError>> {
  const picture = await readPicture((path) => ask(peer, path), wanted);
  if (!picture.ok) return picture;
  const { vrrp: instances, groups, scope: _scope, left: _left, ...rest } = picture.value;
  return ok({ json: { ...rest, vrrp: { instances, groups } }, text: (options) => statusText(picture.value, options) });
}

async function readVrrp(peer: Peer, names: readonly string[]): Promise<Decoded<Shown, AskError>> {
  const all = await askFor((path) => ask(peer, path), "/v1/vrrp", VrrpList);
  if (!all.ok) return all;
  const named = names.length === 0 ? all : onlyNamed(all.value, names);
  if (!named.ok) return err({ exit: ASK_EXIT.failed, message: named.error });
  const picture = { vrrp: named.value.instances, groups: named.value.groups };
  return ok({ json: named.value, text: (options) => vrrpText(picture, options) });
}

async function readBfd(peer: Peer, names: readonly string[]): Promise<Decoded<Shown, AskError>> {
  const all = await askFor((path) => ask(peer, path), "/v1/bfd", BfdList);
  if (!all.ok) return all;
  const { sessions } = all.value;
  const known = sessions.map(({ name }) => name);
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    const [near] = nearOnes(unknown, known);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return err({ exit: ASK_EXIT.failed, message: `no BFD session ${unknown}${hint}` });
  }
  const shown = names.length === 0 ? sessions : sessions.filter(({ name }) => names.includes(name));
  return ok({ json: { sessions: shown }, text: (options) => bfdText(shown, options) });
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
