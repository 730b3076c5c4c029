// The checked-in manual and table of compatibility are what the keyword tables say: `lbd docs --write docs` brings them up to date.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DOCUMENTS } from "../../../../src/cli/docs.ts";

test.each(Object.values(DOCUMENTS))("docs/$file is up to date", ({ file, text }) => {
  expect(readFileSync(`${import.meta.dirname}/../../../../docs/${file}`, "utf8")).toBe(text());
});
