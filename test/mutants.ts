// Would the pure tests see a fault? Puts faults into a room's files, one at a time, and runs the tests that come to the line.
// `make test-mutants ROOM=src/vrrp N=40 SEED=1`; with AT=src/vrrp/accept.ts:120 all faults of that line (or file). Why no ready-made tool:
// docs/decisions/018-mutants.md. Exit code 1 when more than 5 % survive; what is known to change nothing is in mutants/equivalent.ts.
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { API } from "typescript/unstable/async";
import { EQUIVALENT } from "./mutants/equivalent.ts";
import { changeText, type Mutation, mutated, mutationsOf } from "./mutants/places.ts";
import { createReach } from "./mutants/reach.ts";
import { createTree, type Tree, type Verdict } from "./mutants/trial.ts";

const AT_ONCE = 2;
const MAY_SURVIVE = 0.05;
const ROOT = resolve(import.meta.dirname, "..");
/** Names that nobody uses any more: the linter's business, no fault. */
const UNUSED = new Set([6133, 6192, 6196, 6198]);

const given = (name: string, instead: string) => process.env[name] || instead;
const [ROOM, N, SEED, AT] = [given("ROOM", "src"), given("N", "40"), given("SEED", "1"), given("AT", "")];
const [atFile = "", atLine] = AT.split(":");
const texts = new Map<string, string>();
const changed = new Map<string, string>();
const compiler = new API({ cwd: ROOT, fs: { readFile: (path) => changed.get(path) } });
const project = join(ROOT, "tsconfig.json");

checkEquivalents();
const places = await allPlaces();
if (places.length === 0) fail(`nothing to change in ${AT || ROOM}`);
const chosen = AT ? await compiling(places, places.length) : await compiling(inTurn(places), Number(N));
await compiler.close();

const equivalent = chosen.flatMap((mutation) => {
  const why = equivalentWhy(mutation);
  return why === undefined ? [] : [{ mutation, why }];
});
const tried = chosen.filter((mutation) => equivalentWhy(mutation) === undefined);
for (const { mutation, why } of equivalent) report(mutation, `equivalent: ${why}`);

const reach = createReach(ROOT);
const survivors: Mutation[] = [];
const queue = tried.values();
await Promise.all(Array.from({ length: AT_ONCE }, (_, worker) => work(worker)));

const share = tried.length === 0 ? 0 : survivors.length / tried.length;
console.log(
  `${AT || ROOM}, seed ${SEED}: ${places.length} places, ${chosen.length} chosen, ${equivalent.length} equivalent, ${tried.length} run: ` +
    `${tried.length - survivors.length} caught, ${survivors.length} survived (${Math.round(share * 1000) / 10} %)`,
);
process.exitCode = share > MAY_SURVIVE ? 1 : 0;

async function work(worker: number): Promise<void> {
  using tree: Tree = createTree(ROOT, join(ROOT, ".cache/mutants", `${process.pid}-${worker}`));
  for (const mutation of queue) {
    const tests = await reach.to(mutation.file, mutation.line);
    const verdict = await tree.try(mutation.file, mutated(textOf(mutation.file), mutation), tests);
    if (verdict.kind === "survived") survivors.push(mutation);
    report(mutation, verdictText(verdict, mutation.file));
  }
}

function verdictText(verdict: Verdict, file: string): string {
  if (verdict.kind === "caught") return `caught by ${verdict.by}`;
  if (verdict.ran + verdict.left === 0)
    return `SURVIVED: no test runs this line, ${reach.importing(file).length} import its file`;
  return `SURVIVED ${verdict.ran} test files${verdict.left > 0 ? `, no time for ${verdict.left} more` : ""}`;
}

function report(mutation: Mutation, outcome: string): void {
  const { file, line, operator } = mutation;
  const change = changeText(textOf(file), mutation);
  console.log(`${`${file}:${line}`.padEnd(44)} ${operator.padEnd(10)} ${change.padEnd(60)} ${outcome}`);
}

function textOf(file: string): string {
  const known = texts.get(file) ?? readFileSync(join(ROOT, file), "utf8");
  texts.set(file, known);
  return known;
}

async function allPlaces(): Promise<readonly Mutation[]> {
  const snapshot = await compiler.updateSnapshot({ openProjects: [project] });
  const program = snapshot.getProjects()[0]?.program ?? fail("the compiler has no project");
  const found: Mutation[] = [];
  for (const path of (await program.getSourceFileNames()).toSorted()) {
    const file = path.slice(ROOT.length + 1);
    if (!path.startsWith(`${ROOT}/`) || !(atFile ? file === atFile : `${file}/`.startsWith(`${ROOM}/`))) continue;
    const source = await program.getSourceFile(path);
    if (source) found.push(...mutationsOf(file, source));
  }
  return atLine === undefined ? found : found.filter(({ line }) => line === Number(atLine));
}

/** The first `count` that the type checker takes: what it refuses is caught by `make check`. */
async function compiling(candidates: Iterable<Mutation>, count: number): Promise<readonly Mutation[]> {
  const taken: Mutation[] = [];
  for (const mutation of candidates) {
    if (taken.length >= count) break;
    const path = join(ROOT, mutation.file);
    changed.set(path, mutated(textOf(mutation.file), mutation));
    const snapshot = await compiler.updateSnapshot({ fileChanges: { changed: [path] } });
    const program = snapshot.getProjects()[0]?.program ?? fail("the compiler has no project");
    const wrong = [
      ...(await program.getSyntacticDiagnostics(path)),
      ...(await program.getSemanticDiagnostics(path)).filter(({ code }) => !UNUSED.has(code)),
    ];
    if (wrong.length === 0) taken.push(mutation);
    changed.delete(path);
    await compiler.updateSnapshot({ fileChanges: { changed: [path] } });
  }
  return taken;
}

/** One of each kind of fault after the other, each kind in the seed's order; a place once. */
function* inTurn(all: readonly Mutation[]): Generator<Mutation> {
  const random = generator(Number(SEED));
  const kinds = Map.groupBy(shuffled(all, random), ({ operator }) => operator);
  const order = [...kinds.keys()].toSorted();
  const used = new Set<string>();
  for (let more = true; more; ) {
    more = false;
    for (const operator of order) {
      const next = kinds.get(operator)?.pop();
      if (!next) continue;
      more = true;
      const key = `${next.file}:${next.start}:${operator}`;
      if (used.has(key)) continue;
      used.add(key);
      yield next;
    }
  }
}

function shuffled<T>(list: readonly T[], random: () => number): T[] {
  const result = [...list];
  for (let at = result.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [result[at], result[other]] = [result[other] as T, result[at] as T];
  }
  return result;
}

/** xorshift32; the same on every machine. */
function generator(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function equivalentWhy(mutation: Mutation): string | undefined {
  const text = textOf(mutation.file);
  const line = text.split("\n")[mutation.line - 1] ?? "";
  const change = changeText(text, mutation);
  return EQUIVALENT.find((row) => row.file === mutation.file && line.includes(row.at) && row.change === change)?.why;
}

function checkEquivalents(): void {
  const gone = EQUIVALENT.filter(({ file, at }) => !textOf(file).includes(at));
  if (gone.length > 0) fail(`not in the source any more: ${gone.map(({ file, at }) => `${file} ${at}`).join("; ")}`);
}

function fail(text: string): never {
  console.error(text);
  process.exit(2);
}
