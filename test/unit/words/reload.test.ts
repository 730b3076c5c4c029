// Words about reloads, from the text of a configuration to the files that they name and the reloads that come.
import { describe, expect, test } from "bun:test";
import { bindText } from "../../support/config.ts";
import { found, unusable } from "../../support/fake-readers.ts";
import { parentLab, settle } from "../../support/parent-lab.ts";

const VRRP = "vrrp_instance VI_1 {\n interface lo\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.9\n }\n}\n";
/** The lab's clock begins on 1 January 2026. */
const IN_TWO_HOURS = "2026-01-01 02:00:00Z\n";
const HOUR_MS = 3_600_000;

async function lab(lines: string) {
  const reading = (...errors: string[]) => found(bindText(`global_defs {\n${lines}\n}\n${VRRP}`).config, errors);
  const told = new Map<string, (text: string | undefined) => void>();
  const done: string[] = [];
  const parent = parentLab(reading(), {
    roles: ["vrrp"],
    likely: ["vrrp"],
    reloadFiles: {
      watch(path, onText) {
        told.set(path, onText);
        onText(undefined);
        return () => told.delete(path);
      },
      make(path) {
        if (path === "/run/no") throw new Error("/run/no is not a regular file");
        done.push(`make ${path}`);
      },
      append: (path, text) => done.push(`append ${path}: ${text}`),
      remove: (path) => done.push(`remove ${path}`),
    },
  });
  parent.director.start();
  await settle();
  parent.children.of("vrrp").comeUp();
  const removedAtStart = done.splice(0);
  return {
    removedAtStart,
    ...parent,
    reading,
    done,
    watched: () => [...told.keys()],
    write: (path: string, text: string | undefined) => told.get(path)?.(text),
    async reload() {
      parent.director.reload();
      await settle();
    },
    async advance(ms: number) {
      parent.clock.advance(ms);
      await settle();
    },
    reloads: () => parent.logs.filter(({ message }) => message === "reading /k.conf again").length,
  };
}

describe("reload_time_file", () => {
  test("a reload at its time, and the file goes", async () => {
    const director = await lab("reload_time_file /at");
    director.write("/at", IN_TWO_HOURS);
    await director.advance(2 * HOUR_MS - 1);
    expect(director.reloads()).toBe(0);
    await director.advance(1);
    expect(director.reloads()).toBe(1);
    expect(director.done).toEqual(["remove /at"]);
  });

  test("another time, or no file any more: the reload that was planned does not come", async () => {
    const director = await lab("reload_time_file /at");
    director.write("/at", IN_TWO_HOURS);
    director.write("/at", "2026-01-01 03:00:00Z");
    await director.advance(2.5 * HOUR_MS);
    expect(director.reloads()).toBe(0);
    director.write("/at", undefined);
    await director.advance(2 * HOUR_MS);
    expect(director.reloads()).toBe(0);
  });

  test.each([
    ["2025-01-01 00:00:00Z", 'reload_time_file /at: "2025-01-01 00:00:00Z" is in the past; no reload is planned'],
    ["soon", 'reload_time_file /at: "soon" is no time: [YYYY-MM-DD ]HH:MM:SS with or without a Z is one'],
  ])("%p is told", async (text, line) => {
    const director = await lab("reload_time_file /at");
    director.write("/at", text);
    await director.advance(48 * HOUR_MS);
    expect(director.reloads()).toBe(0);
    expect(director.said(line)).toBe(true);
  });

  test("a configuration without the word looks at it no more", async () => {
    const director = await lab("reload_time_file /at");
    director.write("/at", IN_TWO_HOURS);
    director.willRead(found(bindText(VRRP).config));
    await director.reload();
    expect(director.watched()).toEqual([]);
    await director.advance(3 * HOUR_MS);
    expect(director.reloads()).toBe(1);
  });

  test("a director that ends looks at it no more", async () => {
    const director = await lab("reload_time_file /at");
    director.director.stop("test");
    expect(director.watched()).toEqual([]);
  });

  test("the clock is set while a reload waits", async () => {
    const director = await lab("reload_time_file /at");
    director.write("/at", IN_TWO_HOURS);
    director.clock.setWall(2 * HOUR_MS);
    await director.advance(60_000);
    expect(director.reloads()).toBe(1);
  });
});

describe("reload_repeat", () => {
  test("the file stays, and the reload comes each day", async () => {
    const director = await lab("reload_time_file /at\nreload_repeat");
    director.write("/at", "02:00:00Z");
    for (let day = 0; day < 3; day++) {
      await director.advance(24 * HOUR_MS);
      expect(director.reloads()).toBe(day + 1);
    }
    expect(director.done).toEqual([]);
  });
});

describe("reload_file", () => {
  test.each([
    ["reload_file /run/reading", "/run/reading"],
    ["reload_file", "/run/keepalived.reload"],
  ])("%s is there while the files are read", async (line, path) => {
    const director = await lab(line);
    director.director.reload();
    expect(director.done).toEqual([`make ${path}`]);
    await settle();
    expect(director.done).toEqual([`make ${path}`, `remove ${path}`]);
  });

  test("what can't be made is not removed", async () => {
    const director = await lab("reload_file /run/no");
    await director.reload();
    expect(director.done).toEqual([]);
    expect(director.said("/run/no is not a regular file")).toBe(true);
  });

  test("also when what was read is refused", async () => {
    const director = await lab("reload_file /run/reading");
    director.willRead(unusable("k.conf:1: error: no"));
    await director.reload();
    expect(director.done).toEqual(["make /run/reading", "remove /run/reading"]);
  });

  test("one that was left there goes at the start", async () => {
    const director = await lab("reload_file /run/reading");
    expect(director.removedAtStart).toEqual(["remove /run/reading"]);
  });
});

describe("reload_check_config", () => {
  test("what is found goes to its file", async () => {
    const director = await lab("reload_check_config /log");
    director.willRead(unusable("k.conf:1: error: no"));
    await director.reload();
    expect(director.done).toEqual(["append /log: k.conf:1: error: no\n"]);
  });

  test.each([
    ["reload_check_config", true],
    ["", false],
  ])("%p: whether any error refuses a reload: %p", async (line, refuses) => {
    const director = await lab(line);
    director.willRead(director.reading("k.conf:1: error: as before"));
    await director.reload();
    expect(director.readers.requests.at(-1)?.options.strict).toBe(refuses);
  });
});
