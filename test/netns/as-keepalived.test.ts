// Ring netns: lbd under the name keepalived beside Debian's keepalived: each is started by a shell in a /run, /dev and /etc/keepalived of its
// own, and what the shell sees afterwards is the same.
import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openReadiness } from "../../src/kernel/readiness.ts";
import { openServiceSocket } from "../../src/kernel/service-socket.ts";
import { lbdBinary } from "../support/daemon.ts";
import { netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { config } from "../support/vrrp-host.ts";

const LIMIT_MS = 60_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);
const netTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

const base = mkdtempSync(join(tmpdir(), "lbd-as-"));
afterAll(() => rmSync(base, { recursive: true }));

/** ip-netns(8) makes a mount namespace for each program: nothing of this is seen outside. */
const SHELL = `
mount -t tmpfs tmpfs /run; mkdir -p /run/devices; mount -t tmpfs tmpfs /run/devices
for device in "null 1 3" "zero 1 5" "random 1 8" "urandom 1 9"; do set -- $device; mknod -m 666 /run/devices/$1 c $2 $3; done
ln -s /proc/self/fd /run/devices/fd; mount --bind /run/devices /dev; ln -s $DIR/log /dev/log
mkdir -p /run/etc; mount --bind /run/etc /etc/keepalived; cp $DIR/keepalived.conf /etc/keepalived/
wait_for() { n=0; until eval "$1" || [ $n -gt 400 ]; do n=$((n+1)); sleep 0.05; done; eval "$1" || echo "never: $1"; }
pid() { cat /run/keepalived.pid; }
pid_files() { ls /run/*.pid 2>/dev/null | tr '\\n' ' '; }
# keepalived's own process forgets its pid file when TERM comes before it is set up.
master() { wait_for 'ip addr show eth0 | grep -q 192.0.2.100'; }
term() { master; p=$(pid); kill $p; wait_for "! kill -0 $p 2>/dev/null"; echo "left: $(pid_files)"; }
`;

interface Seen {
  readonly out: string;
  readonly log: readonly string[];
}

let count = 0;

/** What a shell prints that has the program as $P and does this, and what came to syslog or to the journal. */
async function seen(program: string, script: string, text: string): Promise<Seen> {
  using segment = new Segment("a");
  const dir = join(base, `${count++}`);
  mkdirSync(join(dir, "bin"), { recursive: true });
  if (program !== "keepalived") symlinkSync(program, join(dir, "bin", "keepalived"));
  writeFileSync(join(dir, "keepalived.conf"), text);
  const log: string[] = [];
  const receiver = openServiceSocket(openReadiness(), join(dir, "log"), (lines) => void log.push(...lines));
  const run = program === "keepalived" ? "keepalived" : `${join(dir, "bin", "keepalived")}`;
  const child = segment.host(0).spawn("sh", ["-c", `DIR=${dir}; P=${run}\n${SHELL}\n${script}`]);
  let out = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => {
      out += chunk.toString();
    });
  await until(`it ends\n${out}`, () => child.exitCode !== null, 40_000);
  await until("its output is read", () => child.stdout?.destroyed === true || child.stdout?.readableEnded === true);
  receiver.close();
  return { out, log };
}

/** Once for each of the two programs. */
async function both(script: string, text: string): Promise<readonly [lbd: Seen, keepalived: Seen]> {
  return [await seen(lbdBinary(), script, text), await seen("keepalived", script, text)];
}

/** The same output of both, and this. */
async function same(script: string, text: string, expected: string): Promise<readonly [Seen, Seen]> {
  const [lbd, keepalived] = await both(script, text);
  expect(keepalived.out).toBe(expected);
  expect(lbd.out).toBe(expected);
  return [lbd, keepalived];
}

