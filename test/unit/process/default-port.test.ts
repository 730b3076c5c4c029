// The default address of the API stands in many places, and a port below 1024 asks for a right.
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { DEFAULT_API } from "../../../src/process/options.ts";

const PORT = Number(DEFAULT_API.split(":").at(-1));

test.each(["README.md", "docs/api.md", "docs/decisions/004-api-process.md"])(
  "%s names the port, and no other",
  (path) => {
    const text = readFileSync(path, "utf8");
    expect(text).toContain(`${PORT}`);
    expect(text.match(/127\.0\.0\.1:\d+/g)?.filter((address) => address !== DEFAULT_API) ?? []).toEqual(
      path === "README.md" ? ["127.0.0.1:18080"] : [],
    );
  },
);

test("the unit lets the api process bind it, on loopback, where no user can have taken it before", () => {
  expect(DEFAULT_API).toMatch(/^127\.0\.0\.1:/);
  expect(PORT).toBeLessThan(1024);
  const unit = readFileSync("conf/lbd.service", "utf8");
  expect(/^CapabilityBoundingSet=(.*)$/m.exec(unit)?.[1]?.split(" ")).toContain("CAP_NET_BIND_SERVICE");
});
