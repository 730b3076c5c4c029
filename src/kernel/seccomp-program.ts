// Adapter: programs for the kernel's filter machine that answer system calls (seccomp(2), linux/filter.h): their steps, and how one is
// put together. Pure.

export type Machine = "x64" | "arm64";

/** Of a system call: asm/unistd_64.h (x86-64) and asm-generic/unistd.h (arm64); null: the machine has none. */
export type Numbers = readonly [x64: number | null, arm64: number | null];

/** struct sock_filter. */
export interface FilterStep {
  readonly code: number;
  readonly ifTrue: number;
  readonly ifFalse: number;
  readonly value: number;
}

const AUDIT_ARCH = { x64: 0xc000_003e, arm64: 0xc000_00b7 } as const;
/** x86-64: numbers of the 32-bit pointers' interface start here. */
const X32_BIT = 0x4000_0000;

const LD_W_ABS = 0x20;
export const JEQ_K = 0x15;
const JGE_K = 0x35;
export const JSET_K = 0x45;
export const AND_K = 0x54;
const RET_K = 0x06;

const RET_ALLOW = 0x7fff_0000;
const RET_KILL_PROCESS = 0x8000_0000;
const RET_ERRNO = 0x0005_0000;
const EPERM = 1;
const ENOSYS = 38;

/** Offsets in struct seccomp_data; of an argument the low half, on little-endian machines. */
const AT_NUMBER = 0;
const AT_ARCH = 4;
export const argument = (index: number) => 16 + 8 * index;
export const high = (index: number) => argument(index) + 4;

const CLONE: Numbers = [56, 220];
const CLONE3: Numbers = [435, 435];
const CLONE_THREAD = 0x1_0000;

export function step(code: number, value: number, ifTrue = 0, ifFalse = 0): FilterStep {
  return { code, ifTrue, ifFalse, value };
}

export function load(offset: number): FilterStep {
  return step(LD_W_ABS, offset);
}

function answer(value: number): FilterStep {
  return step(RET_K, value >>> 0);
}

export const ALLOW = answer(RET_ALLOW);
/** The call fails with EPERM. */
export const REFUSE = answer(RET_ERRNO | EPERM);
/** The call fails as if the kernel had none such. */
const UNKNOWN = answer(RET_ERRNO | ENOSYS);

export interface FilterProgram {
  refuse(calls: Iterable<Numbers>): void;
  /** `body` answers that call; it begins with the number loaded, and must not run out. */
  when(call: Numbers, body: readonly FilterStep[]): void;
  /** What no step before has answered is allowed. */
  whole(): readonly FilterStep[];
}

/** A call in another machine's way ends the process; only threads are made, no processes. */
export function filterProgram(machine: Machine): FilterProgram {
  const numberOf = ([x64, arm64]: Numbers) => (machine === "x64" ? x64 : arm64);
  const steps: FilterStep[] = [
    load(AT_ARCH),
    step(JEQ_K, AUDIT_ARCH[machine], 1, 0),
    answer(RET_KILL_PROCESS),
    load(AT_NUMBER),
    ...(machine === "x64" ? [step(JGE_K, X32_BIT, 0, 1), REFUSE] : []),
  ];
  const when = (call: Numbers, body: readonly FilterStep[]) => {
    const number = numberOf(call);
    if (number !== null) steps.push(step(JEQ_K, number, 0, body.length), ...body);
  };
  // The C library then makes threads by clone, whose flags can be seen.
  when(CLONE3, [UNKNOWN]);
  when(CLONE, [load(argument(0)), step(JSET_K, CLONE_THREAD, 0, 1), ALLOW, REFUSE]);
  return {
    when,
    refuse(calls) {
      for (const call of calls) when(call, [REFUSE]);
    },
    whole: () => [...steps, ALLOW],
  };
}

/** The end of a body: allowed with one of these values of an argument, which the kernel takes as 32 bits. */
export function onlyWith(index: number, values: readonly number[]): readonly FilterStep[] {
  return [load(argument(index)), ...values.flatMap((value) => [step(JEQ_K, value, 0, 1), ALLOW]), REFUSE];
}