describe.skipIf(reason !== undefined)("started under the name keepalived", () => {
  netTest("it goes to the background, leads a session, writes pid files, and takes them away at the end", async () => {
    const [lbd, keepalived] = await same(
      `$P; echo "status $?"; wait_for '[ -s /run/vrrp.pid ]'; echo "$(pid_files)"
      echo "session $(($(ps -o sid= -p $(pid)) == $(pid))) parent $(($(ps -o ppid= -p $(pid)))) called $(cat /proc/$(pid)/comm) $(cat /proc/$(cat /run/vrrp.pid)/comm)"
      readlink /proc/$(pid)/cwd; for n in 0 1 2; do readlink /proc/$(pid)/fd/$n; done; term`,
      config(),
      "status 0\n/run/keepalived.pid /run/vrrp.pid \nsession 1 parent 1 called keepalived keepalived\n/\n/dev/null\n/dev/null\n/dev/null\nleft: \n",
    );
    for (const { log } of [lbd, keepalived])
      expect(log.some((line) => /^<30>\w{3} [ \d]\d \d\d:\d\d:\d\d Keepalived\[\d+\]: /.test(line))).toBe(true);
    for (const { log } of [lbd, keepalived])
      expect(log.some((line) => /^<\d+>.* Keepalived_vrrp\[\d+\]: .*V1.*BACKUP/.test(line))).toBe(true);
  });

  netTest("-n stays, -S names the facility, -G keeps syslog out of it, -l is the console's", async () => {
    const script = (options: string, there: string) =>
      `$P ${options} 2>/run/err & wait_for '[ -s /run/vrrp.pid ]'; [ $! = $(pid) ] && echo same; wait_for '${there}'
      term; wait; grep -q BACKUP /run/err && echo console`;
    const [lbd, keepalived] = await both(script("-n -S 3", "true"), config());
    for (const { out, log } of [lbd, keepalived]) {
      expect(out).toBe("same\nleft: \n");
      expect(log.length).toBeGreaterThan(0);
      // LOG_LOCAL3 is 19.
      for (const line of log) expect(Math.floor(Number(/^<(\d+)>/.exec(line)?.[1]) / 8)).toBe(19);
    }
    for (const { out, log } of await both(script("-n -G -l", "grep -q BACKUP /run/err"), config())) {
      expect(out).toBe("same\nleft: \nconsole\n");
      expect(log).toEqual([]);
    }
  });

  netTest("pid files where -p and -r say", async () => {
    await same(
      `$P -p /run/one -r /run/two; echo "status $?"; wait_for '[ -s /run/two ]'; pid() { cat /run/one; }; ls /run/one /run/two; term; ls /run/one /run/two 2>/dev/null`,
      config(),
      "status 0\n/run/one\n/run/two\nleft: \n",
    );
  });

  netTest("the second one says with status 0 that there is one", async () => {
    await same(
      `$P; wait_for '[ -s /run/vrrp.pid ]'; first=$(pid); $P 2>/dev/null; echo "status $?"; [ $(pid) = $first ] && echo "the first stays"; term`,
      config(),
      "status 0\nthe first stays\nleft: \n",
    );
  });

  netTest("a pid file of a process that there is not is no reason not to run", async () => {
    await same(
      `echo 99999999 >/run/keepalived.pid; $P; echo "status $?"; wait_for '[ -s /run/vrrp.pid ]'; term`,
      config(),
      "status 0\nleft: \n",
    );
  });

  netTest("status without a file, and with an option that there is not; words that belong to none", async () => {
    await same(
      `rm /etc/keepalived/keepalived.conf; $P 2>/dev/null; echo "no file $?"; $P -f /nowhere 2>/dev/null; echo "nowhere $?"
      $P --surprise 2>/dev/null; echo "option $?"; $P --signum=RELOAD; echo "signum $?"; $P --signum=X 2>/dev/null; echo "signum $?"
      $P surprise >/dev/null 2>&1; echo "word $?"`,
      config(),
      "no file 6\nnowhere 6\noption 1\n1\nsignum 0\nsignum 1\nword 6\n",
    );
  });

  netTest("the version as scripts take it apart", async () => {
    const script = `for option in -h -v --version; do $P $option 2>/run/err >/run/out; echo "status $? out $(wc -c </run/out)"; head -1 /run/err | sed -n 's/^Keepalived v\\([0-9][0-9]*\\)\\.\\([0-9]*\\)\\.[0-9]* (.*/\\1.\\2/p'; done`;
    const [lbd, keepalived] = await both(script, config());
    const form = (minor: string) => `status 0 out 0\n${`status 0 out 0\n2.${minor}\n`.repeat(2)}`;
    expect([lbd.out, keepalived.out]).toEqual([form("4"), form("2")]);
  });

  netTest("-t: places and status", async () => {
    const text = `vrrp_instance V1 {\n interface eth0\n virtual_router_id 4\n surprise\n virtual_ipaddress {\n 192.0.2.50\n }\n}\n`;
    const seen = await both(
      `$P -t 2>/run/err; echo "status $?"; grep -c "^(/etc/keepalived/keepalived.conf: Line 4) .*surprise" /run/err; $P -t/run/to; cut -d')' -f1 /run/to`,
      text,
    );
    for (const { out } of seen) expect(out).toBe("status 5\n1\n(/etc/keepalived/keepalived.conf: Line 4\n");
  });

  netTest("--address-monitoring, -a: every address that is there, comes and goes; without it none", async () => {
    const script = (
      options: string,
    ) => `$P -n -l -G ${options} 2>/run/err & wait_for '[ -s /run/vrrp.pid ]'; wait_for 'grep -q BACKUP /run/err'
      ip addr add 203.0.113.7/24 dev eth0; wait_for '[ -z "${options}" ] || grep -q "203.0.113.7.* added to eth0" /run/err'
      ip addr del 203.0.113.7/24 dev eth0; wait_for '[ -z "${options}" ] || grep -q "203.0.113.7.* removed from eth0" /run/err'
      term; wait; grep -c "127.0.0.1.* added to lo" /run/err; grep -c 203.0.113.7 /run/err`;
    for (const long of ["-a", "--address-monitoring"]) await same(script(long), config(), "left: \n1\n2\n");
    await same(script(""), config(), "left: \n0\n0\n");
  });

  netTest("--umask: as C writes numbers; a wrong one is none", async () => {
    await same(
      `for mask in 27 0x17 junk; do $P -u $mask >/dev/null 2>&1; master; echo "$mask $(sed -n 's/^Umask:.//p' /proc/$(cat /run/vrrp.pid)/status)"
      p=$(pid); kill $p; wait_for "! kill -0 $p 2>/dev/null"; done`,
      config(),
      "27 0033\n0x17 0027\njunk 0177\n",
    );
  });

  netTest("--all: each process runs without anything to do", async () => {
    await same(
      `$P --all; wait_for '[ -s /run/vrrp.pid -a -s /run/checkers.pid -a -s /run/bfd.pid ]'; pid_files; p=$(pid); kill $p; wait_for "! kill -0 $p 2>/dev/null"`,
      "global_defs {\n}\n",
      "/run/bfd.pid /run/checkers.pid /run/keepalived.pid /run/vrrp.pid ",
    );
  });

  netTest("--release-vips, -X: the address is gone when the programs of the stop run", async () => {
    const text = config({ extra: "notify_stop /run/stop" });
    for (const option of ["", "-X", "--release-vips"])
      await same(
        `printf '#!/bin/sh\\nip -4 addr show eth0 | grep -c 192.0.2.100 >/run/seen\\n' >/run/stop; chmod 755 /run/stop
        $P -n ${option} & wait_for 'ip addr show eth0 | grep -q 192.0.2.100'; term; wait; cat /run/seen`,
        text,
        "left: \n0\n",
      );
  });

  netTest("--as-keepalived does the same under the own name, and what keeps it from starting is said", async () => {
    using segment = new Segment("a");
    const dir = join(base, "own");
    mkdirSync(dir);
    writeFileSync(join(dir, "keepalived.conf"), config());
    const { stdout } = segment.host(0).run(
      "sh",
      "-c",
      `DIR=${dir}; P="${lbdBinary()} run --as-keepalived --api off"\n${SHELL}
      $P; echo "status $?"; wait_for '[ -s /run/vrrp.pid ]'; cat /proc/$(pid)/comm; term
      echo "vrrp_instance V1 {" >/etc/keepalived/keepalived.conf; $P 2>/run/err; echo "status $?"; grep -c "error config" /run/err`,
    );
    expect(stdout).toMatch(/^status 0\nkeepalived\nleft: \nstatus 2\n[1-9]\n$/);
  });
});

