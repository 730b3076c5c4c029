// Two to five directors (a router of the core each) on a wire that loses, delays and cuts, with timers that run late, in virtual time: the
// next thing that is due happens next. After every call to one the standing invariants are checked; what must hold at the end is the test's
// matter.
import { formatIp, ipBytes } from "../../src/base/ip.ts";
import { inOneGo } from "../../src/base/steps.ts";
import type { VrrpConfig } from "../../src/config/model/vrrp.ts";
import { notDone, reachesNeighbours, type VrrpAction } from "../../src/vrrp/actions.ts";
import type { Datagram } from "../../src/vrrp/datagram.ts";
import type { ReloadPiece } from "../../src/vrrp/reload-pieces.ts";
import { createVrrpRouter, type VrrpRouter } from "../../src/vrrp/router/router.ts";
import type { Fact, TrackKind } from "../../src/vrrp/track.ts";
import type { Instant } from "../../src/vrrp/view.ts";
import type { Random } from "./random.ts";

export interface SegmentOptions {
  readonly random: Random;
  /** Latency of a packet, uniformly between. */
  readonly latencyMs: readonly [number, number];
  /** How late a timer may run. */
  readonly latenessMs: number;
}

/** Packets that a paused director's sockets hold. */
const SOCKET_BUFFER_PACKETS = 256;
/** Between two pieces of a reload: far longer than it takes, so that more comes in between. */
const PIECE_PAUSE_MS = 200;
const WALL = Date.UTC(2026, 10, 23);

export interface Node {
  readonly name: string;
  config: VrrpConfig;
  readonly ip4: string;
  readonly ip6: string;
  /** undefined: not running. */
  router: VrrpRouter | undefined;
  pausedSince: number | undefined;
  readonly inbox: { readonly socket: string; readonly datagram: Datagram }[];
  /** Instances whose addresses it has set. */
  readonly holds: Set<string>;
  readonly links: Map<string, boolean>;
  readonly transitions: { readonly at: number; readonly text: string }[];
  wakeAt: number;
  /** It tells what comes next, and does that before it works it out. */
  readonly rehearses: boolean;
  /** Of a reload that is under way, and when the next of them is taken. */
  pieces: readonly ReloadPiece[];
  pieceAt: number;
  imminent: { readonly actions: readonly VrrpAction[]; readonly due: Instant } | undefined;
}

interface Flight {
  readonly at: number;
  readonly to: Node;
  readonly link: string;
  readonly datagram: Datagram;
}

export interface Segment {
  readonly nodes: readonly Node[];
  now: number;
  /** Probability that a packet is lost. */
  loss: number;
  /** Is the way from one node to another cut? */
  cut: (from: Node, to: Node) => boolean;
  /** Violations of the standing invariants; empty when all is well. */
  readonly violations: string[];
  /** Packets sent, by node. */
  readonly sent: Map<string, number>;
  run(ms: number): void;
  boot(node: Node): void;
  /** kill -9: nothing is said, addresses stay until the next boot. */
  kill(node: Node): void;
  shutdown(node: Node): void;
  pause(node: Node): void;
  resume(node: Node): void;
  setLink(node: Node, link: string, up: boolean): void;
  fact(node: Node, kind: TrackKind, name: string, up: boolean): void;
  inject(to: Node, link: string, datagram: Datagram): void;
  /** In pieces, with time between them. One that is not running takes it at its next boot. */
  reload(node: Node, config: VrrpConfig): void;
  /** Names of running nodes that are master of an instance. */
  masters(instance: string): readonly string[];
}

