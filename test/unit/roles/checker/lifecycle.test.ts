// Plays test/golden/vectors/checkers/lifecycle.json: the same configuration, the same faults at the same times, on a clock that is
// moved by hand. The table must go through the same states at the same times, apart from what lbd does better on purpose.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { fileValue, judgeFile } from "../../../../src/check/file.ts";
import { judgeProgram } from "../../../../src/check/misc.ts";
import type { FileCheck } from "../../../../src/config/model/check.ts";
import type { Config } from "../../../../src/config/model/config.ts";
import { bindText } from "../../../support/config.ts";
import { ORIGIN, timing } from "../../../support/model.ts";
import { bench } from "./bench.ts";

type Event =
  | readonly [number, string, unknown]
  | { readonly t: number; readonly appeared: readonly string[]; readonly vanished: readonly string[] };

interface Case {
  readonly config: string;
  readonly events: readonly Event[];
  readonly quorum_changes: readonly { readonly change: "up" | "down"; readonly live_weight: number }[];
}

const { cases } = JSON.parse(
  readFileSync(new URL("../../../golden/vectors/checkers/lifecycle.json", import.meta.url), "utf8"),
) as {
  cases: Readonly<Record<string, Case>>;
};

/** keepalived needs some time from its start to its first entry, ours none; polls were 20 ms apart, and a period is a phase. */
const START_MS = 170;
const LATE_MS = 550;

/** The table after each mark of a recording, and when it became so: `[mark, lines, second]`. */
function recorded({ events }: Case): [string, string, number][] {
  const lines = new Set<string>();
  const states: [string, string, number][] = [];
  for (const event of events) {
    if ("t" in event) {
      for (const line of event.vanished) lines.delete(line);
      for (const line of event.appeared) lines.add(line);
      const last = states.at(-1);
      const text = [...lines].toSorted().join(" | ");
      if (last && last[1] !== text) {
        last[1] = text;
        last[2] = event.t;
      }
    } else if (event[1] === "MARK") states.push([String(event[2]), [...lines].toSorted().join(" | "), event[0]]);
  }
  return states;
}

const FORWARDING = { NAT: "Masq", DR: "Route", TUN: "Tunnel" } as const;

function tableText(b: ReturnType<typeof bench>): string {
  const lines = b.table.entries().flatMap(({ service, destinations }) => {
    const { address } = service;
    const name = address.kind === "address" ? `TCP ${address.ip}:${address.port}` : "";
    return [
      `${name} ${service.scheduler}`,
      ...destinations.map((d) => `${name} -> ${d.ip}:${d.port} ${FORWARDING[d.forwarding.method]} w=${d.weight}`),
    ];
  });
  return lines.toSorted().join(" | ");
}

function read(text: string): Config {
  const { config, diagnostics } = bindText(text);
  expect(diagnostics.filter((finding) => finding.severity === "error")).toEqual([]);
  return config;
}

/** What the marks of `reload` did to the configuration. */
const RELOADS: Readonly<Record<string, (text: string) => string>> = {
  "reload: weight 1->5, thresholds, scheduler wrr": (text) =>
    text.replace("lvs_sched rr", "lvs_sched wrr").replace("weight 1", "weight 5\n uthreshold 100\n lthreshold 10"),
  "reload: RS 2 removed, RS 3 added, uthreshold only 200": (text) =>
    text.replaceAll("10.9.1.2", "10.9.1.3").replace("uthreshold 100", "uthreshold 200"),
  "reload: method DR": (text) =>
    text.replace("lvs_method NAT", "lvs_method DR").replace(/ uthreshold.*\n lthreshold.*\n/, ""),
  "reload: virtual server removed, other added": () => `virtual_server 10.9.0.2 80 {
 delay_loop 1
 lvs_sched rr
 lvs_method NAT
 protocol TCP
 real_server 10.9.1.1 80 {
 weight 1
 }
}
`,
};

