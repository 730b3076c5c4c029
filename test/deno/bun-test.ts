// What the unit tests use of bun:test, on Deno: describe, test, test.each, hooks and expect. test/deno/run.ts maps the import to here.
// A matcher that is missing fails the test that asks for it, so nothing passes by absence.
import assert from "node:assert/strict";
import { after, afterEach, before, beforeEach, describe as nodeDescribe, test as nodeTest } from "node:test";

type Body = () => unknown;
type RowBody = (...row: never[]) => unknown;

function eachOf(run: (name: string, body: Body) => void) {
  return (rows: readonly unknown[]) =>
    (name: string, body: RowBody): void => {
      for (const [index, row] of rows.entries()) {
        const args = Array.isArray(row) ? row : [row];
        run(fillIn(name, args, index), () => Reflect.apply(body, undefined, args));
      }
    };
}

/** printf marks of test.each: %s %d %i %f %j %o %p take the next argument, %# is the index. */
function fillIn(name: string, args: readonly unknown[], index: number): string {
  let next = 0;
  return name.replace(/%[sdifjop#%]/g, (mark) => {
    if (mark === "%#") return String(index);
    if (mark === "%%") return "%";
    const arg = args[next++];
    return typeof arg === "object" ? JSON.stringify(arg, readably) : String(arg);
  });
}

/** What JSON has no form for, in messages. */
function readably(_key: string, value: unknown): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Map) return { Map: [...value] };
  return value instanceof Set ? { Set: [...value] } : value;
}

function runTest(name: string, body: Body): void {
  nodeTest(name, async () => {
    await body();
  });
}

function skipTest(name: string): void {
  nodeTest(name, { skip: true }, () => {});
}

const skip = Object.assign(skipTest, { each: () => (name: string) => skipTest(name) });

export const test = Object.assign(runTest, {
  each: eachOf(runTest),
  skip,
  skipIf: (condition: boolean) => (condition ? skip : test),
});
export const it = test;

function runDescribe(name: string, body: Body): void {
  nodeDescribe(name, () => {
    body();
  });
}

export const describe = Object.assign(runDescribe, {
  each: eachOf(runDescribe),
  skipIf: (condition: boolean) => (condition ? () => {} : runDescribe),
});

export const beforeAll = before;
export const afterAll = after;
export { afterEach, beforeEach };

type Thrown = string | RegExp | Error | (new (...args: never[]) => unknown) | undefined;

interface Matchers {
  toBe(expected: unknown): void;
  toEqual(expected: unknown): void;
  toStrictEqual(expected: unknown): void;
  toMatchObject(expected: unknown): void;
  toBeUndefined(): void;
  toBeDefined(): void;
  toBeNull(): void;
  toBeTrue(): void;
  toBeFalse(): void;
  toBeTruthy(): void;
  toBeFalsy(): void;
  toStartWith(expected: string): void;
  toEndWith(expected: string): void;
  toBeGreaterThan(expected: number | bigint): void;
  toBeGreaterThanOrEqual(expected: number | bigint): void;
  toBeLessThan(expected: number | bigint): void;
  toBeLessThanOrEqual(expected: number | bigint): void;
  toBeCloseTo(expected: number, digits?: number): void;
  toBeInstanceOf(expected: new (...args: never[]) => unknown): void;
  toContain(expected: unknown): void;
  toContainEqual(expected: unknown): void;
  toHaveLength(expected: number): void;
  toHaveProperty(key: string, expected?: unknown): void;
  toMatch(expected: string | RegExp): void;
  toThrow(expected?: Thrown): void;
}

interface Expectation extends Matchers {
  readonly not: Matchers;
  readonly resolves: AsyncMatchers;
  readonly rejects: AsyncMatchers;
}
type AsyncMatchers = { [K in keyof Matchers]: (...args: Parameters<Matchers[K]>) => Promise<void> };

/** Asymmetric values inside an expected one. */
class Matching {
  readonly matches: (actual: unknown) => boolean;
  readonly text: string;
  constructor(text: string, matches: (actual: unknown) => boolean) {
    this.text = text;
    this.matches = matches;
  }
}

