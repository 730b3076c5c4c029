// Appliance core: the screen of the machine's console as lines, and its menu. Nothing that came from outside speaks to the terminal: every line
// goes through the writer of `lbd status`, which escapes it and cuts it to the width.
import { age, paint, type Writer, writer } from "../../status/writer.ts";
import { type InstallAction, type InstallView, installLines, installMenu, pressInstall } from "./install.ts";
import { type ConsolePicture, isLive } from "./picture.ts";

/** What the menu shows at this moment. */
export type View =
  | { readonly kind: "status" }
  /** The log has the whole terminal. */
  | { readonly kind: "log" }
  | { readonly kind: "ask"; readonly what: Ending }
  | InstallView
  /** Lines of a test that runs, or ran. */
  | { readonly kind: "network"; readonly lines: readonly string[]; readonly done: boolean };

export type Ending = "reboot" | "poweroff";

export type MenuAction = "test-network" | Ending | InstallAction;

export const STATUS: View = { kind: "status" };

// biome-ignore lint/suspicious/noControlCharactersInRegex: terminals send long keys so.
const KEY = /\u001b(?:[[O][\d;]*[A-Za-z~])?|[\s\S]/g;

/** What was typed, key by key: an arrow or another long key is one. */
export function keysOf(typed: string): readonly string[] {
  return typed.match(KEY) ?? [];
}

/** What a key does: another view, and perhaps something to be done. `live`: there is a medium to install from. */
export function press(view: View, key: string, live = false): { readonly view: View; readonly action?: MenuAction } {
  const letter = key.toLowerCase();
  switch (view.kind) {
    case "status":
      if (letter === "l") return { view: { kind: "log" } };
      if (letter === "n") return { view: { kind: "network", lines: [], done: false }, action: "test-network" };
      if (letter === "r") return { view: { kind: "ask", what: "reboot" } };
      if (letter === "i" && live) return { view: { kind: "disks", disks: [], typed: "" }, action: "list-disks" };
      if (letter === "p") return { view: { kind: "ask", what: "poweroff" } };
      return { view };
    case "ask":
      return letter === "y" ? { view: STATUS, action: view.what } : { view: STATUS };
    case "log":
    case "network":
      return { view: STATUS };
    default: {
      const pressed = pressInstall(view, key);
      return { ...pressed, view: pressed.view ?? STATUS };
    }
  }
}

export interface ScreenSize {
  readonly columns: number;
  /** Lines for the screen; the log goes on below them. */
  readonly rows: number;
  readonly nowWallMs: number;
  readonly colour: boolean;
}

/** At most `rows` lines; the last is the menu. What does not fit is counted. */
export function screenLines(picture: ConsolePicture, view: View, size: ScreenSize): readonly string[] {
  const { columns, nowWallMs, rows, colour } = size;
  const out = writer({ columns, nowWallMs });
  if (view.kind === "network") {
    out.line(`${picture.hostname}: test of the network`);
    for (const line of view.lines) out.wrapped(line, 2);
    if (!view.done) out.line("  …");
  } else if (isInstall(view)) installLines(view, out);
  else if (view.kind !== "log") statusLines(picture, out, nowWallMs);
  const lines = out.text().replace(/\n$/, "").split("\n");
  const shown = view.kind === "log" ? [] : fit(lines, rows - 1);
  const menu = writer({ columns, nowWallMs });
  menu.line(menuLine(picture, view));
  const all = [...shown, menu.text().trimEnd()];
  return colour ? all.map(paint) : all;
}

function isInstall(view: View): view is InstallView {
  return view.kind === "disks" || view.kind === "confirm" || view.kind === "install";
}

function menuLine(picture: ConsolePicture, view: View): string {
  switch (view.kind) {
    case "status":
      return `-- n network test  l log  r reboot  p power off${isLive(picture) ? "  i install" : ""} --`;
    case "log":
      return `-- ${picture.hostname}: log; any key goes back --`;
    case "network":
      return view.done ? "-- any key goes back --" : "-- testing; any key goes back --";
    case "ask":
      return view.what === "reboot"
        ? "-- start the machine again? y does it, any other key does not --"
        : "-- switch the machine off? y does it, any other key does not --";
    default:
      return installMenu(view);
  }
}

function statusLines(picture: ConsolePicture, out: Writer, nowWallMs: number): void {
  const { hostname, version, slot, uptimeS, interfaces, access, director, events, problems } = picture;
  const where = slot === undefined ? "live medium" : `slot ${slot}`;
  const time = `${new Date(nowWallMs).toISOString().slice(0, 19).replace("T", " ")} UTC`;
  out.line(`${hostname}  lbd ${version}  ${where}  up ${age(uptimeS * 1000)}  ${time}`);
  for (const { name, addresses } of interfaces)
    out.wrapped(`${name}: ${addresses.length > 0 ? addresses.join(" ") : "no address"}`, 0);
  if (access.state === "off") out.line("API: on this machine only (appliance.yaml has no api:)");
  else if (access.state !== "unknown") {
    out.line(
      `API: https://${access.address ?? "?"}${access.state === "listening" ? "" : ` ${access.state.toUpperCase()}`}`,
    );
    if (access.fingerprint !== undefined) for (const half of halves(access.fingerprint)) out.line(`  ${half}`);
  }
  for (const { what, todo } of problems) {
    out.wrapped(`! ${what}`, 0);
    out.wrapped(`-> ${todo}`, 2);
  }
  if (director) {
    out.wrapped(director.headline, 0);
    for (const reason of director.reasons) out.wrapped(reason, 2);
    if (director.instances.length > 0)
      out.table(
        ["instance", "state", "for", "iface", "vrid", "prio", "master"],
        director.instances.map((i) => [
          i.name,
          i.state,
          out.ago(i.since),
          i.interface,
          `${i.vrid}`,
          `${i.priority}`,
          i.note,
        ]),
      );
  }
  for (const event of events) out.line(event);
}

/** A fingerprint is wider than a serial console. */
function halves(fingerprint: string): readonly string[] {
  const pairs = fingerprint.split(":");
  const half = Math.ceil(pairs.length / 2);
  return [`SHA256 ${pairs.slice(0, half).join(":")}`, `       ${pairs.slice(half).join(":")}`];
}

function fit(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines;
  const shown = lines.slice(0, Math.max(0, rows - 1));
  return [...shown, `… ${lines.length - shown.length} lines more: lbd --host NAME status`];
}

/** Lines that the screen may have on a terminal: the log has at least a third of it. */
export function screenRows(rows: number, view: View, wanted: number): number {
  if (view.kind === "log") return 1;
  return Math.max(2, Math.min(wanted, Math.floor((rows * 2) / 3)));
}

const ESC = "\u001b";

/**
 * What makes a terminal show the lines at its top, and scroll what is written to it below them: the log, and the kernel's own words.
 * DECSTBM and the like as VT100 and the kernel's console have them (console_codes(4)).
 * @param first everything is set anew: the height of the screen is another one, or nobody knows what the terminal shows
 */
export function frame(lines: readonly string[], rows: number, first: boolean): string {
  const drawn = lines.map((line, at) => `${ESC}[${at + 1};1H${line}${ESC}[K`).join("");
  if (!first) return `${ESC}7${drawn}${ESC}8`;
  // Setting the region moves the cursor: it goes to where the log is written.
  return `${ESC}[r${ESC}[2J${drawn}${ESC}[${lines.length + 1};${rows}r${ESC}[${rows};1H`;
}

/** The whole terminal scrolls again, and nothing of the screen is left. */
export const LEAVE = `${ESC}[r${ESC}[2J${ESC}[1;1H`;
