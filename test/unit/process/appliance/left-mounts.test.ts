// What a killed process left mounted: found by the kernel's own list, and by nothing that only looks like it.
import { expect, test } from "bun:test";
import { letGoOfMounts, mountPointsBelow } from "../../../../src/process/appliance/left-mounts.ts";

const MOUNTS = `proc /proc proc rw,nosuid 0 0
/dev/vda2 /run/lbd-appliance/mounts/esp vfat rw,sync 0 0
/dev/vda5 /run/lbd-appliance/mounts/a\\040b vfat ro 0 0
/dev/vda5 /run/lbd-appliance/mountsx vfat ro 0 0
/dev/vda5 /mnt/run/lbd-appliance/mounts/esp vfat ro 0 0
/run/lbd-appliance/mounts/esp /media bind rw 0 0
`;

test("those below the folder, the last ones first", () => {
  expect(mountPointsBelow(MOUNTS, "/run/lbd-appliance/mounts")).toEqual([
    "/run/lbd-appliance/mounts/a b",
    "/run/lbd-appliance/mounts/esp",
  ]);
  expect(mountPointsBelow("", "/run/lbd-appliance/mounts")).toEqual([]);
});

test("one that can't be let go is told, and stops nothing", () => {
  const said: string[] = [];
  letGoOfMounts("/dev/x /nowhere/lbd-test/esp vfat rw 0 0\n", "/nowhere/lbd-test", (level, message) =>
    said.push(`${level} ${message}`),
  );
  expect(said).toEqual([
    expect.stringMatching(/^error \/nowhere\/lbd-test\/esp is mounted, and can't be let go: umount: E/),
  ]);
});
