// CLI: the commands, one table: what each is for, and where it lies. Each is loaded when it is asked for: what one needs costs less to load
// than what all need.
import { EXIT } from "../process/options.ts";
import { ASK_EXIT } from "./ask-exit.ts";
import { type Command, command } from "./command.ts";
import type { OfferedCommand } from "./surface.ts";

/** Exit status of a wrong command line of `check`, `explain` and `docs`. */
const CHECK_USAGE = 2;

/** In the order in which help shows them. */
export const COMMANDS: Readonly<Record<string, Command>> = {
  check: command("check configuration files", CHECK_USAGE, async () => (await import("./check.ts")).checkCommand),
  explain: command(
    "what a finding or a keyword means",
    CHECK_USAGE,
    async () => (await import("./explain.ts")).explainCommand,
  ),
  docs: command("print the manual of all keywords", CHECK_USAGE, async () =>
    (await import("./docs.ts")).docsCommandOf(surface),
  ),
  status: command(
    "what the running director does",
    ASK_EXIT.usage,
    async () => (await import("./status.ts")).statusCommand,
  ),
  vrrp: command(
    "VRRP instances of the running director",
    ASK_EXIT.usage,
    async () => (await import("./status.ts")).vrrpCommand,
  ),
  bfd: command(
    "BFD sessions of the running director",
    ASK_EXIT.usage,
    async () => (await import("./status.ts")).bfdCommand,
  ),
  events: command(
    "what happened, and with -f what happens",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).eventsCommand,
  ),
  log: command(
    "set which lines the running director logs",
    ASK_EXIT.usage,
    async () => (await import("./log.ts")).logCommand,
  ),
  logs: command("log lines of an appliance", ASK_EXIT.usage, async () => (await import("./machine.ts")).logsCommand),
  audit: command(
    "who changed what on an appliance",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).auditCommand,
  ),
  drain: command(
    "empty the director of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).drainCommand,
  ),
  "config get": command(
    "the configuration folder of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./config-folder.ts")).configGetCommand,
  ),
  "config put": command(
    "replace the configuration folder of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./config-folder.ts")).configPutCommand,
  ),
  reboot: command("start an appliance again", ASK_EXIT.usage, async () => (await import("./machine.ts")).rebootCommand),
  update: command(
    "bring an update to an appliance, or to a pair of them",
    ASK_EXIT.usage,
    async () => (await import("./update.ts")).updateCommand,
  ),
  poweroff: command(
    "switch an appliance off",
    ASK_EXIT.usage,
    async () => (await import("./machine.ts")).poweroffCommand,
  ),
  token: command(
    "make a token for the API of an appliance",
    ASK_EXIT.usage,
    async () => (await import("./token.ts")).tokenCommand,
  ),
  appliance: command(
    "run the machine of an image (its first process starts it)",
    EXIT.failed,
    async () => (await import("./appliance.ts")).applianceCommand,
  ),
  "appliance console": command(
    "the screen at the machine itself (an image starts it)",
    ASK_EXIT.usage,
    async () => (await import("./console.ts")).consoleCommand,
  ),
  "appliance flash": command(
    "write an image to a disk, with its configuration",
    CHECK_USAGE,
    async () => (await import("./flash.ts")).flashCommand,
  ),
  completion: command("completion of the command line for a shell", CHECK_USAGE, async () =>
    (await import("./completion.ts")).completionCommandOf(surface),
  ),
  "install-compat": command(
    "give lbd keepalived's names on this machine",
    EXIT.failed,
    async () => (await import("./install-compat.ts")).installCompatCommand,
  ),
  licenses: command(
    "licences of what is compiled in",
    EXIT.failed,
    async () => (await import("./licenses.ts")).licensesCommand,
  ),
  reload: command(
    "have it read its configuration again",
    ASK_EXIT.usage,
    async () => (await import("./reload.ts")).reloadCommand,
  ),
  restart: command(
    "have it go on as the program installed now",
    ASK_EXIT.usage,
    async () => (await import("./restart.ts")).restartCommand,
  ),
};

/** What all of them offer; it loads them. */
export async function surface(): Promise<readonly OfferedCommand[]> {
  const { surfaceOf } = await import("./surface.ts");
  return surfaceOf(COMMANDS);
}
