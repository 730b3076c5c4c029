// Ring netns: BFD of lbd beside Debian's keepalived, FRR and BIRD on a real segment: up, down, administratively down, restarts of either,
// what VRRP makes of it. Numbers in brackets are sections of the spec of what these speakers were measured to do.
import { describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeControl } from "../../src/bfd/packet.ts";
import { Daemon } from "../support/daemon.ts";
import { kernelView } from "../support/kernel-view.ts";
import { netnsReason } from "../support/netns.ts";
import { bird, frr, type Router, routersReason } from "../support/routers.ts";
import { addressesOf, type Capture, Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";

const LIMIT_MS = 90_000;
const FILTER = "udp port 3784 or udp port 4784";
const VIP = "192.0.2.100/32";

interface Place {
  readonly family: 4 | 6;
  readonly own: string;
  readonly peer: string;
}
const IPV4: Place = { family: 4, own: "192.0.2.1", peer: "192.0.2.2" };
const IPV6: Place = { family: 6, own: "2001:db8::1", peer: "2001:db8::2" };

function session({ own, peer }: Place, lines = "", name = "peer"): string {
  return `bfd_instance ${name} {\nneighbor_ip ${peer}\nsource_ip ${own}\nmin_rx 100\nmin_tx 100\nmultiplier 3\n${lines}\n}\n`;
}

const INSTANCE = `vrrp_instance V1 {
interface eth0
virtual_router_id 51
version 3
advert_int 0.2
track_bfd {
peer
}
virtual_ipaddress {
192.0.2.100
}
}
`;

const mirrored = ({ family, own, peer }: Place): Place => ({ family, own: peer, peer: own });

/** State of a session as the status has it; also what trackers are told. */
function shown(
  daemon: Daemon,
  name = "peer",
):
  | {
      readonly state: string;
      readonly up: boolean;
      readonly port: number;
      readonly local: number;
      readonly reason: string;
    }
  | undefined {
  const asked = spawnSync(
    "curl",
    ["-s", "--unix-socket", join(daemon.dir, "run", "api.sock"), `http://localhost/v1/bfd/${name}`],
    {
      encoding: "utf8",
    },
  );
  const body = JSON.parse(asked.stdout || "{}");
  if (body.state === undefined) return undefined;
  return {
    state: body.state,
    up: body.up,
    port: body.sourcePort,
    local: body.localDiscriminator,
    reason: body.lastChange?.reason ?? "",
  };
}

const isUp = (daemon: Daemon) => shown(daemon)?.state === "Up";
const isMaster = (segment: Segment) => addressesOf(segment.host(0)).includes(VIP);

/** Control packets that host 0 sent, oldest first. */
function sentBy(capture: Capture, { own }: Place) {
  return capture.frames.flatMap(({ at, bytes }) => {
    const isIpv6 = bytes[12] === 0x86;
    const source = isIpv6 ? bytes.subarray(22, 38) : bytes.subarray(26, 30);
    const wanted = isIpv6 ? own === "2001:db8::1" && source[15] === 1 : source.join(".") === own;
    const udp = 14 + (isIpv6 ? 40 : 20);
    const packet = decodeControl(bytes.subarray(udp + 8));
    if (!wanted || !packet.ok) return [];
    const word = (offset: number) => ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
    const hops = isIpv6 ? bytes[21] : bytes[22];
    return [{ at, hops, sourcePort: word(udp), port: word(udp + 2), packet: packet.value }];
  });
}

function isLastWord(capture: Capture, place: Place): boolean {
  const last = sentBy(capture, place).at(-1)?.packet;
  return last?.state === "Down" && last.diagnostic === 7;
}

/** A peer on host 1, with one session to host 0. */
interface Peer extends Disposable {
  isUp(): boolean;
  /** Ends at once. */
  kill(): void;
  start(): Promise<void>;
}

async function keepalivedPeer(segment: Segment, place: Place): Promise<Peer> {
  // keepalived's VRRP runs beside it: without an instance it would have nothing to report to.
  const text = `${session(mirrored(place), place.family === 6 ? "hoplimit 255" : "")}`;
  const daemon = new Daemon("keepalived", segment.host(1), text).start();
  const last = () => [...daemon.output.matchAll(/\(peer\) Entering (\w+) state/g)].at(-1)?.[1];
  let from = 0;
  return {
    isUp: () => daemon.output.length > from && last() === "Up",
    kill() {
      daemon.kill();
      from = daemon.output.length;
    },
    async start() {
      from = daemon.output.length;
      daemon.start();
    },
    [Symbol.dispose]: () => daemon[Symbol.dispose](),
  };
}

async function frrPeer(segment: Segment, place: Place): Promise<Peer> {
  const router = await frr(segment.host(1), frrBlock(place));
  return {
    isUp: () => router.state(place.own) === "up",
    kill: router.kill,
    start: router.start,
    [Symbol.dispose]: () => router[Symbol.dispose](),
  };
}

function frrBlock({ own, peer }: Place, more = ""): string {
  return ` peer ${own} local-address ${peer}${more}\n  detect-multiplier 3\n  receive-interval 100\n  transmit-interval 100\n !`;
}

function birdText({ own, peer }: Place, kind = 'dev "eth0"'): string {
  const where = kind === "multihop" ? "multihop" : `${kind}`;
  return `${kind === "multihop" ? "multihop" : 'interface "*"'} { min rx interval 100 ms; min tx interval 100 ms; idle tx interval 300 ms; multiplier 3; };\nneighbor ${own} ${kind === "multihop" ? `local ${peer} ${where}` : `${where} local ${peer}`};`;
}

async function birdPeer(segment: Segment, place: Place): Promise<Peer> {
  const router: Router = await bird(segment.host(1), birdText(place));
  return {
    isUp: () => router.state(place.own) === "Up",
    kill: router.kill,
    start: router.start,
    [Symbol.dispose]: () => router[Symbol.dispose](),
  };
}

const PEERS = { keepalived: keepalivedPeer, FRR: frrPeer, BIRD: birdPeer } as const;
const reason =
  netnsReason() ??
  (spawnSync("keepalived", ["-v"]).error ? "keepalived is not installed" : undefined) ??
  routersReason();
if (reason) console.log(`skipped: ${reason}`);

describe.skipIf(reason !== undefined)("beside another speaker [8]", () => {
  for (const [name, open] of Object.entries(PEERS))
    for (const place of [IPV4, IPV6])
      test(
        `${name}, IPv${place.family}: up; its end is noticed; its restart; our end, and our restart`,
        () => story(open, place),
        LIMIT_MS,
      );
});

async function story(open: (segment: Segment, place: Place) => Promise<Peer>, place: Place): Promise<void> {
  using segment = new Segment("bfd", "peer");
  const capture = await segment.capture(FILTER);
  using lbd = new Daemon("lbd", segment.host(0), session(place) + INSTANCE).start();
  using peer = await open(segment, place);
  await until("both are up", () => isUp(lbd) && peer.isUp(), 30_000);
  await until("what tracks the session is master", () => isMaster(segment), 20_000);
  const before = shown(lbd);

  const wire = await until("packets on the wire", () => {
    const sent = sentBy(capture, place);
    return sent.some(({ packet }) => packet.state === "Up") && sent;
  });
  expect(new Set(wire.map(({ hops, port }) => `${hops} ${port}`))).toEqual(new Set(["255 3784"]));
  // RFC 5881 §4: one source port for the life of a session, of these.
  expect(new Set(wire.map(({ sourcePort }) => sourcePort))).toEqual(new Set([before?.port ?? 0]));
  expect(before?.port).toBeGreaterThanOrEqual(49_152);

  peer.kill();
  await until("the end of the peer is noticed", () => shown(lbd)?.state !== "Up", 10_000);
  expect(shown(lbd)?.reason).toMatch(/^nothing heard for 300 ms/);
  await until("what tracks it gives up", () => !isMaster(segment), 10_000);

  await peer.start();
  await until("both are up again", () => isUp(lbd) && peer.isUp(), 30_000);
  await until("and it is master again", () => isMaster(segment), 20_000);
  expect(shown(lbd)).toMatchObject({ port: before?.port, local: before?.local } as never);

  expect(await lbd.stop()).toBe(0);
  // Within the time of a poll of the state, and not only when the detection time is over [9.3].
  await until("the peer hears that we leave", () => !peer.isUp(), 10_000);
  await until("our last word", () => isLastWord(capture, place));
  expect(sentBy(capture, place).at(-1)?.packet.my).toBe(before?.local ?? 0);

  lbd.start();
  await until("up after our restart", () => isUp(lbd) && peer.isUp(), 30_000);
  lbd.kill();
  await until("the peer notices our end", () => !peer.isUp(), 10_000);
}

describe.skipIf(reason !== undefined)("settings", () => {
  test(
    "a reload touches only what changed: state, port and discriminator stay, new intervals are agreed; removed: Down with diagnostic 7",
    async () => {
      using segment = new Segment("bfd", "peer");
      const capture = await segment.capture(FILTER);
      using lbd = new Daemon("lbd", segment.host(0), session(IPV4) + INSTANCE).start();
      using peer = await frr(segment.host(1), frrBlock(IPV4));
      await until("both are up", () => isUp(lbd) && peer.state(IPV4.own) === "up", 30_000);
      await until("master", () => isMaster(segment), 20_000);
      const before = shown(lbd);
      lbd.reload(session(IPV4).replace("min_tx 100", "min_tx 200") + INSTANCE);
      const announced = () => sentBy(capture, IPV4).findLast(({ packet }) => packet.desiredMinTxUs === 200_000);
      await until("the new interval is agreed", () => announced()?.packet.poll === false, 15_000);
      expect(shown(lbd)).toMatchObject({ state: "Up", port: before?.port, local: before?.local } as never);
      expect(isMaster(segment)).toBe(true);
      expect(sentBy(capture, IPV4).some(({ packet }) => packet.poll && packet.desiredMinTxUs === 200_000)).toBe(true);
      lbd.reload(INSTANCE.replace("track_bfd {\npeer\n}\n", ""));
      await until("the peer hears of the end", () => peer.state(IPV4.own) === "down", 10_000);
      await until("our last word", () => isLastWord(capture, IPV4));
    },
    LIMIT_MS,
  );

  test(
    "AdminDown of FRR: the session is down, VRRP is not told, the status says so; up again [6, 9.4]",
    async () => {
      using segment = new Segment("bfd", "peer");
      using lbd = new Daemon("lbd", segment.host(0), session(IPV4) + INSTANCE).start();
      using peer = await frr(segment.host(1), frrBlock(IPV4));
      await until("master", () => isUp(lbd) && isMaster(segment), 30_000);
      const inPeer = ["configure terminal", "bfd", `peer ${IPV4.own} local-address ${IPV4.peer}`];
      peer.vty(...inPeer, "shutdown");
      await until("administratively down", () => shown(lbd)?.state === "Down", 10_000);
      expect(shown(lbd)).toMatchObject({ up: true });
      expect(shown(lbd)?.reason).toStartWith("neighbour is administratively down");
      expect(isMaster(segment)).toBe(true);
      peer.vty(...inPeer, "no shutdown");
      await until("up again", () => isUp(lbd) && peer.state(IPV4.own) === "up", 20_000);
      expect(isMaster(segment)).toBe(true);
      expect(lbd.output).not.toContain("V1: MASTER to");
    },
    LIMIT_MS,
  );

  test(
    "multihop: another port, with FRR as it is, with BIRD (TTL 64) by max_hops -1 [8]",
    async () => {
      using segment = new Segment("bfd", "peer");
      const capture = await segment.capture(FILTER);
      using lbd = new Daemon("lbd", segment.host(0), session(IPV4, "multihop")).start();
      {
        using peer = await frr(segment.host(1), frrBlock(IPV4).replace(" local-address", " multihop local-address"));
        await until("up with FRR", () => isUp(lbd) && peer.state(IPV4.own) === "up", 30_000);
      }
      await until("FRR is gone", () => !isUp(lbd), 10_000);
      const ports = await until("packets", () => {
        const sent = sentBy(capture, IPV4);
        return sent.length > 3 && new Set(sent.map(({ port }) => port));
      });
      expect(ports).toEqual(new Set([4784]));
      using far = await bird(segment.host(1), birdText(IPV4, "multihop"));
      await until("BIRD's packets are refused", () => lbd.output.includes("refused: its TTL"), 20_000);
      expect(isUp(lbd)).toBe(false);
      lbd.reload(session(IPV4, "multihop\nmax_hops -1"));
      await until("up with BIRD", () => isUp(lbd) && far.state(IPV4.own) === "Up", 30_000);
    },
    LIMIT_MS,
  );

  test(
    "one-way loss: FRR is told at once by a Down in its name, and does not wait for its own time [9.2]",
    async () => {
      using segment = new Segment("bfd", "peer");
      const capture = await segment.capture(FILTER);
      using lbd = new Daemon("lbd", segment.host(0), session(IPV4)).start();
      using peer = await frr(segment.host(1), frrBlock(IPV4).replace("detect-multiplier 3", "detect-multiplier 50"));
      // Our own multiplier says when FRR would notice: it hears us all the time.
      await until("both are up", () => isUp(lbd) && peer.state(IPV4.own) === "up", 30_000);
      expect(segment.host(0).run("nft", "add", "table", "inet", "deaf").status).toBe(0);
      segment.host(0).run("nft", "add", "chain", "inet", "deaf", "in", "{ type filter hook input priority 0 ; }");
      expect(
        segment.host(0).run("nft", "add", "rule", "inet", "deaf", "in", "udp", "dport", "3784", "drop").status,
      ).toBe(0);
      await until("we notice", () => !isUp(lbd), 20_000);
      await until("FRR is down by our word", () => peer.state(IPV4.own) !== "up", 10_000);
      const word = await until("our word", () =>
        sentBy(capture, IPV4).find(({ packet }) => packet.state === "Down" && packet.diagnostic === 1),
      );
      expect(word.packet.your).not.toBe(0);
      expect(peer.vty("show bfd peers")).toContain("neighbor signaled session down");
    },
    LIMIT_MS,
  );

  test(
    "the port is another speaker's: said, VRRP goes on; it is had when the other one is gone [4, 9.6]",
    async () => {
      using segment = new Segment("bfd", "peer");
      using other = await frr(segment.host(0), "");
      const plain = INSTANCE.replace("track_bfd {\npeer\n}\n", "");
      using lbd = new Daemon("lbd", segment.host(0), session(IPV4) + plain).start();
      await until("it says that it can't listen", () => lbd.output.includes("can't listen on 0.0.0.0:3784"), 20_000);
      await until("VRRP works", () => isMaster(segment), 20_000);
      other.kill();
      await until("the port is had", () => lbd.output.includes("0.0.0.0:3784 is free now"), 20_000);
      using peer = await frr(segment.host(1), frrBlock(IPV4));
      await until("both are up", () => isUp(lbd) && peer.state(IPV4.own) === "up", 30_000);
    },
    LIMIT_MS,
  );

  test(
    "--bfd_pid, bfd_cpu_affinity: the process, with few rights, and none without a session",
    async () => {
      using segment = new Segment("bfd", "peer");
      const global = "global_defs {\nbfd_cpu_affinity 0\n}\n";
      using lbd = new Daemon("lbd", segment.host(0), global + session(IPV4) + INSTANCE);
      const file = join(lbd.dir, "asked.pid");
      lbd.start("--bfd_pid", file);
      const pid = await until("its pid file", () => {
        try {
          return Number(readFileSync(file, "utf8")) || false;
        } catch {
          return false;
        }
      });
      await until("it runs", () => lbd.output.includes("bfd runs"));
      expect(kernelView(pid).cpus).toBe("0");
      const status = readFileSync(`/proc/${pid}/status`, "utf8");
      // CAP_NET_BIND_SERVICE alone.
      expect(/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1]).toBe("0000000000000400");
      expect(/^Seccomp:\s*(\d)$/m.exec(status)?.[1]).toBe("2");
      using without = new Daemon("lbd", segment.host(1), INSTANCE.replace("track_bfd {\npeer\n}\n", "")).start();
      await until("the rest of it runs", () => without.output.includes("vrrp runs"));
      expect(existsSync(join(without.dir, "run", "bfd.pid"))).toBe(false);
    },
    LIMIT_MS,
  );
});
