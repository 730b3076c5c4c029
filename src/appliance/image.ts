// Appliance core: what a configuration finds in an image: where its folder lies, and which programs its scripts may call.

/** Where the configuration folder lies in a running machine; `/etc/keepalived` is another name of it. */
export const CONFIGURATION_FOLDER = "/run/lbd-appliance/configuration";
/** What came with the start itself, from a medium that has no partition for it: it goes before a partition (appliance/image.ts). */
export const GIVEN_CONFIGURATION = "/configuration";
/** The key that updates of this image are signed with, a file of minisign (appliance/image.ts). */
export const UPDATE_KEY_FILE = "/etc/lbd-update.pub";
export const KEEPALIVED_FOLDER = "/etc/keepalived";

/** Names in /bin that BusyBox answers to: scripts of a configuration are written for a shell. Nobody can log in to it. */
export const SHELL_PROGRAMS = [
  ...["sh", "ash", "env", "test", "[", "true", "false", "echo", "printf", "sleep", "timeout", "date", "logger"],
  ...["cat", "grep", "sed", "awk", "cut", "head", "tail", "tr", "wc", "sort", "uniq", "xargs", "find", "basename"],
  ...["dirname", "ls", "mkdir", "rm", "mv", "cp", "touch", "ps", "pidof", "kill", "nc", "wget", "ping", "ping6", "ip"],
] as const;

/** Programs by their paths, for the shebangs and commands of a configuration. */
const OTHER_PROGRAMS = ["/lbd", "/bin/busybox", "/usr/sbin/chronyd"];
/** The first process's PATH (appliance/init.c). */
const PATH = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/** The path of a program of the image by its name or path; undefined when the image has none. */
export function programOfImage(name: string): string | undefined {
  const has = (path: string) =>
    OTHER_PROGRAMS.includes(path) || SHELL_PROGRAMS.some((program) => path === `/bin/${program}`);
  if (name.includes("/")) return has(name) ? name : undefined;
  return PATH.map((folder) => `${folder}/${name}`).find(has);
}

/** Accounts of the image's /etc/passwd and /etc/group. */
export const IMAGE_ACCOUNTS = {
  user: ["root", "nobody", "_chrony"],
  group: ["root", "lbd", "_chrony", "nogroup"],
} as const;

/** The path below the configuration folder that an absolute path of a running machine means; undefined: it lies elsewhere. */
export function insideFolder(path: string): string | undefined {
  for (const folder of [CONFIGURATION_FOLDER, KEEPALIVED_FOLDER])
    if (path === folder || path.startsWith(`${folder}/`)) return path.slice(folder.length + 1);
  return undefined;
}

/** Whether a file's first bytes are those of a program: a script with its interpreter, or an ELF file. FAT knows no modes. */
export function isProgram(content: Uint8Array): boolean {
  return interpreterOf(content) !== undefined || startOf(content, 4) === "\x7fELF";
}

/** What runs a script, from its first line; `/usr/bin/env NAME` is NAME. Undefined: it is no script. */
export function interpreterOf(content: Uint8Array): string | undefined {
  const [line = ""] = startOf(content, 256).split(/\r?\n/);
  const [, program = "", argument = ""] = /^#!\s*(\S+)(?:\s+(\S+))?/.exec(line) ?? [];
  if (program === "") return undefined;
  return program.endsWith("/env") && argument !== "" ? argument : program;
}

function startOf(content: Uint8Array, bytes: number): string {
  return String.fromCharCode(...content.subarray(0, bytes));
}