function expectValue(actual: unknown, message?: string): Expectation {
  const settle = (pick: (value: unknown) => Matchers, wantRejection: boolean) =>
    asyncMatchers(async () => {
      const outcome = await Promise.resolve(actual).then(
        (value) => ({ rejected: false, value }),
        (value: unknown) => ({ rejected: true, value }),
      );
      assert.equal(outcome.rejected, wantRejection, `${message ?? "promise"}: ${show(outcome.value)}`);
      return pick(outcome.value);
    });
  return {
    ...matchers(actual, true, message),
    not: matchers(actual, false, message),
    resolves: settle((value) => matchers(value, true, message), false),
    // A rejection is looked at like something thrown.
    rejects: settle(
      (value) => ({
        ...matchers(value, true, message),
        toThrow: (expected) => matchers(rethrow(value), true, message).toThrow(expected),
      }),
      true,
    ),
  };
}

function rethrow(value: unknown): () => never {
  return () => {
    throw value;
  };
}

export const expect = Object.assign(expectValue, {
  any: (kind: new (...args: never[]) => unknown) =>
    new Matching(`any ${kind.name}`, (actual) => Object(actual) instanceof kind),
  anything: () => new Matching("anything", (actual) => actual !== undefined && actual !== null),
  stringContaining: (part: string) =>
    new Matching(`text with ${part}`, (actual) => typeof actual === "string" && actual.includes(part)),
  stringMatching: (pattern: RegExp) =>
    new Matching(`text like ${pattern}`, (actual) => typeof actual === "string" && pattern.test(actual)),
  objectContaining: (part: object) => new Matching(`object with ${show(part)}`, (actual) => covers(actual, part)),
  arrayContaining: (parts: readonly unknown[]) =>
    new Matching(
      `array with ${show(parts)}`,
      (actual) => Array.isArray(actual) && parts.every((p) => holds(actual, p)),
    ),
  unreachable(message = "this is never reached"): never {
    throw new assert.AssertionError({ message });
  },
});

function asyncMatchers(of: () => Promise<Matchers>): AsyncMatchers {
  const late =
    <K extends keyof Matchers>(name: K) =>
    async (...args: Parameters<Matchers[K]>) => {
      const found = await of();
      Reflect.apply(found[name], found, args);
    };
  const names = Object.keys(matchers(undefined, true));
  // The keys are the matchers' own, so the table is complete.
  return Object.fromEntries(names.map((name) => [name, late(name as keyof Matchers)])) as AsyncMatchers;
}

function matchers(actual: unknown, wanted: boolean, message?: string): Matchers {
  const say = (holdsTrue: boolean, what: string) => {
    if (holdsTrue === wanted) return;
    const not = wanted ? "" : "not ";
    throw new assert.AssertionError({ message: `${message ?? "expected"} ${show(actual)} ${not}${what}` });
  };
  const compare = (expected: number | bigint, sign: string, test: (a: number | bigint) => boolean) =>
    say((typeof actual === "number" || typeof actual === "bigint") && test(actual), `${sign} ${expected}`);
  return {
    toBe: (expected) => say(Object.is(actual, expected), `to be ${show(expected)}`),
    toEqual: (expected) => say(equal(actual, expected), `to equal ${show(expected)}`),
    toStrictEqual: (expected) => say(equal(actual, expected), `to equal ${show(expected)}`),
    toMatchObject: (expected) => say(covers(actual, expected), `to match ${show(expected)}`),
    toBeUndefined: () => say(actual === undefined, "to be undefined"),
    toBeDefined: () => say(actual !== undefined, "to be defined"),
    toBeNull: () => say(actual === null, "to be null"),
    toBeTrue: () => say(actual === true, "to be true"),
    toBeFalse: () => say(actual === false, "to be false"),
    toBeTruthy: () => say(Boolean(actual), "to be truthy"),
    toBeFalsy: () => say(!actual, "to be falsy"),
    toStartWith: (expected) =>
      say(typeof actual === "string" && actual.startsWith(expected), `to start with ${show(expected)}`),
    toEndWith: (expected) =>
      say(typeof actual === "string" && actual.endsWith(expected), `to end with ${show(expected)}`),
    toBeGreaterThan: (expected) => compare(expected, ">", (a) => a > expected),
    toBeGreaterThanOrEqual: (expected) => compare(expected, ">=", (a) => a >= expected),
    toBeLessThan: (expected) => compare(expected, "<", (a) => a < expected),
    toBeLessThanOrEqual: (expected) => compare(expected, "<=", (a) => a <= expected),
    toBeCloseTo: (expected, digits = 2) =>
      say(typeof actual === "number" && Math.abs(actual - expected) < 10 ** -digits / 2, `to be close to ${expected}`),
    toBeInstanceOf: (expected) => say(Object(actual) instanceof expected, `to be a ${expected.name}`),
    toContain: (expected) =>
      say(
        typeof actual === "string"
          ? actual.includes(String(expected))
          : iterable(actual) && [...actual].includes(expected),
        `to contain ${show(expected)}`,
      ),
    toContainEqual: (expected) => say(iterable(actual) && holds([...actual], expected), `to contain ${show(expected)}`),
    toHaveLength: (expected) => say(property(actual, "length") === expected, `to have length ${expected}`),
    toHaveProperty: (key, ...expected) =>
      say(
        typeof actual === "object" &&
          actual !== null &&
          key in actual &&
          (expected.length === 0 || equal(property(actual, key), expected[0])),
        `to have ${key}`,
      ),
    toMatch: (expected) =>
      say(
        typeof actual === "string" &&
          (typeof expected === "string" ? actual.includes(expected) : expected.test(actual)),
        `to match ${expected}`,
      ),
    toThrow: (expected) => {
      const outcome = thrownBy(actual);
      say(outcome.thrown && throwsLike(outcome.error, expected), `to throw ${show(expected)}, but: ${show(outcome)}`);
    },
  };
}

