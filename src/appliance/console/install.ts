// Appliance core: the console's way to put a live medium's system on a disk: which disk, its name once more, then its progress. Nothing is
// written before the name was typed twice.
import type { Writer } from "../../status/writer.ts";

export interface InstallDisk {
  /** `sdb`. */
  readonly name: string;
  /** Size, model, what is on it. */
  readonly text: string;
  /** Why it can't be written, in words; absent: it can. */
  readonly refusal?: string;
}

export type InstallView =
  | { readonly kind: "disks"; readonly disks: readonly InstallDisk[]; readonly typed: string; readonly note?: string }
  /** Its name is asked for again. */
  | { readonly kind: "confirm"; readonly disk: InstallDisk; readonly typed: string }
  | { readonly kind: "install"; readonly lines: readonly string[]; readonly done: boolean };

export type InstallAction = "list-disks" | { readonly install: string };

/** What a key does; `undefined` as view: back to the status. */
export function pressInstall(
  view: InstallView,
  key: string,
): { readonly view: InstallView | undefined; readonly action?: InstallAction } {
  if (view.kind === "install") return { view: view.done ? undefined : view };
  if (key === "\u001b") return { view: undefined };
  if (key !== "\r" && key !== "\n") return { view: { ...view, typed: typedNext(view.typed, key) } };
  if (view.kind === "confirm")
    return view.typed === view.disk.name
      ? { view: { kind: "install", lines: [], done: false }, action: { install: view.disk.name } }
      : { view: undefined };
  if (view.typed === "") return { view: undefined };
  const disk = view.disks.find(({ name }) => name === view.typed || `/dev/${name}` === view.typed);
  const { disks } = view;
  if (!disk) return { view: { kind: "disks", disks, typed: "", note: `there is no disk ${view.typed}` } };
  if (disk.refusal !== undefined)
    return { view: { kind: "disks", disks, typed: "", note: `${disk.name} is in use: ${disk.refusal}` } };
  return { view: { kind: "confirm", disk, typed: "" } };
}

const MAX_TYPED = 32;

function typedNext(typed: string, key: string): string {
  if (key === "\u007f" || key === "\b") return typed.slice(0, -1);
  return /^[\w./-]$/.test(key) && typed.length < MAX_TYPED ? typed + key : typed;
}

/** The newest: progress is a line a second, and how it ended comes last. A small terminal has room for so many. */
const SHOWN_LINES = 8;

export function installLines(view: InstallView, out: Writer): void {
  switch (view.kind) {
    case "disks": {
      out.line("install to a disk of this machine");
      const free = view.disks.filter(({ refusal }) => refusal === undefined);
      out.line(free.length > 0 ? "disks that can be written:" : "no disk here can be written");
      for (const { name, text } of free) out.wrapped(`${name}  ${text}`, 2);
      const used = view.disks.filter(({ refusal }) => refusal !== undefined);
      if (used.length > 0) out.line("disks in use:");
      for (const { name, text, refusal } of used) out.wrapped(`${name}  ${text}: ${refusal}`, 2);
      if (view.note !== undefined) out.wrapped(`! ${view.note}`, 0);
      out.line(`name of the disk: ${view.typed}_`);
      break;
    }
    case "confirm":
      out.line("install to a disk of this machine");
      out.wrapped(`${view.disk.name}  ${view.disk.text}`, 2);
      out.line("Everything on it will be lost.");
      out.line(`its name again: ${view.typed}_`);
      break;
    case "install":
      out.line("install to a disk of this machine");
      for (const line of view.lines.slice(-SHOWN_LINES)) out.wrapped(line, 2);
      if (!view.done) out.line("  …");
  }
}

export function installMenu(view: InstallView): string {
  if (view.kind === "install") return view.done ? "-- any key goes back --" : "-- writing: leave the machine on --";
  return "-- Enter goes on, Esc goes back; so far nothing is written --";
}
