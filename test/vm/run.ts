// Ring vm: boots a machine with a real ip_vs and runs a command there. `bun test/vm/run.ts [--memory MB] [--limit SECONDS] COMMAND…`
// What the guest prints is printed; its exit status is ours (125 when it never said one).
import { buildGuest } from "../machine/guest.ts";
import { endOnSignals, startMachine } from "../machine/qemu.ts";

const words = process.argv.slice(2);
const memoryMb = Number(option("--memory") ?? 2048);
const limitMs = Number(option("--limit") ?? 2100) * 1000;
const command = words.length > 0 ? words.join(" ") : "exec bun test --timeout 120000 test/vm/guest";

function option(name: string): string | undefined {
  const at = words.indexOf(name);
  return at < 0 ? undefined : words.splice(at, 2)[1];
}

endOnSignals(() => 125);
using guest = buildGuest(command);
const machine = startMachine({ ...guest, memoryMb, cpus: 2, limitMs, line: (text) => console.log(text) });
const status = await machine.finished;
if (status === undefined) console.error(`the machine ended without a result (limit ${limitMs / 1000} s)`);
process.exitCode = status ?? 125;
