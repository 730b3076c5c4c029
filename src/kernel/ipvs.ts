// Adapter: the IPVS table of one network namespace behind the port of ports.ts. Two transports: socket options for what they can say,
// netlink for the rest and for reading (64-bit counters, IPv6, tunnel kinds). There is one writer, this object, and commands are
// applied in their order whichever way each of them goes.
import { EINTR, EPERM, SyscallError } from "../../ffi/errno.ts";
import { messageOf } from "../base/errors.ts";
import type { Log } from "../base/log.ts";
import { saysCommand, saysDaemon } from "../lvs/codec-sockopt.ts";
import type { IpvsCommand } from "../lvs/model.ts";
import { judge } from "./ipvs-answers.ts";
import { openIpvsNetlink } from "./ipvs-genl.ts";
import { openIpvsSockopt } from "./ipvs-sockopt.ts";
import type { IpvsTransport } from "./ipvs-transport.ts";
import { type KernelModules, kernelModules } from "./modules.ts";
import { inNetworkNamespace } from "./namespace.ts";
import type { CommandResult, IpvsTable } from "./ports.ts";

export interface IpvsOptions {
  readonly transport: "auto" | "sockopt" | "netlink";
  /** Name of a network namespace (net_namespace_ipvs), empty for the default one; absent: the one this process is in. */
  readonly namespace?: string;
  readonly log: Log;
  /** Where modules come from; tests hand in their own. */
  readonly modules?: KernelModules;
}

/** IPVS can't be used here; the message says what to do about it. */
export class IpvsUnavailable extends Error {
  /** errno name of the call that failed. */
  readonly code: string;

  constructor(code: string, message: string, cause: unknown) {
    super(message, { cause });
    this.name = "IpvsUnavailable";
    this.code = code;
  }
}

/** Opens the IPVS table and loads ip_vs when it is missing. @throws IpvsUnavailable when there is no IPVS or no right to it */
export function openIpvs(options: IpvsOptions): IpvsTable {
  const modules = options.modules ?? kernelModules();
  const ways = openWays(options, modules);
  const reader = ways.netlink ?? ways.sockopt;
  if (!reader) throw new Error("openWays gave no transport");
  options.log({
    level: "info",
    area: "ipvs",
    message: `IPVS ${reader.version}, ${describeWays(ways)}`,
    fields: { transport: transportOf(ways), version: reader.version },
  });
  const missing = new Map<string, string>();

  /** Loads scheduler and engine modules before the kernel needs them: on an image without modprobe it can't by itself. */
  function loadFor(command: IpvsCommand): void {
    if (command.kind !== "addService" && command.kind !== "editService") return;
    const { scheduler, persistenceEngine } = command.service;
    loadModule(`ip_vs_${scheduler}`);
    if (persistenceEngine) loadModule(`ip_vs_pe_${persistenceEngine}`);
  }

  function loadModule(name: string): void {
    // A name from a configuration must not become a path.
    if (missing.has(name) || !/^[a-z0-9_]{1,40}$/.test(name)) return;
    const outcome = modules.load(name);
    if (outcome.kind === "failed") missing.set(name, outcome.reason);
    else if (outcome.kind === "loaded")
      options.log({ level: "info", area: "ipvs", message: `loaded kernel module ${name}` });
  }

  const wayFor = (command: IpvsCommand): IpvsTransport => {
    if (!ways.netlink) return reader;
    return ways.sockopt && saysCommand(command) ? ways.sockopt : ways.netlink;
  };

  function apply(commands: readonly IpvsCommand[]): CommandResult[] {
    for (const command of commands) loadFor(command);
    const results: CommandResult[] = [];
    for (let start = 0; start < commands.length; ) {
      // A run of commands that go the same way, so that netlink can take many at a time.
      const first = commands[start];
      if (!first) break;
      const way = wayFor(first);
      let end = start + 1;
      for (; end < commands.length; end++) {
        const next = commands[end];
        if (!next || wayFor(next) !== way) break;
      }
      const run = commands.slice(start, end);
      const answers = way.apply(run);
      for (const [index, command] of run.entries())
        results.push(judge(command, answers[index] ?? { errno: 0 }, missing));
      start = end;
    }
    return results;
  }

  return {
    transport: transportOf(ways),
    version: reader.version,
    read: () => reader.read(),
    askService: (service, last) => reader.askService(service, last),
    decodeService: (answer) => reader.decodeService(answer),
    apply,
    flush: () => reader.flush(),
    timeouts: () => reader.timeouts(),
    setTimeouts: (timeouts) => reader.setTimeouts(timeouts),
    daemons: () => reader.daemons(),
    setReceiveBuffer: (wish) => reader.setReceiveBuffer(wish),
    startDaemon(daemon) {
      const way = ways.netlink && ways.sockopt && saysDaemon(daemon) ? ways.sockopt : reader;
      way.startDaemon(daemon);
    },
    stopDaemon(role) {
      try {
        reader.stopDaemon(role);
      } catch (error) {
        // kernel: a daemon whose thread had not run yet is stopped and answers EINTR.
        const stopped = () => !reader.daemons().some((daemon) => daemon.role === role);
        if (!(error instanceof SyscallError && error.errno === EINTR && stopped())) throw error;
      }
    },
    [Symbol.dispose]() {
      ways.netlink?.[Symbol.dispose]();
      ways.sockopt?.[Symbol.dispose]();
    },
  };
}

