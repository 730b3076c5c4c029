// What a shell offers behind words that were typed: bash itself runs the script. zsh and fish are in test/packages.
import { beforeAll, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { surface } from "../../../src/cli/commands.ts";
import { completionOf } from "../../../src/cli/completion.ts";

let script: string;
beforeAll(async () => {
  script = completionOf("bash", await surface()) ?? "";
});

/** @param typed the words before the cursor, the last one unfinished; as bash splits them: `=` is a word */
function offered(...typed: string[]): string[] {
  const words = typed.map((word) => `'${word}'`).join(" ");
  const { stdout, stderr, status } = spawnSync(
    "bash",
    [
      "--norc",
      "-c",
      `${script}\nCOMP_WORDS=(${words}); COMP_CWORD=${typed.length - 1}; _lbd; printf '%s\\n' "\${COMPREPLY[@]}"`,
    ],
    { encoding: "utf8", cwd: "/" },
  );
  expect([status, stderr]).toEqual([0, ""]);
  return stdout.split("\n").filter((line) => line !== "");
}

test.each<[string[], string[]]>([
  [["lbd", "sta"], ["status"]],
  [
    ["lbd", "config", ""],
    ["get", "put"],
  ],
  [
    ["lbd", "appliance", ""],
    ["console", "flash"],
  ],
  [
    ["lbd", "check", "--format", ""],
    ["text", "json", "sarif"],
  ],
  [["lbd", "check", "--format", "=", "j"], ["json"]],
  [
    ["lbd", "check", "--format", "="],
    ["text", "json", "sarif"],
  ],
  [["lbd", "--ipvs-transport", "s"], ["sockopt"]],
  [
    ["lbd", "run", "--log-format", "=", ""],
    ["text", "json"],
  ],
  [["lbd", "--host", "director", "sta"], ["status"]],
  [["lbd", "--host", "=", "director", "reb"], ["reboot"]],
  [
    ["lbd", "token", "--role", ""],
    ["read", "operate", "admin"],
  ],
  [
    ["lbd", "completion", ""],
    ["bash", "zsh", "fish"],
  ],
  [["lbd", "status", "--do"], ["--down"]],
  [["lbd", "status", "--run-dir", "/pro"], ["/proc"]],
  [["lbd", "check", "/etc/hostn"], ["/etc/hostname"]],
  [["lbd", "--config", "/etc/hostn"], ["/etc/hostname"]],
  [["lbd", "check", "--effective", "--str"], ["--strict"]],
  [["lbd", "events", "x", ""], []],
  [["lbd", "nonsense", ""], []],
])("%j", (typed, expected) => {
  expect(offered(...typed)).toEqual(expected);
});

test("every long option of every command is offered behind it", async () => {
  const commands = await surface();
  for (const { name, options } of commands.filter((_, at) => at % 3 === 0)) {
    const long = options.flatMap(({ spellings }) => spellings.filter((word) => word.startsWith("--")));
    expect(offered("lbd", ...name.split(" ").filter((word) => word !== ""), "--").sort()).toEqual(long.sort());
  }
});
