import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { roleRefusals } from "../../../src/kernel/role-filter.ts";
import { refusals } from "../../../src/kernel/seccomp-filter.ts";
import type { FilterStep, Machine } from "../../../src/kernel/seccomp-program.ts";

const ALLOW = 0x7fff_0000;
const EPERM = 0x0005_0001;
const ENOSYS = 0x0005_0026;
const KILL = 0x8000_0000;
const ARCH = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;

/** The kernel's machine, as far as the program uses it (linux/filter.h, linux/seccomp.h). */
function run(steps: readonly FilterStep[], arch: number, number: number, args: readonly bigint[] = []): number {
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, arch, true);
  for (const [index, value] of args.entries()) data.setBigUint64(16 + 8 * index, value, true);
  let accumulator = 0;
  for (let at = 0; at < steps.length; at++) {
    const step = steps[at];
    if (!step) break;
    const jump = (is: boolean) => {
      at += is ? step.ifTrue : step.ifFalse;
    };
    switch (step.code) {
      case 0x20:
        accumulator = data.getUint32(step.value, true);
        break;
      case 0x54:
        accumulator = (accumulator & step.value) >>> 0;
        break;
      case 0x15:
        jump(accumulator === step.value);
        break;
      case 0x35:
        jump(accumulator >= step.value);
        break;
      case 0x45:
        jump((accumulator & step.value) !== 0);
        break;
      case 0x06:
        return step.value;
      default:
        throw new Error(`no step of a filter: ${step.code}`);
    }
  }
  throw new Error("the program has no end");
}

describe.each(["x64", "arm64"] as const)("on %s", (machine: Machine) => {
  const program = refusals(machine);
  const of = (x64: number, arm64: number, ...args: bigint[]) =>
    run(program, ARCH[machine], machine === "x64" ? x64 : arm64, args);

  test.each([
    ["execve", 59, 221, [], EPERM],
    ["connect", 42, 203, [], EPERM],
    ["socketpair", 53, 199, [1n, 2n, 0n], EPERM],
    ["ptrace", 101, 117, [], EPERM],
    ["kill", 62, 129, [], EPERM],
    ["io_uring_setup", 425, 425, [], EPERM],
    ["clone3", 435, 435, [], ENOSYS],
    ["a new process", 56, 220, [17n], EPERM],
    ["a new thread", 56, 220, [0x3d_0f00n], ALLOW],
    ["its scheduling", 144, 119, [0n, 1n], EPERM],
    ["its scheduling, in the newer way", 314, 274, [0n], EPERM],
    ["openat for reading", 257, 56, [0n, 0n, 0o2000000n], ALLOW],
    ["openat for writing", 257, 56, [0n, 0n, 0o1n], EPERM],
    ["openat that makes a file", 257, 56, [0n, 0n, 0o100n], EPERM],
    ["openat that empties a file", 257, 56, [0n, 0n, 0o1000n], EPERM],
    ["a TCP socket", 41, 198, [2n, 0o2004001n], ALLOW],
    ["a TCP socket of IPv6", 41, 198, [10n, 1n], ALLOW],
    ["a UDP socket", 41, 198, [2n, 2n], EPERM],
    ["a netlink socket", 41, 198, [16n, 3n], EPERM],
    ["a UNIX socket", 41, 198, [1n, 1n], EPERM],
    ["an answer", 44, 206, [5n, 1n, 10n, 0x4000n, 0n], ALLOW],
    ["sendto with an address", 44, 206, [5n, 1n, 10n, 0n, 0x7fff_0000_0000n], EPERM],
    ["sendto that connects", 44, 206, [5n, 1n, 10n, 0x2000_0000n, 0n], EPERM],
    ["sendmsg", 46, 211, [5n, 1n, 0x4000n], ALLOW],
    ["sendmsg that connects", 46, 211, [5n, 1n, 0x2000_0000n], EPERM],
    ["fcntl for the flags", 72, 25, [4n, 4n, 0o4000n], ALLOW],
    ["fcntl for who is signalled", 72, 25, [4n, 8n, 1n], EPERM],
    ["fcntl for the signal", 72, 25, [4n, 10n, 12n], EPERM],
    ["fcntl for who is signalled, by kind", 72, 25, [4n, 15n], EPERM],
    ["read", 0, 63, [], ALLOW],
    ["accept4", 288, 242, [], ALLOW],
    ["epoll_pwait", 281, 22, [], ALLOW],
    ["mmap", 9, 222, [], ALLOW],
  ] as const)("%s", (_what, x64, arm64, args, answer) => {
    expect(of(x64, arm64, ...args)).toBe(answer);
  });

  test("in another machine's way is the end", () => {
    expect(run(program, ARCH[machine === "x64" ? "arm64" : "x64"], 0)).toBe(KILL);
    expect(run(program, 0x4000_0003, 11)).toBe(KILL);
  });

  test("fits the kernel, which takes 4096 steps", () => {
    expect(program.length).toBeLessThan(4096);
    for (const { ifTrue, ifFalse } of program) expect(Math.max(ifTrue, ifFalse)).toBeLessThan(256);
  });
});

