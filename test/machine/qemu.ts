// Test machine: starts a virtual machine under software emulation, shows its serial console line by line, and gives its result.
import { spawn } from "node:child_process";
import { StringDecoder } from "node:string_decoder";

export interface Machine {
  readonly kernel: string;
  readonly initrd: string;
  readonly memoryMb: number;
  readonly cpus: number;
  /** Words behind the ones that every machine gets. */
  readonly append?: string;
  /** Ports of 127.0.0.1 that lead into the guest (10.0.2.15); nothing else of the network is reachable. */
  readonly forward?: readonly { readonly host: number; readonly guest: number }[];
  readonly limitMs: number;
  /** Every line of the console, as it comes. */
  readonly line: (text: string) => void;
}

export interface RunningMachine {
  /** Exit status that the guest printed as `VM_EXIT=n`; undefined when it ended without one, or by the limit. */
  readonly finished: Promise<number | undefined>;
  stop(): void;
}

/** Marks the guest's result on the console. */
export const EXIT_MARK = "VM_EXIT=";

/** Signals that end this program, and with it the machine: without a handler nothing of ours would run any more. */
export function endOnSignals(status: (signal: NodeJS.Signals) => number): void {
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.once(signal, () => process.exit(status(signal)));
}

export function startMachine(machine: Machine): RunningMachine {
  return startEmulator("qemu-system-x86_64", qemuArguments(machine), machine);
}

/** Starts QEMU with arguments of its own; the serial console is on its standard output. */
export function startEmulator(
  program: string,
  given: readonly string[],
  machine: Pick<Machine, "limitMs" | "line"> & { readonly enter?: readonly string[] },
): RunningMachine {
  // A group of its own: Ctrl-C is ours to answer. And whatever kills us kills the machine; said last, since it does not outlast other rights.
  const [first, ...words] = [...(machine.enter ?? []), "setpriv", "--pdeathsig", "SIGKILL", program, ...given];
  const child = spawn(first ?? "", words, { stdio: ["ignore", "pipe", "pipe"], detached: true });
  const limit = setTimeout(() => child.kill("SIGKILL"), machine.limitMs);
  const stop = () => {
    child.kill("SIGKILL");
  };
  process.once("exit", stop);
  let status: number | undefined;
  let rest = "";
  const decoder = new StringDecoder("utf8");
  const take = (chunk: Buffer) => {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const shown = line.replace(/\r$/, "");
      if (shown.startsWith(EXIT_MARK)) status = Number(shown.slice(EXIT_MARK.length));
      else machine.line(shown);
    }
  };
  child.stdout.on("data", take);
  child.stderr.on("data", take);
  const finished = new Promise<number | undefined>((resolve, reject) => {
    child.once("error", (error) =>
      reject(new Error(`setpriv and ${program} can't be started (make deps): ${error.message}`)),
    );
    child.once("close", () => {
      clearTimeout(limit);
      process.off("exit", stop);
      if (rest !== "") machine.line(rest);
      resolve(status);
    });
  });
  return { finished, stop };
}

function qemuArguments(machine: Machine): string[] {
  const forwards = (machine.forward ?? [])
    .map(({ host, guest }) => `,hostfwd=tcp:127.0.0.1:${host}-:${guest}`)
    .join("");
  const network =
    forwards === ""
      ? []
      : ["-netdev", `user,id=u,restrict=on${forwards}`, "-device", "virtio-net-pci,netdev=u,romfile="];
  const append = `console=ttyS0 quiet loglevel=4 panic=-1 rootfstype=ramfs tsc=reliable no_timer_check ${machine.append ?? ""}`;
  return [
    ...["-accel", "tcg,thread=multi", "-cpu", "max", "-smp", String(machine.cpus), "-m", String(machine.memoryMb)],
    ...["-nodefaults", "-display", "none", "-monitor", "none", "-no-reboot", "-serial", "stdio"],
    ...["-kernel", machine.kernel, "-initrd", machine.initrd, "-append", append],
    ...network,
  ];
}
