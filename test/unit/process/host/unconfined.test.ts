import { expect, test } from "bun:test";
import { unconfinedNote } from "../../../../src/process/host/unconfined.ts";

test.each([
  [true, true, false, undefined],
  [true, false, false, "this kernel has no Landlock"],
  [true, true, true, "with --core-dump vrrp and checker"],
  [true, false, true, "with --core-dump vrrp and checker"],
  [false, false, false, undefined],
] as const)("root %p, Landlock %p, core files %p", (isRoot, hasLandlock, coreFiles, said) => {
  const note = unconfinedNote({ isRoot, hasLandlock, coreFiles });
  if (said === undefined) expect(note).toBeUndefined();
  else expect(note).toContain(said);
});
