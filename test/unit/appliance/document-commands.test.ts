// Every command in docs/appliance.md: they are taken out of the document, and each has a row here with the test that runs it and words by which
// it does, or the reason why none does. A command that is new, or a test that no longer runs it, fails.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dir, "../../..");
const read = (path: string) => readFileSync(join(root, path), "utf8");

/** Lines of code blocks, and code in sentences, that are a program with words behind it. */
const PROGRAMS = "lbd|make|minisign|install|find|mkdir|truncate|grub-editenv";
function commandsOf(document: string): readonly string[] {
  const found = document.split("\n").flatMap((line) => {
    const block = new RegExp(`^ {4}((?:${PROGRAMS})\\b.*)$`).exec(line)?.[1];
    if (block !== undefined) return [block.replace(/\s+#.*$/, "").trim()];
    if (line.startsWith("    ")) return [];
    return [...line.matchAll(new RegExp(`\`((?:${PROGRAMS}) [^\`]*)\``, "g"))].map(([, command = ""]) => command);
  });
  return [...new Set(found)];
}

const REMOTE = "test/netns/appliance-remote.test.ts";
const MACHINE = "test/netns/appliance-machine.test.ts";
const UPDATE = "test/netns/appliance-update.test.ts";
const FLASH = "test/unit/cli/flash.test.ts";
const FORMATS = "test/appliance/formats.test.ts";
const MAKEFILE = "Makefile";

/** The command's beginning, the file of the test that runs it, and how it stands there. The longest beginning counts. */
const RUN_BY: readonly (readonly [command: string, file: string, ...words: string[]])[] = [
  ["make image", MAKEFILE, "test-appliance", "appliance/image.ts"],
  ["make run-appliance", MAKEFILE, "run-appliance:"],
  ["make test", MAKEFILE, "\ntest:"],
  ["make test-appliance", MAKEFILE, "test-appliance"],
  ["lbd check --appliance", "test/unit/process/appliance/judge-folder.test.ts", "judgeFolder("],
  ["minisign -V", FORMATS, '["-V", "-p", "update.pub", "-m", "SHA256SUMS"]', '"sha256sum"'],
  ["lbd appliance flash", FLASH, 'lbd("", "flash").status', '"--key", key', '"--config", join(dir, "folder")'],
  ["truncate -s 4G FILE", "test/vm/guest/flash.test.ts", "truncateSync("],
  ["lbd token", "test/unit/cli/token.test.ts", '"token", "anna", "--role", "operate"'],
  ["install -m 600", REMOTE, 'join(home, "lbd", "token")', "mode: 0o600"],
  ["lbd --host director1 status", REMOTE, '["status", "--host"', 'host("status", "--json")'],
  ["lbd --host director1 vrrp", REMOTE, 'host("vrrp")'],
  ["lbd --host director2 vrrp", REMOTE, 'host("vrrp")'],
  ["lbd --host director1 reload", REMOTE, 'host("reload")'],
  ["lbd --host director1 check", REMOTE, 'host("check")'],
  ["lbd --host director1 config get", MACHINE, '"config", "get"'],
  ["lbd --host director1 config put", MACHINE, '"config", "put"'],
  ["lbd --host director1 logs -f", REMOTE, 'host("logs", "-f"'],
  ["lbd --host director1 audit", REMOTE, 'host("audit")'],
  ["lbd --host director1 reboot", REMOTE, 'host("reboot"'],
  ["lbd reboot", REMOTE, 'host("reboot"'],
  ["lbd events", REMOTE, 'host("events"'],
  ["lbd update lbd-0.2.0.update --host director1 --restart", UPDATE, '"--restart"'],
  ["lbd update lbd-0.2.0.update --host director1 --pair", "test/netns/appliance-pair.test.ts", '"--pair"'],
  ["lbd update FILE --host director1 --pair", "test/netns/appliance-pair.test.ts", '"--pair"'],
];
/** Why a command has no test that runs it. */
const UNTESTED: Readonly<Record<string, string>> = {
  "minisign -G -W": "test/unit/appliance/signing.test.ts has keys that it made, and makes none",
  "lbd appliance": "it is the first process's own, named and not typed: every start of an image runs it",
  "lbd --keep-health": "it is an option's name in a sentence",
  "lbd --host director1 drain": "its route is asked by test/netns/appliance-machine.test.ts, the command by nobody",
  "grub-editenv grub/grubenv set lbd_args=lbd.rescue": "it is typed on another machine, with the disk in it",
  "mkdir -p configuration && cp my-director/* configuration/":
    "the medium of a start over the network: no test makes it so",
  "find configuration | cpio -o -H newc > netboot/configuration.cpio": "as above",
};

const COMMANDS = commandsOf(read("docs/appliance.md"));

test("the document has commands", () => expect(COMMANDS.length).toBeGreaterThan(20));

test.each([...COMMANDS])("%s is run by a test, or is said to be run by none", (command) => {
  const rows = RUN_BY.filter(([start]) => command.startsWith(start)).toSorted(([a], [b]) => b.length - a.length);
  const [row] = rows;
  if (!row || UNTESTED[command] !== undefined) return expect(UNTESTED[command]).toMatch(/\w{2}.*\w/);
  const [, file, ...words] = row;
  const text = read(file);
  for (const word of words) expect(text).toContain(word);
});

test("no row is about a command that the document no longer has", () => {
  expect(RUN_BY.map(([start]) => start).filter((start) => !COMMANDS.some((one) => one.startsWith(start)))).toEqual([]);
  expect(Object.keys(UNTESTED).filter((command) => !COMMANDS.includes(command))).toEqual([]);
});