interface Ways {
  readonly netlink?: IpvsTransport;
  readonly sockopt?: IpvsTransport;
}

function transportOf(ways: Ways): IpvsTable["transport"] {
  if (ways.netlink && ways.sockopt) return "mixed";
  return ways.netlink ? "netlink" : "sockopt";
}

function describeWays(ways: Ways): string {
  if (ways.netlink && ways.sockopt) return "by socket options for IPv4, by netlink for the rest and for reading";
  return ways.netlink ? "by netlink" : "by socket options: IPv4 only, no persistence engines, no tunnel kinds";
}

function openWays(options: IpvsOptions, modules: KernelModules): Ways {
  const loaded = modules.load("ip_vs");
  if (loaded.kind === "loaded") options.log({ level: "info", area: "ipvs", message: "loaded kernel module ip_vs" });
  const why = loaded.kind === "failed" ? loaded.reason : undefined;
  const ways: { netlink?: IpvsTransport; sockopt?: IpvsTransport } = {};
  try {
    inNetworkNamespace(options.namespace, () => {
      if (options.transport !== "sockopt") ways.netlink = openIpvsNetlink();
      if (options.transport !== "netlink") ways.sockopt = openIpvsSockopt();
    });
  } catch (error) {
    // Either way alone is enough when both are allowed.
    if (options.transport === "auto" && ways.netlink) {
      options.log({ level: "warning", area: "ipvs", message: `no socket options for IPVS: ${messageOf(error)}` });
      return ways;
    }
    throw unavailable(error, options, why);
  }
  return ways;
}

function unavailable(error: unknown, options: IpvsOptions, moduleProblem: string | undefined): unknown {
  if (!(error instanceof SyscallError)) return error;
  const place = options.namespace === undefined ? "" : ` in network namespace ${options.namespace}`;
  if (error.errno === EPERM)
    return new IpvsUnavailable(
      error.code,
      `no right to use IPVS${place}: ${error.message}; run as root or with CAP_NET_ADMIN and CAP_NET_RAW`,
      error,
    );
  if (options.namespace !== undefined && error.syscall === "open")
    return new IpvsUnavailable(
      error.code,
      `no network namespace ${options.namespace}: ${error.message}; make it with: ip netns add ${options.namespace}`,
      error,
    );
  return new IpvsUnavailable(
    error.code,
    `the kernel has no IPVS${place}: ${error.message}${moduleProblem === undefined ? "" : `; ${moduleProblem}`}; ` +
      "load it with: modprobe ip_vs (kernel option CONFIG_IP_VS; in a container the host must load it)",
    error,
  );
}
