// What is compiled in and where it comes from: licence texts, the runtime's program, and a build that says the same everywhere.
import { afterAll, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const ROOT = resolve(import.meta.dirname, "..", "..", "..");
const folder = mkdtempSync(join(tmpdir(), "lbd-supply-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(program: string, args: readonly string[], cwd = ROOT, env = process.env) {
  const { status, stdout, stderr } = spawnSync(program, [...args], { cwd, env, encoding: "utf8", maxBuffer: 2 ** 24 });
  return { status, stdout, stderr };
}

test("each package that is compiled in has its licence text", () => {
  const { status, stdout } = run(process.execPath, ["appliance/licenses.ts"]);
  const text: string = JSON.parse(stdout);
  expect(status).toBe(0);
  const { dependencies } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
  for (const [name, version] of Object.entries(dependencies)) expect(text).toContain(`${name} ${version} (`);
  expect(text.match(/permission is hereby granted, free of charge/gi)?.length).toBeGreaterThanOrEqual(6);
  expect(text).toContain("JavaScriptCore");
});

describe("the runtime's program", () => {
  const tree = (name: string) => {
    const modules = join(folder, name);
    mkdirSync(join(modules, "bun", "bin"), { recursive: true });
    return modules;
  };
  const link = (modules: string) => run(join(ROOT, "appliance", "link-bun.sh"), [modules]);

  test("is the one that npm checked", () => {
    const modules = tree("complete");
    const bin = join(modules, "@oven", "bun-linux-x64", "bin");
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "bun"), "#!/bin/sh\necho 1.4.5\n", { mode: 0o755 });
    expect(link(modules)).toMatchObject({ status: 0, stderr: "" });
    expect(statSync(join(modules, "bun", "bin", "bun.exe")).ino).toBe(statSync(join(bin, "bun")).ino);
  });

  test.each([
    ["there is none", ""],
    ["it does not run here", "#!/bin/sh\nexit 132\n"],
  ])("is not fetched when %s", (name, program) => {
    const modules = tree(name.replaceAll(" ", "-"));
    const bin = join(modules, "@oven", "bun-linux-x64", "bin");
    mkdirSync(bin, { recursive: true });
    if (program) writeFileSync(join(bin, "bun"), program, { mode: 0o755 });
    const { status, stderr } = link(modules);
    expect([status, stderr]).toEqual([1, expect.stringContaining("holds no Bun that runs on this machine")]);
  });

  test("the Makefile runs no install script that can fetch", () => {
    const text = readFileSync(join(ROOT, "Makefile"), "utf8");
    expect(text).toContain("appliance/link-bun.sh node_modules");
    expect(text).not.toContain("node_modules/bun/install.js");
  });
});

test("the build is the same, byte for byte, whatever folder it is made in", () => {
  const flags = /^BUILD_FLAGS := (.*)$/m.exec(readFileSync(join(ROOT, "Makefile"), "utf8"))?.[1]?.split(" ") ?? [];
  expect(flags).toContain("--bytecode");
  const builds = ["one", join("another", "and", "a", "longer", "one")].map((name) => {
    const copy = join(folder, name);
    mkdirSync(copy, { recursive: true });
    for (const part of ["src", "ffi", "package.json", "tsconfig.json"])
      cpSync(join(ROOT, part), join(copy, part), { recursive: true });
    // Copies: by a link the bundler would see them at their own place, and name them by the way there.
    for (const name of Object.keys(JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8")).dependencies))
      cpSync(join(ROOT, "node_modules", name), join(copy, "node_modules", name), { recursive: true });
    const { status, stderr } = run(process.execPath, ["build", ...flags, "src/main.ts", "--outfile", "lbd"], copy);
    expect([status, status === 0 ? "" : stderr]).toEqual([0, ""]);
    return readFileSync(join(copy, "lbd"));
  });
  expect(builds[0]?.equals(builds[1] ?? Buffer.alloc(0))).toBe(true);
}, 120_000);
