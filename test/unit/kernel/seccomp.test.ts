import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { type FilterStep, type Machine, refusals } from "../../../src/kernel/seccomp-filter.ts";

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
    ["openat for reading", 257, 56, [0n, 0n, 0o2000000n], ALLOW],
    ["openat for writing", 257, 56, [0n, 0n, 0o1n], EPERM],
    ["openat that makes a file", 257, 56, [0n, 0n, 0o100n], EPERM],
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

test("numbers of the other interface of x86-64 are refused", () => {
  expect(run(refusals("x64"), ARCH.x64, 0x4000_0000 + 59)).toBe(EPERM);
});

test.each([
  ["fork", 57],
  ["vfork", 58],
])("%s, which x86-64 has beside clone, makes no process either", (_name, number) => {
  expect(run(refusals("x64"), ARCH.x64, number)).toBe(EPERM);
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