export function segment(configs: readonly VrrpConfig[], options: SegmentOptions): Segment {
  const { random } = options;
  const flights: Flight[] = [];
  const nodes: Node[] = configs.map((config, i) => ({
    name: `d${i + 1}`,
    config,
    ip4: `192.0.2.${i + 1}`,
    ip6: `fe80::${i + 1}`,
    router: undefined,
    pausedSince: undefined,
    inbox: [],
    holds: new Set(),
    links: new Map(config.instances.map((instance) => [instance.interface ?? "", true])),
    transitions: [],
    wakeAt: Number.POSITIVE_INFINITY,
    rehearses: random.chance(0.5),
    pieces: [],
    pieceAt: Number.POSITIVE_INFINITY,
    imminent: undefined,
  }));

  const world: Segment = {
    nodes,
    now: 0,
    loss: 0,
    cut: () => false,
    violations: [],
    sent: new Map(),
    run,
    boot,
    kill(node) {
      node.router = undefined;
      node.pausedSince = undefined;
      node.inbox.length = 0;
    },
    shutdown(node) {
      if (node.router) perform(node, node.router.stop(at()));
      node.router = undefined;
    },
    pause(node) {
      if (node.router) node.pausedSince ??= world.now;
    },
    resume,
    setLink(node, link, up) {
      node.links.set(link, up);
      call(node, (router) => router.setFacts([linkFact(link, up, world.now)], at()));
      if (up) call(node, (router) => router.reannounce(link, "link", at()));
    },
    fact(node, kind, name, up) {
      call(node, (router) => router.setFacts([{ kind, name, up, detail: "", since: world.now }], at()));
    },
    inject(to, link, datagram) {
      deliver({ at: world.now, to, link, datagram });
    },
    reload(node, config) {
      // As the driver does: another one begins when the one before it is done.
      while (node.pieces.length > 0) takePiece(node);
      node.config = config;
      node.pieces = node.router ? inOneGo(node.router.beginReload(config, [])) : [];
      if (node.router) takePiece(node);
    },
    masters(instance) {
      return nodes.filter((node) => stateOf(node, instance) === "master").map((node) => node.name);
    },
  };

  function at() {
    return { now: world.now, wallMs: WALL + world.now };
  }

  function boot(node: Node): void {
    node.pieces = [];
    node.pieceAt = Number.POSITIVE_INFINITY;
    const router = createVrrpRouter(node.config, [], world.now, { rehearse: node.rehearses });
    node.router = router;
    node.pausedSince = undefined;
    node.inbox.length = 0;
    // The driver's journal names what a dead one left behind.
    for (const name of node.holds) if (!node.config.instances.some((one) => one.name === name)) node.holds.delete(name);
    for (const [link, up] of node.links) router.setFacts([linkFact(link, up, world.now)], at());
    // Before the start there is nothing to do, and what was left behind is still there.
    for (const instance of node.config.instances)
      router.setSource(instance.name, instance.family === 4 ? node.ip4 : node.ip6, at());
    perform(node, router.start(at()));
  }

  function takePiece(node: Node): void {
    const [piece, ...others] = node.pieces;
    node.pieces = others;
    node.pieceAt = others.length > 0 ? world.now + random.next() * PIECE_PAUSE_MS : Number.POSITIVE_INFINITY;
    if (piece) call(node, (router) => [...router.retire(piece, at()), ...router.take(piece, at())]);
    if (others.length === 0 && node.router) inOneGo(node.router.endReload());
    giveSources(node, node.config);
  }

  function giveSources(node: Node, config: VrrpConfig): void {
    for (const instance of config.instances)
      call(node, (router) => router.setSource(instance.name, instance.family === 4 ? node.ip4 : node.ip6, at()));
  }

  /** As the driver does: what was rehearsed last is done, unless there was a call in between. */
  function timer(node: Node): void {
    const { router, imminent } = node;
    node.imminent = undefined;
    if (!imminent) call(node, (one) => one.timer(at()));
    if (!router || !imminent) return;
    const foreseen = imminent.actions.filter(reachesNeighbours);
    for (const action of foreseen) act(node, action);
    const actions = router.timer(imminent.due);
    const others = new Set(notDone(actions, foreseen));
    const same = actions.filter((action) => !others.has(action));
    if (!Bun.deepEquals(same, foreseen, true))
      world.violations.push(
        `${world.now} ${node.name}: did what was not to be done: ${foreseen.map(({ kind }) => kind)}`,
      );
    perform(node, [...others]);
    if (router.deadline() <= world.now) call(node, (one) => one.timer(at()));
  }

  /** Facts reach a director that is paused as well: the kernel keeps them for it. */
  function call(node: Node, what: (router: VrrpRouter) => readonly VrrpAction[]): void {
    node.imminent = undefined;
    if (node.router) perform(node, what(node.router));
  }

  function resume(node: Node): void {
    if (node.pausedSince === undefined) return;
    node.pausedSince = undefined;
    // As the driver has to: first what the sockets hold, then the timers.
    for (const { socket, datagram } of node.inbox.splice(0))
      call(node, (router) => router.receive(socket, datagram, at()));
    rearm(node);
  }

  function run(ms: number): void {
    const until = world.now + ms;
    for (;;) {
      const flight = flights.reduce<Flight | undefined>(
        (first, one) => (!first || one.at < first.at ? one : first),
        undefined,
      );
      const next = nodes.reduce<Node | undefined>(
        (first, one) => (wake(one) < (first ? wake(first) : Number.POSITIVE_INFINITY) ? one : first),
        undefined,
      );
      const flightAt = flight?.at ?? Number.POSITIVE_INFINITY;
      const timerAt = next ? wake(next) : Number.POSITIVE_INFINITY;
      if (Math.min(flightAt, timerAt) > until) break;
      if (flight && flightAt <= timerAt) {
        flights.splice(flights.indexOf(flight), 1);
        world.now = Math.max(world.now, flightAt);
        deliver(flight);
      } else if (next) {
        world.now = Math.max(world.now, timerAt);
        if (next.pieceAt <= timerAt) takePiece(next);
        else timer(next);
      }
    }
    world.now = until;
  }

  function wake(node: Node): number {
    if (!node.router || node.pausedSince !== undefined) return Number.POSITIVE_INFINITY;
    return Math.min(node.wakeAt, node.pieceAt);
  }

  function rearm(node: Node): void {
    const due = node.imminent?.due.now ?? node.router?.deadline() ?? Number.POSITIVE_INFINITY;
    node.wakeAt = Math.max(world.now, due) + random.next() * options.latenessMs;
  }

  function deliver(flight: Flight): void {
    const { to, link, datagram } = flight;
    if (!to.router || to.links.get(link) === false) return;
    const socket = to.router.sockets().find((spec) => spec.interface === link && fits(spec, datagram))?.key;
    if (socket === undefined) return;
    if (to.pausedSince !== undefined) {
      if (to.inbox.length < SOCKET_BUFFER_PACKETS) to.inbox.push({ socket, datagram });
      return;
    }
    call(to, (router) => router.receive(socket, datagram, at()));
  }

  function perform(node: Node, actions: readonly VrrpAction[]): void {
    for (const action of actions) act(node, action);
    if (node.router) rearm(node);
    check(node);
  }

  function act(node: Node, action: VrrpAction): void {
    if (action.kind === "send") transmit(node, action);
    else if (action.kind === "addAddresses") node.holds.add(action.instance);
    else if (action.kind === "removeAddresses") node.holds.delete(action.instance);
    else if (action.kind === "imminent") node.imminent = action;
    else if (action.kind === "transition") {
      const { name, from, to, cause } = action;
      if (cause.code.length === 0 || cause.text.length < 5)
        world.violations.push(`${node.name}: ${name} ${from}>${to} without a cause`);
      node.transitions.push({ at: world.now, text: `${name} ${from}>${to} ${cause.code}: ${cause.text}` });
    }
  }

  function transmit(node: Node, action: VrrpAction & { kind: "send" }): void {
    const { config, datagrams } = action;
    const link = config.interface ?? "";
    world.sent.set(node.name, (world.sent.get(node.name) ?? 0) + 1);
    if (node.links.get(link) === false) return;
    const source = ipBytes(config.family === 4 ? node.ip4 : node.ip6);
    for (const { destination, bytes } of datagrams)
      for (const to of nodes) {
        if (to === node || world.cut(node, to) || random.chance(world.loss)) continue;
        const unicast = config.unicast !== undefined;
        if (unicast && formatIp(destination) !== (config.family === 4 ? to.ip4 : to.ip6)) continue;
        const [least, most] = options.latencyMs;
        const datagram: Datagram =
          config.family === 4 ? { family: 4, bytes, source } : { family: 6, bytes, source, destination, hopLimit: 255 };
        flights.push({ at: world.now + least + random.next() * (most - least), to, link, datagram });
      }
  }

  /** What holds after every call, whatever has happened. */
  function check(node: Node): void {
    if (!node.router) return;
    const views = node.router.instances();
    for (const name of node.holds)
      if (!views.some((view) => view.name === name))
        world.violations.push(`${world.now} ${node.name}: ${name} is no more, its addresses are still set`);
    for (const view of views) {
      const master = view.state.kind === "master";
      if (master !== node.holds.has(view.name))
        world.violations.push(
          `${world.now} ${node.name}: ${view.name} is ${view.state.kind}, addresses ${node.holds.has(view.name) ? "set" : "not set"}`,
        );
    }
    for (const group of node.config.syncGroups) {
      const kinds = views.filter((view) => view.group === group.name).map((view) => view.state.kind);
      if (kinds.includes("master") && kinds.some((kind) => kind !== "master"))
        world.violations.push(`${world.now} ${node.name}: group ${group.name} is split: ${kinds.join(" ")}`);
    }
  }

  return world;
}

function fits(spec: ReturnType<VrrpRouter["sockets"]>[number], datagram: Datagram): boolean {
  if (spec.family !== datagram.family) return false;
  return datagram.family === 6 || spec.protocol === datagram.bytes[9];
}

function linkFact(
  name: string,
  up: boolean,
  since: number,
): Fact & { readonly kind: "interface"; readonly name: string } {
  return { kind: "interface", name, up, detail: up ? "" : "no carrier", since };
}

function stateOf(node: Node, instance: string): string {
  return node.router?.instances().find((view) => view.name === instance)?.state.kind ?? "off";
}