/** Does what a mark of the recording says. */
function act(b: ReturnType<typeof bench>, mark: string, state: { text: string }): void {
  const found = /^(?:server )?(\d)? ?(down|up)(?: (\d))?/.exec(mark);
  const host = `10.9.1.${found?.[1] ?? found?.[3]}`;
  if (found?.[2] === "down") b.fails(host);
  else if (found?.[2] === "up") b.works(host);
  else if (/^exit/.test(mark)) {
    const status = Number(/\d+$/.exec(mark)?.[0]);
    b.answers("/lab/misc.sh", judgeProgram({ kind: "exit", status }, state.text.includes("misc_dynamic")));
  } else if (mark.startsWith("file")) {
    const text = /'(.*)'/.exec(mark)?.[1];
    const weight = state.text.includes("weight 0") ? 0 : 1;
    const check: FileCheck = {
      kind: "FILE_CHECK",
      id: "f",
      timing: timing(),
      origin: ORIGIN,
      file: "/lab/wf",
      weight,
      reverse: false,
    };
    expect(Number.isInteger(fileValue(text))).toBe(true);
    b.answers("/lab/wf", judgeFile(text, check));
    b.fileChanged("/lab/wf");
  } else if (mark === "VIP added") b.addresses("10.9.0.1");
  else if (mark === "VIP removed") b.addresses();
  else if (RELOADS[mark]) {
    state.text = RELOADS[mark](state.text);
    b.role.reload(read(state.text));
  } else if (mark === "SIGTERM") void b.role.stop();
}

/** Servers that fail from the beginning. */
const FAILING: Readonly<Record<string, readonly string[]>> = {
  "start-failed-not-alpha": ["10.9.1.1"],
  "start-failed-alpha": ["10.9.1.1"],
  "misc-timeout": ["/lab/slow.sh"],
};

test.each(Object.keys(cases))("%s", (name) => {
  const recording = cases[name];
  if (!recording) throw new Error(name);
  const b = bench();
  for (const server of FAILING[name] ?? [])
    b.answers(server, { ok: false, code: "timeout", reason: "no end within 1000 ms" });
  if (name === "misc-timeout") b.takes("/lab/slow.sh", 1000);
  const state = { text: recording.config };
  const marks = recorded(recording);
  const startAt = marks[0]?.[2] ?? 0;
  let changedAt = 0;
  b.table.onApplied = () => {
    changedAt = b.clock.now();
  };
  for (const [i, [mark, expected, at]] of marks.entries()) {
    if (mark === "start") b.role.start(read(state.text));
    else act(b, mark, state);
    const markAt = markTime(recording, i);
    const nextAt = markTime(recording, i + 1) ?? (markAt ?? 0) + 1;
    const before = changedAt;
    b.clock.advance((nextAt - (markAt ?? 0)) * 1000);
    expect([mark, tableText(b)]).toEqual([mark, expected]);
    // Where the recording changed after a mark, ours did, and about then.
    if (changedAt !== before && mark !== "SIGTERM") {
      const ours = changedAt + START_MS + startMs(recording);
      expect({
        mark,
        early: at * 1000 - ours > LATE_MS,
        late: ours - at * 1000 > LATE_MS,
      }).toEqual({ mark, early: false, late: false });
    }
  }
  expect(startAt).toBeGreaterThan(0);
  const quorum = b.updates.flatMap((update) =>
    update.kind === "event" && update.value.kind === "virtual-server" && /^(up|down)$/.test(update.value.to)
      ? [update.value.to]
      : [],
  );
  expect(quorum).toEqual(recording.quorum_changes.map(({ change }) => change));
});

function markTime({ events }: Case, index: number): number | undefined {
  const marks = events.flatMap((event) => ("t" in event || event[1] !== "MARK" ? [] : [event[0]]));
  return marks[index];
}

function startMs(recording: Case): number {
  return (markTime(recording, 0) ?? 0) * 1000 - START_MS;
}
