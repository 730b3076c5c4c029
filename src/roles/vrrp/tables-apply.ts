// Role vrrp: what a comparison of the tables found is done: journal first, then the kernel, then what of it failed is told.
import { messageOf } from "../../base/errors.ts";
import type { CommandOutcome } from "../../kernel/rtnetlink.ts";
import { single } from "../../net/parts.ts";
import { type NetCommand, ownedKeys } from "../../net/plan.ts";
import { takeChange } from "../../net/wanted-index.ts";
import { changed, type FoundAll, type FoundSome, type TablesState } from "./tables-state.ts";

export function applyAll(state: TablesState, { todo, index, waiting }: FoundAll): number {
  const { outgoing } = state;
  changed(state);
  state.marks = false;
  // An interface that came later had no index when the configuration was read.
  for (const key of index.wishes.keys()) state.configured.add(key);
  state.index = index;
  state.isCurrent = true;
  noteBeforehand(state, state.configured.union(outgoing).union(new Set(state.leftBehind)));
  const { done, failed } = judge(state, todo);
  if (failed.length === 0) state.leftBehind = [];
  state.outgoing = new Set();
  // Nobody but an earlier process or configuration had the rest.
  if (state.leftBehind.length === 0 && state.journalled.size > state.configured.size) write(state, state.configured);
  tell(state, [...waiting, ...failed]);
  return done;
}

export function applySome(state: TablesState, { todo, change }: FoundSome): void {
  const { index, journalled } = state;
  state.rehearsed = undefined;
  state.version++;
  takeChange(index, change);
  for (const { wishes } of change.arriving) for (const key of wishes.keys()) state.configured.add(key);
  if (![...change.keys].every((key) => journalled.has(key))) noteBeforehand(state, journalled.union(change.keys));
  const { failed } = judge(state, todo);
  const now = [...change.arriving.flatMap(({ waiting }) => waiting), ...failed];
  if (now.length > 0) tell(state, [...new Set([...state.problems, ...now])]);
}

/** Whatever may come into the kernel is written down before. */
export function noteBeforehand(state: TablesState, ours: ReadonlySet<string>): void {
  if (!ours.isSubsetOf(state.journalled)) write(state, ours);
}

function write(state: TablesState, keys: ReadonlySet<string>): void {
  const { machines } = state;
  const { journal, world, log } = state.ports;
  // A copy: keys come to those that are configured.
  state.journalled = new Set(keys);
  try {
    journal.write({ world, keys: [...keys], ...(machines.size > 0 && { machines: [...machines] }) });
  } catch (error) {
    const reason = messageOf(error);
    log({ level: "warning", area: "vrrp", message: `the journal of addresses can't be written: ${reason}` });
  }
}

function judge(state: TablesState, todo: readonly NetCommand[]): { done: number; failed: string[] } {
  const { counters, ports } = state;
  const failed: string[] = [];
  let done = 0;
  for (const outcome of todo.length > 0 ? ports.reflector.apply(todo) : []) {
    const result = outcome.meaning === "done" ? "ok" : outcome.meaning;
    const name = `lbd_kernel_ops_total{kind="rtnetlink",op="${outcome.command.kind}",result="${result}"}`;
    counters[name] = (counters[name] ?? 0) + 1;
    if (outcome.meaning === "done") done++;
    else if (outcome.meaning !== "already-so") failed.push(describeFailure(state, outcome));
  }
  return { done, failed };
}

/** `V1: address 192.0.2.100/24 on eth0: ipv4: Invalid scope value: EINVAL`. */
function describeFailure({ index, ports }: TablesState, { command, message = command.kind }: CommandOutcome): string {
  const [owner] = [...ownedKeys(single(command))].flatMap((key) => index.wishes.get(key)?.owner ?? []);
  const text = message.replace(/\binterface (\d+)/g, (unnamed, link) => {
    return ports.reflector.seen.links.get(Number(link))?.name ?? unnamed;
  });
  return owner === undefined ? text : `${owner}: ${text}`;
}

function tell(state: TablesState, now: readonly string[]): void {
  const known = new Set(state.problems);
  for (const problem of now)
    if (!known.has(problem)) state.ports.log({ level: "warning", area: "vrrp", message: problem });
  state.problems = now;
}
