// Ring netns: `lbd update --pair` against two ways in to appliances, each with its own certificate: who is asked for what, in which order. What
// the machines do is played here; test/appliance/pair.test.ts has the real ones.
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSecretKey, DIGEST, signDigest } from "../../appliance/signing.ts";
import { describeSlot, updateHead } from "../../src/appliance/update-file.ts";
import { type ApplianceRoute, sendJson } from "../../src/process/appliance/api.ts";
import { type AccessLab, accessLab } from "../support/access-lab.ts";
import { netnsReason } from "../support/netns.ts";

const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

const home = mkdtempSync(join(tmpdir(), "lbd-pair-"));
const LIMIT_MS = 90_000;

interface Played {
  readonly hostname: string;
  version: string;
  state: "MASTER" | "BACKUP" | "FAULT";
  active: number;
  lab?: AccessLab;
}

const one: Played = { hostname: "one", version: "v1", state: "MASTER", active: 7 };
const two: Played = { hostname: "two", version: "v1", state: "BACKUP", active: 7 };
/** What they were told, in order. */
const told: string[] = [];

function routesOf(own: Played, other: Played): ApplianceRoute[] {
  const route = (method: ApplianceRoute["method"], path: string, answer: () => unknown): ApplianceRoute => ({
    ...{ method, path, role: "admin", summary: "played" },
    async answer(request, response) {
      for await (const _ of request);
      if (method !== "GET") told.push(`${own.hostname} ${path.split("/").at(-1)}`);
      sendJson(response, answer());
    },
  });
  return [
    route("GET", "/v1/appliance", () => ({
      ...{ hostname: own.hostname, version: own.version, slot: "A" },
      image: { start: { good: true }, history: { starts: [] } },
    })),
    route("GET", "/v1/vrrp", () => ({ instances: [{ name: "V1", state: own.state }], groups: [] })),
    route("GET", "/v1/virtual-servers", () => {
      const shown = own.active;
      // One that came back is told of them by and by.
      own.active = Math.max(own.active, Math.min(7, own.active + 4));
      return { virtualServers: [{ realServers: [{ connections: { active: shown } }, { connections: null }] }] };
    }),
    route("PUT", "/v1/appliance/update", () => ({ slot: "B", version: "v2" })),
    route("POST", "/v1/appliance/drain", () => {
      own.state = "FAULT";
      other.state = "MASTER";
      return { drained: true };
    }),
    route("POST", "/v1/appliance/reboot", () => {
      Object.assign(own, { version: "v2", state: "BACKUP", active: 0 });
      return { ending: "restart" };
    }),
  ];
}

function updateFile(): string {
  const content = new Uint8Array(100_000);
  const list = describeSlot(content, { version: "v2", architecture: "amd64" });
  const signature = signDigest(createSecretKey(), createHash(DIGEST).update(list).digest(), "lbd v2");
  const path = join(home, "lbd-v2.update");
  writeFileSync(path, Buffer.concat([updateHead(list, signature), content]));
  return path;
}

function lbd(...words: readonly string[]) {
  return must(one).lab.runWith({ XDG_CONFIG_HOME: home, LBD_TOKEN: "lbd_admin" }, ...words);
}

function must({ lab }: Played): AccessLab {
  if (!lab) throw new Error("the lab is not there");
  return lab;
}

const fingerprintOf = (of: Played) => must(of).access.status().fingerprint ?? "";

beforeAll(async () => {
  if (reason) return;
  one.lab = await accessLab(routesOf(one, two));
  two.lab = await accessLab(routesOf(two, one));
});

afterAll(async () => {
  await one.lab?.end();
  await two.lab?.end();
  rmSync(home, { recursive: true });
});

describe.skipIf(reason !== undefined)("lbd update --pair", () => {
  const words = () => [
    "update",
    updateFile(),
    "--host",
    `127.0.0.1:${must(one).port}`,
    "--pair",
    `127.0.0.1:${must(two).port}`,
  ];

  test("wants to know each of the two by its own certificate", async () => {
    const both = await lbd(...words(), "--fingerprint", fingerprintOf(one), "--pair-fingerprint", fingerprintOf(one));
    expect([both.status, both.out]).toEqual([3, ""]);
    expect(both.err).toContain(`127.0.0.1:${must(two).port} shows another certificate than --fingerprint`);
    const lonely = await lbd(
      "update",
      updateFile(),
      "--host",
      `127.0.0.1:${must(one).port}`,
      "--pair-fingerprint",
      "00",
    );
    expect([lonely.status, lonely.err]).toEqual([2, expect.stringContaining("--pair-fingerprint belongs to --pair")]);
    expect(told).toEqual([]);
  });

  test(
    "renews the backup, waits for the connections, has the master hand over, and renews that",
    async () => {
      const ended = await lbd(
        ...words(),
        "--fingerprint",
        fingerprintOf(one),
        "--pair-fingerprint",
        fingerprintOf(two),
      );
      expect(ended.err.replace(/.*\r/g, "")).not.toContain("lbd:");
      expect(ended.out.trim().split("\n")).toEqual([
        "two: slot B holds v2, v1 runs",
        "two: starts again",
        "two: runs v2",
        "two: knows all open connections (7)",
        "one: slot B holds v2, v1 runs",
        "two: has taken over the instance of one",
        "one: starts again",
        "one: runs v2",
      ]);
      expect(ended.status).toBe(0);
      expect(told).toEqual(["two update", "two reboot", "one update", "one drain", "one reboot"]);
      expect([one.state, two.state]).toEqual(["BACKUP", "MASTER"]);
    },
    LIMIT_MS,
  );
});
