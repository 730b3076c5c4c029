import { expect, test } from "bun:test";
import { renderJson, renderText } from "../../../src/base/log.ts";

test("what a terminal would act on is escaped in text and in JSON, which stays the same JSON", () => {
  const odd = "a\u009b31mb\u202ec\u007fd\u2066e";
  const line = { level: "info", area: "x", message: odd } as const;
  const json = renderJson(line, 0);
  expect(json).toContain("a\\u009b31mb\\u202ec\\u007fd\\u2066e");
  expect(JSON.parse(json).message).toBe(odd);
  expect(renderText(line, 0)).toBe("1970-01-01T00:00:00.000Z info x: a\\x9b31mb\\x202ec\\x7fd\\x2066e");
  expect(renderText({ ...line, message: "käse\tund\n→" }, 0)).toContain("käse\\x09und\\x0a→");
});

test("facts can't stand for what a line says of itself", () => {
  const fields = { level: "error", time: "never", area: "parent", message: "all is lost", instance: "a" };
  const json = renderJson({ level: "info", area: "api", message: "x", fields }, 0);
  expect(JSON.parse(json)).toEqual({
    time: "1970-01-01T00:00:00.000Z",
    level: "info",
    area: "api",
    message: "x",
    instance: "a",
  });
});
