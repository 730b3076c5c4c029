// Role vrrp: when the router has its turn, and in which order its actions are done. A turn is always the same: what
// waits in the sockets is read, the router gives actions, neighbours hear of them, then programs, the log and the status. One timer stands
// for everything that is due. A takeover that is about to come is waited for awake, and done before it is worked out again
// (docs/decisions/007-takeover-in-time.md).
import type { Cancel, Clock, MonoMs } from "../../base/clock.ts";
import { notDone, type VrrpAction } from "../../vrrp/actions.ts";
import type { VrrpRouter } from "../../vrrp/router/router.ts";
import type { Instant } from "../../vrrp/view.ts";

/** Takeovers that follow so closely on each other that each is waited for awake; then the rest of the process has a turn. */
const MAX_WAITS_AWAKE = 8;
/** The same in time: a hundred takeovers at once take a second, and the parent waits for signs of life. */
const MAX_AWAKE_MS = 50;

export interface TurnPorts {
  readonly clock: Clock;
  /** The time as the core takes it. */
  now(): Instant;
  /** Comes back at this time, without having slept. */
  awakeUntil(at: MonoMs): void;
  /** A timer that was due at `dueAt` has its turn. */
  begun(dueAt: MonoMs): void;
  /** Reads what waits in the sockets, before what is due at `dueAt` is done. */
  drain(dueAt: MonoMs): void;
  /** What neighbours notice of the actions: advertisements, then the tables, then announcements. Did the tables change? */
  reach(actions: readonly VrrpAction[]): boolean;
  /** All else of them. */
  follow(actions: readonly VrrpAction[], tablesChanged: boolean): void;
  /** Nothing is being carried out any more. */
  settled(): void;
}

export interface Turns {
  /** From now on this one's timers run. */
  begin(router: Pick<VrrpRouter, "timer" | "deadline">): void;
  /** Carries out what a call of the router gave, and sets the timer anew. */
  perform(actions: readonly VrrpAction[] | undefined): void;
  /**
   * What `run` gives to perform() is carried out at its end, as one: a hundred packets that each take addresses away make one change of the
   * tables, and not a hundred looks at all of them.
   */
  together(run: () => void): void;
  /** The same without the timer, which a perform() will set. */
  carryOut(actions: readonly VrrpAction[]): void;
  /** `actions` were rehearsed, and are what timer(due) will give unless there is a perform() before: the process stays awake until then. */
  foresee(actions: readonly VrrpAction[], due: Instant): void;
  /** Actions are being carried out. */
  isBusy(): boolean;
  /** No timer runs any more, and perform() does nothing. */
  stop(): void;
}

/** `actions`: empty when something came in between. */
interface Imminent {
  readonly actions: readonly VrrpAction[];
  readonly due: Instant;
}

interface Gathered {
  readonly actions: VrrpAction[];
  isHeard: boolean;
}

export function createTurns(ports: TurnPorts): Turns {
  const { clock } = ports;
  let router: Pick<VrrpRouter, "timer" | "deadline"> | undefined;
  let imminent: Imminent | undefined;
  let cancelTimer: Cancel = () => {};
  let armedFor: MonoMs = Number.POSITIVE_INFINITY;
  /** While a turn runs: since when. What falls due meanwhile waits for its end. */
  let turnSince: MonoMs | undefined;
  let depth = 0;
  let stopped = false;
  /** What is given while something runs together. */
  let gathered: Gathered | undefined;

  function perform(actions: readonly VrrpAction[] | undefined): void {
    if (imminent) imminent = { ...imminent, actions: [] };
    if (!actions || stopped) return;
    if (gathered) {
      gathered.isHeard = true;
      gathered.actions.push(...actions);
      return;
    }
    // A refused packet, and an accepted one that only moves a timer, give no actions.
    if (actions.length > 0) carryOut(actions);
    arm();
  }

  function together(run: () => void): void {
    if (gathered) {
      run();
      return;
    }
    const own: Gathered = { actions: [], isHeard: false };
    gathered = own;
    try {
      run();
    } finally {
      gathered = undefined;
    }
    if (!own.isHeard) return;
    if (own.actions.length > 0) carryOut(own.actions);
    arm();
  }

  function arm(): void {
    const at = stopped ? Number.POSITIVE_INFINITY : (router?.deadline() ?? Number.POSITIVE_INFINITY);
    // One that is set already stays: set anew when it is overdue, its lateness would be forgotten.
    if (at === armedFor) return;
    cancelTimer();
    armedFor = at;
    if (at === Number.POSITIVE_INFINITY) return;
    // Lateness counts from when it could have run.
    const dueAt = Math.max(at, turnSince ?? clock.now());
    cancelTimer = clock.at(dueAt, () => tick(dueAt));
  }

  function tick(dueAt: MonoMs): void {
    const until = clock.now() + MAX_AWAKE_MS;
    turn(dueAt);
    // A processor that sleeps and a process that has to be woken would cost a takeover a tenth of a millisecond or more.
    for (let waits = 0; imminent && waits < MAX_WAITS_AWAKE && clock.now() < until; waits++) {
      const { now: next } = imminent.due;
      ports.awakeUntil(next);
      turn(next);
    }
    imminent = undefined;
  }

  function turn(dueAt: MonoMs): void {
    turnSince = clock.now();
    try {
      takeTurn(dueAt);
    } finally {
      turnSince = undefined;
    }
  }

  function takeTurn(dueAt: MonoMs): void {
    // Waited for awake, it is set still.
    cancelTimer();
    armedFor = Number.POSITIVE_INFINITY;
    ports.begun(dueAt);
    ports.drain(dueAt);
    const foreseen = imminent;
    imminent = undefined;
    if (!router || stopped) return;
    const isCertain = foreseen && foreseen.actions.length > 0;
    if (isCertain) takeOver(router, foreseen);
    if (isCertain && router.deadline() > clock.now()) arm();
    else perform(router.timer(ports.now()));
  }

  /** What was rehearsed last is what timer() gives, so the neighbours hear of it before that is worked out again. */
  function takeOver(from: Pick<VrrpRouter, "timer">, { actions: foreseen, due }: Imminent): void {
    depth++;
    const foreseenTables = ports.reach(foreseen);
    const actions = from.timer(due);
    const otherTables = ports.reach(notDone(actions, foreseen));
    follow(actions, foreseenTables || otherTables);
  }

  function carryOut(actions: readonly VrrpAction[]): void {
    depth++;
    follow(actions, ports.reach(actions));
  }

  function follow(actions: readonly VrrpAction[], tablesChanged: boolean): void {
    ports.follow(actions, tablesChanged);
    depth--;
    if (depth === 0) ports.settled();
  }

  return {
    begin(next) {
      router = next;
    },
    perform,
    together,
    carryOut,
    foresee(actions, due) {
      imminent = { actions, due };
    },
    isBusy: () => depth > 0,
    stop() {
      stopped = true;
      cancelTimer();
    },
  };
}
