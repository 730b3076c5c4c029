// Are the words of docs/compat.md shown by the tests that it names? Takes one keyword after the other out of the tables and runs its test,
// which has to fail then. Words whose named test is in the unit ring only: others need namespaces or a machine.
// `bun test/words.ts`: all; `bun test/words.ts vrrp_instance/priority garp`: those whose path holds one of these.
import { resolve } from "node:path";
import { catalog } from "../src/config/keywords/catalog.ts";

/** Read without a look into the tables, so that taking the row out takes nothing away; their tests leave the word out themselves. */
const OWN_READERS = /^(cli|directive|macro|tracker|vsg|tunnel)\/|\/<\w+>$|^global_defs\/(include_check|random_seed)$/;
/** Its number may stand without the word (keepalived's older form). */
const MAY_BE_LEFT_OUT = /^lvs_sync_daemon\/id$/;

const AT_ONCE = 2;
const wanted = process.argv.slice(2);
const words = catalog()
  .flatMap(({ entries }) => entries)
  .flatMap(({ id, row: { effective } }) => {
    if (typeof effective !== "object" || !("test" in effective) || effective.always !== undefined) return [];
    if (!effective.test.startsWith("test/unit/") || OWN_READERS.test(id) || MAY_BE_LEFT_OUT.test(id)) return [];
    return wanted.length === 0 || wanted.some((part) => id.includes(part)) ? [{ id, test: effective.test }] : [];
  });

const unshown: string[] = [];
const queue = words.values();
await Promise.all(Array.from({ length: AT_ONCE }, work));
console.log(`${words.length - unshown.length} of ${words.length} words are shown by the tests they name`);
for (const one of unshown) console.log(`not shown: ${one}`);
process.exitCode = unshown.length > 0 ? 1 : 0;

async function work(): Promise<void> {
  for (const { id, test } of queue) {
    const preload = resolve(import.meta.dirname, "support/without-word.ts");
    const run = Bun.spawn([process.execPath, "test", "--preload", preload, test], {
      env: { ...process.env, LBD_WITHOUT_WORD: id },
      stdout: "ignore",
      stderr: "ignore",
    });
    if ((await run.exited) === 0) unshown.push(`${id} by ${test}`);
  }
}
