import { afterAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { kernelModules, loadOrder, parseIndex } from "../../../src/kernel/modules.ts";

const DEP = `kernel/net/netfilter/ipvs/ip_vs.ko: kernel/net/netfilter/nf_conntrack.ko kernel/lib/libcrc32c.ko
kernel/net/netfilter/nf_conntrack.ko: kernel/lib/libcrc32c.ko
kernel/lib/libcrc32c.ko:
kernel/arch/x86/crypto/crc32c-intel.ko.xz:
kernel/crypto/crc32c_generic.ko:
kernel/loop/a.ko: kernel/loop/b.ko
kernel/loop/b.ko: kernel/loop/a.ko
not a line
`;
const SOFTDEP = "# comment\nsoftdep libcrc32c pre: crc32c post: other\nsoftdep x pre:\n";
const ALIAS = "alias crc32c crc32c_intel\nalias crc32c crc32c_generic\nalias pci:v*d* e1000\n";

describe("what to load, in which order", () => {
  const index = parseIndex(DEP, SOFTDEP, ALIAS);

  test("soft dependencies first, then needs, then the module", () => {
    expect(loadOrder(index, "ip_vs").map((s) => [s.name, s.optional])).toEqual([
      ["crc32c_intel", true],
      ["crc32c_generic", true],
      ["libcrc32c", false],
      ["nf_conntrack", false],
      ["ip_vs", false],
    ]);
  });

  test("dashes and compression do not matter to a name", () => {
    expect(loadOrder(index, "crc32c-intel").map((s) => s.file)).toEqual(["kernel/arch/x86/crypto/crc32c-intel.ko.xz"]);
  });

  test("a loop ends, an unknown module is nothing", () => {
    expect(
      loadOrder(index, "a")
        .map((s) => s.name)
        .sort(),
    ).toEqual(["a", "b"]);
    expect(loadOrder(index, "nope")).toEqual([]);
  });
});

describe("a module", () => {
  const root = mkdtempSync(join(tmpdir(), "lbd-modules-"));
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "sys", "ip_vs"), { recursive: true });
  const directory = join(root, "lib");
  mkdirSync(directory);
  writeFileSync(join(directory, "modules.dep"), DEP);
  writeFileSync(join(directory, "modules.builtin"), "kernel/net/ipv4/ip-tunnel.ko\n");
  const modules = kernelModules({ directory, loaded: join(root, "sys"), modprobe: [] });

  test.each([
    ["that is loaded", "ip_vs", "present"],
    ["that is built in", "ip_tunnel", "present"],
    ["that is not there", "ip_vs_nope", `${directory} has no module ip_vs_nope`],
    ["whose file is missing", "nf_conntrack", "libcrc32c.ko: open: ENOENT"],
  ] as const)("%s", (_why, name, expected) => {
    const outcome = modules.load(name);
    expect(outcome.kind === "failed" ? outcome.reason : outcome.kind).toContain(expected);
  });

  test("of a kernel without a module tree", () => {
    const none = kernelModules({ directory: join(root, "none"), loaded: join(root, "sys"), modprobe: [] });
    expect(none.load("ip_vs_rr")).toEqual({
      kind: "failed",
      reason: `${join(root, "none")} has no modules.dep for this kernel`,
    });
  });

  test("is looked up in tables that are read once for all of one go, and anew after it", async () => {
    const some = kernelModules({ directory, loaded: join(root, "sys"), modprobe: [] });
    const builtIn = (name: string) => writeFileSync(join(directory, "modules.builtin"), `kernel/net/${name}.ko\n`);
    builtIn("ip-tunnel");
    expect(some.load("ip_tunnel").kind).toBe("present");
    builtIn("one");
    expect(some.load("one").kind).toBe("failed");
    builtIn("two");
    await Promise.resolve();
    expect(some.load("two").kind).toBe("present");
  });

  test("that modprobe can load", () => {
    const able = kernelModules({ directory, loaded: join(root, "sys"), modprobe: ["/nonexistent", "/bin/true"] });
    expect(able.load("ip_vs_rr")).toEqual({ kind: "loaded" });
    const unable = kernelModules({ directory, loaded: join(root, "sys"), modprobe: ["/bin/false"] }).load("ip_vs_rr");
    expect(unable.kind === "failed" && unable.reason).toContain("/bin/false: status 1");
  });
});