function thrownBy(run: unknown): { readonly thrown: boolean; readonly error?: unknown } {
  if (typeof run !== "function") throw new TypeError("toThrow: expected a function");
  try {
    run();
  } catch (error) {
    return { thrown: true, error };
  }
  return { thrown: false };
}

function throwsLike(error: unknown, expected: Thrown): boolean {
  const text = error instanceof Error ? error.message : String(error);
  if (expected === undefined) return true;
  if (typeof expected === "string") return text.includes(expected);
  if (expected instanceof RegExp) return expected.test(text);
  if (expected instanceof Error) return text === expected.message;
  return Object(error) instanceof expected;
}

/** Deep equality that, like Bun's toEqual, takes a property that is undefined as absent. */
function equal(actual: unknown, expected: unknown): boolean {
  if (expected instanceof Matching) return expected.matches(actual);
  if (Object.is(actual, expected)) return true;
  if (typeof actual !== "object" || typeof expected !== "object" || actual === null || expected === null) return false;
  if (Array.isArray(expected) !== Array.isArray(actual)) return false;
  if (expected instanceof Error) return actual instanceof Error && actual.message === expected.message;
  if (expected instanceof Date) return actual instanceof Date && actual.getTime() === expected.getTime();
  if (expected instanceof Uint8Array) return actual instanceof Uint8Array && equal([...actual], [...expected]);
  if (expected instanceof Map)
    return actual instanceof Map && actual.size === expected.size && [...expected].every((e) => holds([...actual], e));
  if (expected instanceof Set)
    return actual instanceof Set && actual.size === expected.size && [...expected].every((e) => holds([...actual], e));
  if (Array.isArray(expected) && property(actual, "length") !== expected.length) return false;
  const keys = new Set([...Object.keys(actual), ...Object.keys(expected)]);
  return [...keys].every((key) => equal(property(actual, key), property(expected, key)));
}

/** Whether `actual` has at least what `expected` has. */
function covers(actual: unknown, expected: unknown): boolean {
  if (
    typeof expected !== "object" ||
    expected === null ||
    expected instanceof Matching ||
    expected instanceof Uint8Array
  )
    return equal(actual, expected);
  if (typeof actual !== "object" || actual === null) return false;
  if (Array.isArray(expected) && property(actual, "length") !== expected.length) return false;
  return Object.keys(expected).every((key) => covers(property(actual, key), property(expected, key)));
}

function holds(list: readonly unknown[], expected: unknown): boolean {
  return list.some((item) => equal(item, expected));
}

function property(of: unknown, key: string): unknown {
  return of === null || of === undefined ? undefined : Reflect.get(Object(of), key);
}

function iterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function show(value: unknown): string {
  if (value instanceof Matching) return value.text;
  if (value instanceof Error || value instanceof RegExp || typeof value === "function") return String(value);
  return JSON.stringify(value, readably) ?? String(value);
}
