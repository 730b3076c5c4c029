// Role checker: what the checker role makes of a configuration before it starts from it. Pure.
import type { Check } from "../../config/model/check.ts";
import type { Config } from "../../config/model/config.ts";
import type { VirtualServer } from "../../config/model/lvs.ts";

/** FILE_CHECK names a `track_file`; from here on its check has the path, so that another path is another check. */
export function withFilePaths(config: Config): Config {
  const paths = new Map(config.vrrp.files.map(({ name, path }) => [name, path]));
  if (paths.size === 0) return config;
  const resolve = (check: Check): Check =>
    check.kind === "FILE_CHECK" ? { ...check, file: paths.get(check.file) ?? check.file } : check;
  const virtualServers = config.virtualServers.map((virtualServer) => ({
    ...virtualServer,
    realServers: virtualServer.realServers.map((server) => ({ ...server, checks: server.checks.map(resolve) })),
  }));
  return { ...config, virtualServers };
}

/** What is configured and has no effect yet, in words: one line each. */
export function idleSettings(virtualServers: readonly VirtualServer[]): string[] {
  let sessions = 0;
  for (const { realServers } of virtualServers)
    for (const { checks } of realServers) for (const { kind } of checks) if (kind === "BFD_CHECK") sessions++;
  return sessions > 0 ? [`${sessions} BFD_CHECK blocks are parsed, not yet effective: they count as up`] : [];
}