describe.skipIf(reason !== undefined)("under its own name, with the journal at the other end of standard error", () => {
  netTest(
    "lines are messages of the journal's own protocol; when nobody takes them they go to standard error",
    async () => {
      const { out, log } = await seen(
        lbdBinary(),
        `mkdir -p /run/systemd/journal; ln -s $DIR/log /run/systemd/journal/socket
      sh -c 'JOURNAL_STREAM=$(stat -L -c %d:%i /proc/self/fd/2) exec ${lbdBinary()} -S local1 --api off --run-dir /run/own' 2>/run/err &
      master; wc -c </run/err; rm /run/systemd/journal/socket
      kill -HUP $!; wait_for 'grep -q "reload done" /run/err'; kill $!; wait; grep -c "^<6>info config: reload done" /run/err`,
        config(),
      );
      expect(out).toBe("0\n1\n");
      expect(log).toContain("LBD_AREA=vrrp");
      expect(log).toContain("SYSLOG_IDENTIFIER=lbd");
      // LOG_LOCAL1; nothing came to /dev/log beside.
      expect(
        log.filter((line) => line.startsWith("SYSLOG_FACILITY=")).every((line) => line === "SYSLOG_FACILITY=17"),
      ).toBe(true);
      expect(log.some((line) => /^MESSAGE=process: lbd .* starts/.test(line))).toBe(true);
      expect(log.some((line) => /^<\d+>/.test(line))).toBe(false);
    },
  );
});