describe.each(["x64", "arm64"] as const)("of a role, on %s", (machine: Machine) => {
  const PID = 4711;
  const whole = { pid: PID, changesNamespace: false };
  const own = BigInt(PID);
  const other = 1n;
  const all = 0xffff_ffffn;
  const of = (use: typeof whole, x64: number, arm64: number, args: readonly bigint[]) =>
    run(roleRefusals(machine, use), ARCH[machine], machine === "x64" ? x64 : arm64, args);

  test.each([
    ["execve", 59, 221, [], EPERM],
    ["ptrace", 101, 117, [], EPERM],
    ["a new process", 56, 220, [17n], EPERM],
    ["a new thread", 56, 220, [0x3d_0f00n], ALLOW],
    ["a signal to itself", 62, 129, [own, 6n], ALLOW],
    ["a signal to another", 62, 129, [other, 9n], EPERM],
    ["a signal to all", 62, 129, [all, 9n], EPERM],
    ["a signal to its group", 62, 129, [0n, 9n], EPERM],
    ["a signal to a thread of its own", 234, 131, [own, 99n, 10n], ALLOW],
    ["a signal to a thread of another", 234, 131, [other, 1n, 9n], EPERM],
    ["a limit of its own", 302, 261, [0n, 0n], ALLOW],
    ["a limit of another", 302, 261, [other, 0n], EPERM],
    ["its scheduling", 144, 119, [0n, 2n], ALLOW],
    ["another's scheduling", 144, 119, [other, 5n], EPERM],
    ["another's scheduling, in the newer way", 314, 274, [other], EPERM],
    ["its processors", 203, 122, [0n], ALLOW],
    ["another's processors", 203, 122, [other], EPERM],
    ["its nice value", 141, 140, [0n, 0n, 5n], ALLOW],
    ["another's nice value", 141, 140, [0n, other, 19n], EPERM],
    ["the nice value of a user", 141, 140, [2n, 0n, 19n], EPERM],
    ["another's place at the disk", 251, 30, [1n, other], EPERM],
    ["a mode", 268, 53, [], EPERM],
    ["a mode, in the newer way", 452, 452, [], EPERM],
    ["an access list", 188, 5, [], EPERM],
    ["an owner", 260, 54, [], EPERM],
    ["an owner, by descriptor", 93, 55, [], EPERM],
    ["times of a file", 280, 88, [], EPERM],
    ["another namespace", 308, 268, [], EPERM],
    ["a user namespace", 272, 97, [0x1000_0000n], EPERM],
    ["fcntl for the flags", 72, 25, [4n, 4n, 0o24000n], ALLOW],
    ["itself signalled", 72, 25, [4n, 8n, own], ALLOW],
    ["nobody signalled", 72, 25, [4n, 8n, 0n], ALLOW],
    ["another signalled", 72, 25, [4n, 8n, other], EPERM],
    ["a group signalled", 72, 25, [4n, 8n, all], EPERM],
    ["another signalled, by kind", 72, 25, [4n, 15n], EPERM],
    ["another signalled, by ioctl", 16, 29, [4n, 0x8901n], EPERM],
    ["a lease on a file", 72, 25, [4n, 1024n, 1n], EPERM],
    ["flags of a file", 16, 29, [4n, 0x4008_6602n], EPERM],
    ["flags of a file, in the newer way", 16, 29, [4n, 0x401c_5820n], EPERM],
    ["an ioctl of a link", 16, 29, [4n, 0x8946n], ALLOW],
    ["a raw socket", 41, 198, [2n, 3n, 112n], ALLOW],
    ["a raw socket of IPv6", 41, 198, [10n, 3n, 112n], ALLOW],
    ["a packet socket", 41, 198, [17n, 3n, 0n], ALLOW],
    ["a netlink socket for routes", 41, 198, [16n, 3n, 0n], ALLOW],
    ["a netlink socket for IPVS", 41, 198, [16n, 3n, 16n], ALLOW],
    ["a netlink socket for device events", 41, 198, [16n, 3n, 15n], EPERM],
    ["a UNIX socket of streams", 41, 198, [1n, 0o2004001n, 0n], EPERM],
    ["a UNIX socket of datagrams", 41, 198, [1n, 2n, 0n], EPERM],
    ["a UNIX socket of messages", 41, 198, [1n, 0o2004005n, 0n], EPERM],
    ["a virtual machine's socket", 41, 198, [40n, 1n, 0n], EPERM],
    ["socketpair", 53, 199, [1n, 2n, 0n], EPERM],
    ["connect", 42, 203, [], ALLOW],
    ["sendmmsg", 307, 269, [], ALLOW],
    ["openat for writing", 257, 56, [0n, 0n, 0o1n], ALLOW],
    ["openat for reading", 257, 56, [0n, 0n, 0o2000000n], ALLOW],
    ["openat that empties what it writes", 257, 56, [0n, 0n, 0o1101n], ALLOW],
    ["openat that empties what it reads and writes", 257, 56, [0n, 0n, 0o1002n], ALLOW],
    ["openat that empties what it reads", 257, 56, [0n, 0n, 0o1000n], EPERM],
    ["openat that empties without reading or writing", 257, 56, [0n, 0n, 0o1003n], EPERM],
    ["openat that makes and empties", 257, 56, [0n, 0n, 0o2001100n], EPERM],
    ["openat2", 437, 437, [], EPERM],
    ["truncate", 76, 45, [], EPERM],
    ["ftruncate", 77, 46, [], ALLOW],
    ["a directory", 258, 34, [], EPERM],
    ["memory of others attached", 30, 196, [], EPERM],
    ["memory of others removed", 31, 195, [], EPERM],
    ["semaphores of others set", 66, 191, [], EPERM],
    ["semaphores of others taken", 65, 193, [], EPERM],
    ["semaphores of others taken, in the newer way", 220, 192, [], EPERM],
    ["messages to others", 69, 189, [], EPERM],
    ["messages for others read", 70, 188, [], EPERM],
    ["queues of others removed", 71, 187, [], EPERM],
    ["queues of others removed by name", 241, 181, [], EPERM],
    ["read", 0, 63, [], ALLOW],
  ] as const)("%s", (_what, x64, arm64, args, answer) => {
    expect(of(whole, x64, arm64, args)).toBe(answer);
  });

  test("with what a configuration asks for", () => {
    expect(of({ ...whole, changesNamespace: true }, 308, 268, [])).toBe(ALLOW);
  });

  test("fits the kernel", () => {
    const program = roleRefusals(machine, whole);
    expect(program.length).toBeLessThan(4096);
    for (const { ifTrue, ifFalse } of program) expect(Math.max(ifTrue, ifFalse)).toBeLessThan(256);
  });
});

