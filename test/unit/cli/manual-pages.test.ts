// The manual pages say every option, command and keyword, and nothing in them is taken for a request of the formatter by accident.
import { expect, test } from "bun:test";
import { surface } from "../../../src/cli/commands.ts";
import { FLAGS } from "../../../src/cli/flags.ts";
import { configurationPage, programPage } from "../../../src/cli/manual-pages.ts";
import { catalog } from "../../../src/config/keywords/catalog.ts";

const REQUESTS = /^\.(\\"|TH|SH|SS|TP|PP|RS|RE|nf|fi|br|ad|B|I|BR|RI)( |$)/;

test("lbd(8) has each option of a run and each command with its own", async () => {
  const commands = await surface();
  const page = programPage(commands);
  for (const { long } of FLAGS) expect(page).toContain(`\\fB\\-\\-${long.replaceAll("-", "\\-")}\\fR`);
  const heads = [...page.matchAll(/^\.SS lbd (.*)$/gm)].map(([, head]) => (head ?? "").replaceAll("\\-", "-"));
  expect(heads.length).toBe(commands.length - 1);
  for (const [at, { name }] of commands.slice(1).entries()) expect(`${heads[at]} `).toStartWith(`${name} `);
  expect(page).toContain(".SS lbd check [FILE]\nCheck configurations");
});

test("lbd.conf(5) has each keyword under its block", () => {
  const page = configurationPage();
  const tags = [...page.matchAll(/^\.B (.+?)(?:\\fR .*)?$/gm)].map(([, word]) => plain(word ?? ""));
  const keywords = catalog().flatMap(({ path, entries }) =>
    path === "cli" ? [] : entries.map(({ keyword }) => keyword),
  );
  const missing = keywords.filter((keyword) => keyword !== "" && !tags.includes(keyword));
  expect(missing).toEqual([]);
});

function plain(text: string): string {
  return text.replaceAll("\\-", "-").replaceAll("\\(ti", "~").replaceAll("\\(ha", "^");
}

test.each([
  ["lbd.8", async () => programPage(await surface())],
  ["lbd.conf.5", async () => configurationPage()],
])(
  "%s: only macros of man(7) begin a line with a dot, none with an apostrophe, no hyphen is left to the formatter",
  async (_, made) => {
    for (const line of (await made()).split("\n").slice(1)) {
      if (line.startsWith(".")) expect(line).toMatch(REQUESTS);
      expect(line).not.toMatch(/^'|(?<!\\)-|\\(?![efF(&" -])/);
    }
  },
);
