// Role bfd: the sessions of bfd_instance. The core (bfd/speaker.ts) decides; here its actions meet sockets, the other roles and the status.
// Neighbours hear first, then those who track a session, then the log. What waits in the sockets is read before a timer is acted on.
import type { Cancel, MonoMs } from "../../base/clock.ts";
import { FLAP_LOG, limitLog } from "../../base/log-limit.ts";
import { DIAGNOSTIC, diagnosticText } from "../../bfd/diagnostic.ts";
import type { Session } from "../../bfd/session.ts";
import { type BfdAction, type BfdSpeaker, createBfdSpeaker } from "../../bfd/speaker.ts";
import type { Config } from "../../config/model/config.ts";
import type { ReceivedControl } from "../../kernel/bfd-sockets.ts";
import type { Role, RoleContext } from "../role.ts";
import { SESSIONS_TOPIC, type SessionFact } from "../sessions.ts";
import { dumpOf } from "./dumped.ts";
import { type BfdPorts, realPorts } from "./ports.ts";
import { createBfdReports } from "./reports.ts";
import { createWire } from "./wire.ts";

/** A timer that is so late was held up by more than a busy machine: this process or the machine stood still. */
const STALL_MS = 20;
const AREA = "bfd";

export function createBfdRole(context: RoleContext, ports: BfdPorts = realPorts(context)): Role {
  const { clock, log } = context;
  const limited = limitLog(log, clock, FLAP_LOG);
  const wire = createWire(ports.openSockets(hear), clock, log, limited);
  let speaker: BfdSpeaker | undefined;
  let config: Config | undefined;
  let sessions: ReadonlyMap<number, Session> = new Map();
  let cancelTimer: Cancel = () => {};
  let armedFor: MonoMs = Number.POSITIVE_INFINITY;
  /** Packets lost so far because this process did not read them in time. */
  let drops = 0;
  const reports = createBfdReports({
    clock,
    report: context.report,
    isWatched: () => context.isWatched?.() ?? true,
    sessions: () => [...sessions.values()],
    shown: wire.shown,
    metrics: () => ({
      lbd_bfd_receive_drops_total: wire.drops(),
      ...Object.fromEntries(
        [...(speaker?.refused() ?? [])].map(([reason, count]) => [`lbd_bfd_strays_total{reason="${reason}"}`, count]),
      ),
    }),
  });

  function hear(control: ReceivedControl): void {
    if (!speaker) return;
    const actions = speaker.receive(control, control.receivedAt);
    if (actions.length > 0) perform(actions);
    arm();
  }

  function perform(actions: readonly BfdAction[]): void {
    for (const action of actions) {
      if (action.kind !== "send") continue;
      const session = sessions.get(action.local);
      if (session) wire.send(session, action.bytes);
    }
    if (actions.some((action) => action.kind === "change" && action.told)) publish();
    for (const action of actions) tell(action);
  }

  function tell(action: BfdAction): void {
    if (action.kind === "log") log(action.line);
    else if (action.kind === "ended") wire.drop(action.local);
    else if (action.kind === "change") tellChange(action);
  }

  function tellChange({ session, from, to, reason, told }: BfdAction & { readonly kind: "change" }): void {
    reports.changed(session);
    // keepalived: what happens between Down and Init is nobody's news.
    if (from !== "Up" && to !== "Up") return;
    const { name } = session.config;
    const diagnostics = to === "Up" ? "" : `; our diagnostic: ${diagnosticText(session.diagnostic)}`;
    const unheard = told ? "" : ": no failure, so what tracks it is not told";
    const message = `${name} ${from} to ${to}: ${reason}${diagnostics}${unheard}`;
    const isMeant = to === "Up" || session.diagnostic === DIAGNOSTIC.administrative;
    const level = isMeant ? "info" : "warning";
    // A neighbour may come and go with each packet.
    limited(`session ${name}`, { level, area: AREA, message, fields: { session: name, from, to } });
    const at = new Date(clock.wallMs()).toISOString();
    context.report({
      kind: "event",
      value: { at, kind: "bfd", subject: name, from, to, reason: `${reason}${diagnostics}${unheard}` },
    });
  }

  /** The whole truth, for vrrp and the checker. */
  function publish(): void {
    const facts: Record<string, SessionFact> = {};
    for (const { config, reportedUp, heldUp, lastChange } of speaker?.sessions() ?? [])
      facts[config.name] = {
        up: reportedUp,
        detail: heldUp ? "neighbour is administratively down" : (lastChange?.reason ?? "not up yet"),
      };
    context.publish(SESSIONS_TOPIC, facts);
  }

  function arm(): void {
    const at = speaker?.deadline() ?? Number.POSITIVE_INFINITY;
    // One that is set already stays: set anew when it is overdue, its lateness would be forgotten.
    if (at === armedFor) return;
    cancelTimer();
    armedFor = at;
    if (at === Number.POSITIVE_INFINITY) return;
    const dueAt = Math.max(at, clock.now());
    cancelTimer = clock.at(dueAt, () => turn(dueAt));
  }

  function turn(dueAt: MonoMs): void {
    armedFor = Number.POSITIVE_INFINITY;
    const lateMs = clock.now() - dueAt;
    const isStalled = lateMs > STALL_MS;
    // A packet that is sent in its rhythm does not wait for a flood; a living neighbour must not be taken for a lost one.
    wire.drain(isStalled || speaker?.isLossDue(clock.now()) === true);
    let deafMs = 0;
    if (isStalled) {
      const now = wire.drops();
      if (now > drops) deafMs = lateMs;
      drops = now;
    }
    if (speaker) perform(speaker.timer(clock.now(), deafMs));
    arm();
  }

  function know(): void {
    sessions = new Map((speaker?.sessions() ?? []).map((session) => [session.local, session]));
  }

  return {
    start(first: Config) {
      const { bfd, global } = first;
      config = first;
      ports.takeRights(global.process.bfd);
      speaker = createBfdSpeaker(bfd, ports.chance, clock.now());
      know();
      wire.configure(speaker.sessions());
      publish();
      perform(speaker.start(clock.now()));
      arm();
    },
    reload(next: Config) {
      if (!speaker) return;
      const { bfd, global } = next;
      config = next;
      ports.takeRights(global.process.bfd);
      const before = sessions;
      const actions = speaker.reload(bfd, clock.now());
      know();
      // Those that end have something to say yet; those that begin must hear the answer.
      wire.configure(speaker.sessions());
      const after = sessions;
      sessions = new Map([...before, ...after]);
      perform(actions);
      sessions = after;
      publish();
      for (const session of before.values()) if (!hasName(session.config.name)) reports.gone(session.config.name);
      reports.look();
      arm();
    },
    stop() {
      cancelTimer();
      if (speaker) perform(speaker.stop(clock.now()));
      reports.rest();
      wire.stop();
      limited.flush();
      speaker = undefined;
    },
    snapshot: () => reports.everything(),
    dump: (kind) => dumpOf(kind, config, sessions.values(), wire.shown, clock),
    unwatched: () => reports.rest(),
  };

  function hasName(name: string): boolean {
    for (const { config } of sessions.values()) if (config.name === name) return true;
    return false;
  }
}
