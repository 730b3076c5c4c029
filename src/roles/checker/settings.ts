// Role checker: what the checker role makes of a configuration before it starts from it, and settings that are not about the table.
import type { Check } from "../../config/model/check.ts";
import type { Config } from "../../config/model/config.ts";
import type { CheckerNews } from "./news.ts";
import type { CheckerPorts } from "./ports.ts";

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

/** Rights, programs, notifications and TLS of this process. */
export function takeProcessSettings(
  ports: Pick<CheckerPorts, "takeRights" | "scripts" | "notifier" | "probes">,
  news: Pick<CheckerNews, "log">,
  { global, ssl }: Config,
): void {
  ports.takeRights(global.process.checker);
  ports.scripts.setSecurity(global.scripts);
  ports.notifier.reload(global);
  const problem = ports.probes.setSslClient(ssl);
  if (problem !== undefined) news.log("error", `${problem}: SSL_GET checks fail until this is mended and reloaded`);
}
