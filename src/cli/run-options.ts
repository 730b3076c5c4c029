// CLI: from the options as typed to RunOptions, or what is wrong with them.
import { parseIp } from "../base/ip.ts";
import { type Decoded, err, ok } from "../base/result.ts";
import { DEFAULT_RUN_DIR } from "../process/host/places.ts";
import { DEFAULT_API, DEFAULT_CONFIG, type RunOptions, type TcpAddress } from "../process/options.ts";
import { FLAGS, type Flag, type FlagName, type ReadFlags } from "./flags.ts";
import { type LogHabits, logOptions, OWN_HABITS } from "./log-options.ts";

/** @param absolute makes a path absolute: the director changes to `/` */
export function runOptions(
  flags: ReadFlags,
  absolute: (path: string) => string,
  habits: LogHabits = OWN_HABITS,
): Decoded<RunOptions, string> {
  const last = (name: FlagName) => flags.given.get(name)?.at(-1);
  const has = (name: FlagName) => flags.given.has(name);
  const path = (name: FlagName) => {
    const value = last(name);
    return value === undefined ? undefined : absolute(value);
  };

  for (const flag of givenFlags(flags)) if (flag.refused) return err(`--${flag.long} is not supported: ${flag.note}`);
  for (const name of [
    "use-file",
    "run-dir",
    "pid",
    "vrrp_pid",
    "checkers_pid",
    "bfd_pid",
    "config-id",
    "namespace",
    "api-socket-group",
    "drain-vrrp",
    "hold-vrrp",
  ] as const)
    if (last(name) === "") return err(`--${name}: the value is empty`);
  const api = readApi(last("api") ?? DEFAULT_API);
  if (api === undefined)
    return err(`--api ${last("api")}: expected ADDRESS:PORT, such as ${DEFAULT_API} or [::1]:812, or off`);
  const apiHosts = (flags.given.get("api-host") ?? []).map((name) => name.toLowerCase().replace(/\.$/, ""));
  const odd = apiHosts.find((name) => !/^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/.test(name));
  if (odd !== undefined) return err(`--api-host ${odd}: expected a host name without a port`);
  const apiSocketGroup = last("api-socket-group");
  const transport = oneOf(last("ipvs-transport") ?? "auto", ["auto", "sockopt", "netlink"] as const);
  if (!transport) return err(`--ipvs-transport ${last("ipvs-transport")}: expected auto, sockopt or netlink`);
  const logFormat = oneOf(last("log-format") ?? "text", ["text", "json"] as const);
  if (!logFormat) return err(`--log-format ${last("log-format")}: expected text or json`);
  const umaskText = last("umask");
  const umask = umaskText === undefined ? undefined : readUmask(umaskText);
  const badUmask =
    umaskText !== undefined && umask === undefined
      ? `--umask ${umaskText}: expected a number up to 0777, as C writes it (027, 0x17, 23)`
      : undefined;
  // keepalived: then there is none, and on it goes.
  if (badUmask !== undefined && !habits.asKeepalived) return err(badUmask);

  const log = logOptions(flags, absolute, habits);
  if (typeof log === "string") return err(log);

  const roles = rolesOf(flags);
  const configId = last("config-id");
  const namespace = last("namespace");
  const pidFile = path("pid");
  const vrrpPid = path("vrrp_pid");
  const drainVrrp = path("drain-vrrp");
  const holdVrrp = path("hold-vrrp");
  const checkerPid = path("checkers_pid");
  const bfdPid = path("bfd_pid");
  return ok({
    configFile: path("use-file") ?? DEFAULT_CONFIG,
    ...(configId === undefined ? {} : { configId }),
    allConfig: has("all-config"),
    strict: has("strict"),
    runDir: path("run-dir") ?? DEFAULT_RUN_DIR,
    runDirGiven: has("run-dir"),
    ...(pidFile === undefined ? {} : { pidFile }),
    rolePidFiles: {
      ...(vrrpPid === undefined ? {} : { vrrp: vrrpPid }),
      ...(checkerPid === undefined ? {} : { checker: checkerPid }),
      ...(bfdPid === undefined ? {} : { bfd: bfdPid }),
    },
    ...(namespace === undefined ? {} : { namespace }),
    api: api === "off" ? null : api,
    apiHosts,
    ...(apiSocketGroup === undefined ? {} : { apiSocketGroup }),
    instanceLabel: has("metrics-instance-label"),
    ipvsTransport: transport,
    logFormat,
    log,
    debug: has("log-detail"),
    ...(umask === undefined ? {} : { umask }),
    ...(drainVrrp === undefined ? {} : { drainVrrp }),
    ...(holdVrrp === undefined ? {} : { holdVrrp }),
    ...(has("keep-health") && { keepHealth: true }),
    ...(has("events-on-stdin") && { eventsOnStdin: true }),
    roles,
    ...(has("all") && { allRoles: true }),
    ...(has("address-monitoring") && { logsAddresses: true }),
    releaseIpvs: !has("dont-release-ipvs"),
    releaseVrrp: !has("dont-release-vrrp"),
    respawn: !has("dont-respawn"),
    dumpConfig: has("dump-conf"),
    ignoreSigint: has("ignore-sigint"),
    coreFiles: has("core-dump") || has("core-dump-pattern"),
    notes: [
      ...givenFlags(flags).flatMap((flag) => (flag.note ? [`--${flag.long} has no effect: ${flag.note}`] : [])),
      ...(badUmask === undefined ? [] : [badUmask]),
    ],
  });
}

/** keepalived: each of -P, -C and -B takes the other's workers away, so -P -C together run neither; --all brings back those before it. */
function rolesOf({ given }: ReadFlags): RunOptions["roles"] {
  let roles = ALL_ROLES;
  for (const name of given.keys()) {
    if (name === "all") roles = ALL_ROLES;
    else if (name === "check") roles = { ...roles, vrrp: false };
    else if (name === "vrrp") roles = { ...roles, checker: false };
    else if (name === "no_bfd") roles = { ...roles, bfd: false };
  }
  return roles;
}

const ALL_ROLES: RunOptions["roles"] = { vrrp: true, checker: true, bfd: true };

function givenFlags(flags: ReadFlags): Flag[] {
  const table: readonly Flag[] = FLAGS;
  return table.filter((flag) => flags.given.has(flag.long));
}

/** `127.0.0.1:812`, `[::1]:812`, `localhost:812`, `off`; port 0 takes any that is free. */
export function readApi(text: string): TcpAddress | "off" | undefined {
  if (text === "off") return "off";
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  const address = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (address === undefined || port > 65535) return undefined;
  if (
    match?.[1] === undefined
      ? address !== "localhost" && parseIp(address)?.byteLength !== 4
      : parseIp(address)?.byteLength !== 16
  )
    return undefined;
  return { address, port };
}

function oneOf<const T extends string>(text: string, values: readonly T[]): T | undefined {
  return values.find((value) => value === text);
}

/** keepalived: as C writes numbers, so that `27` is decimal. */
function readUmask(text: string): number | undefined {
  if (!/^(0[xX][0-9a-fA-F]{1,8}|0[0-7]{0,11}|[1-9]\d{0,9})$/.test(text)) return undefined;
  const mask = /^0\d/.test(text) ? Number.parseInt(text, 8) : Number(text);
  return mask <= 0o777 ? mask : undefined;
}
