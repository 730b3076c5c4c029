// Appliance core: configuration of chronyd (Debian's chrony; chrony.conf(5)).

export interface TimePlaces {
  /** A folder of the account that chronyd changes to. */
  readonly folder: string;
  readonly account: string;
}

/** @param servers names or addresses; without any there is nothing to run */
export function chronyConfiguration(servers: readonly string[], { folder, account }: TimePlaces): string | undefined {
  if (servers.length === 0) return undefined;
  return [
    ...servers.map((server) => `server ${server} iburst`),
    // A clock that is wrong by years is set at once, in the first three measurements; later it is only slewed: VRRP and the checks count by
    // another clock, but logs and certificates go by this one.
    "makestep 1 3",
    "rtcsync",
    `driftfile ${folder}/drift`,
    `pidfile ${folder}/pid`,
    `user ${account}`,
    // Nobody asks it anything.
    "port 0",
    "cmdport 0",
    "bindcmdaddress /",
    "",
  ].join("\n");
}