test.each([
  ["x64", 49, 50, 42],
  ["arm64", 200, 201, 203],
] as const)(
  "a gate, which has its port, takes no other one, and connects to its door, on %s",
  (machine, bind, listen, connect) => {
    const program = refusals(machine, "gate");
    expect([bind, listen, connect].map((call) => run(program, ARCH[machine], call))).toEqual([EPERM, EPERM, ALLOW]);
  },
);

test("numbers of the other interface of x86-64 are refused", () => {
  expect(run(refusals("x64"), ARCH.x64, 0x4000_0000 + 59)).toBe(EPERM);
});

test.each([
  ["fork", 57],
  ["vfork", 58],
])("%s, which x86-64 has beside clone, makes no process either", (_name, number) => {
  expect(run(refusals("x64"), ARCH.x64, number)).toBe(EPERM);
});

test.each([
  ["for reading", 0n, ALLOW],
  ["that empties what it writes", 0o1101n, ALLOW],
  ["that empties what it reads", 0o1000n, EPERM],
  ["that empties without reading or writing", 0o1003n, EPERM],
])("open %s, which x86-64 has beside openat, in a role", (_what, flags, answer) => {
  const program = roleRefusals("x64", { pid: 1, changesNamespace: false });
  expect(run(program, ARCH.x64, 2, [0n, flags])).toBe(answer);
});

test("a process under the filter serves and reads, and does nothing else, in every thread", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../../support/seccomp-child.ts")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  expect(JSON.parse(await new Response(child.stdout).text())).toEqual({
    said: "filtered",
    threads: ["2"],
    read: "done",
    write: "EPERM",
    spawn: "EPERM",
    kill: "EPERM",
    connect: expect.stringMatching(/^(EPERM|ECONNREFUSED|FailedToOpenSocket)$/),
    listen: "done",
  });
});

test("a role under its filter works, and leaves other processes, modes and services alone, in every thread", async () => {
  const dir = mkdtempSync(join(tmpdir(), "lbd-role-filter-"));
  const file = join(dir, "file");
  writeFileSync(file, "", { mode: 0o600 });
  const child = Bun.spawn(
    [process.execPath, join(import.meta.dir, "../../support/role-filter-child.ts"), `${process.pid}`, file],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  expect(JSON.parse(await new Response(child.stdout).text())).toEqual({
    said: "filtered",
    threads: ["2"],
    "signal another": "EPERM",
    "signal itself": "done",
    "limit another": "EPERM",
    "limit itself": "done",
    "slow another": "EPERM",
    "slow itself": "done",
    "nice another": "EPERM",
    "nice itself": "done",
    "start a program": "EPERM",
    "change a mode": "EPERM",
    "empty a file": "EPERM",
    "empty a file by name": "EPERM",
    "write a file": "done",
    "write a file anew": "done",
    "replace a file": "done",
    "make a directory": "EPERM",
    "ask the bus": "EPERM",
    "ask the log": "EPERM",
    "ask for device events": "EPERM",
    "tell of devices": "EPERM",
    "change routes": "done",
    check: "done",
    "be signalled": "done",
    "have another signalled": "EPERM",
    "connect by name": "hello",
    thread: "32",
  });
  expect([statSync(file).mode & 0o7777, statSync(join(dir, "replaced")).mode & 0o7777]).toEqual([0o600, 0o640]);
  rmSync(dir, { recursive: true });
});
