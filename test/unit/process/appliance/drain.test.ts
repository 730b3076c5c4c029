// A drain that is asked for is a file that the director finds at its reload, and is gone when somebody takes it back.
import { afterAll, expect, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ApplianceApi, answerRoute, serveOn } from "../../../../src/process/appliance/api.ts";
import { createDrain } from "../../../../src/process/appliance/drain.ts";

const dir = mkdtempSync(join(tmpdir(), "lbd-drain-"));
const socket = join(dir, "s", "api.sock");
let api: ApplianceApi | undefined;
afterAll(() => {
  api?.close();
  rmSync(dir, { recursive: true, force: true });
});

test("drain and undrain change what the director finds when it is told to look", async () => {
  const file = join(dir, "drain");
  const said: string[] = [];
  const found: boolean[] = [];
  const drain = createDrain(
    (_, message) => said.push(message),
    () => found.push(existsSync(file)),
    file,
  );
  api = await serveOn({ path: socket }, (request, response) => answerRoute(drain.routes, () => {}, request, response));
  const post = async (name: string) => {
    const answer = await fetch(`http://lbd/v1/appliance/${name}`, { method: "POST", unix: socket });
    return [answer.status, await answer.json()];
  };
  expect(drain.words).toEqual(["--drain-vrrp", file]);
  expect(drain.isOn()).toBeFalse();
  expect(await post("drain")).toEqual([202, { drained: true }]);
  expect(await post("drain")).toEqual([202, { drained: true }]);
  expect(drain.isOn()).toBeTrue();
  expect(await post("undrain")).toEqual([202, { drained: false }]);
  expect(await post("undrain")).toEqual([202, { drained: false }]);
  expect(found).toEqual([true, true, false, false]);
  expect(said[0]).toContain("drained");
  expect(said.at(-1)).toContain("over");
  expect(drain.routes.map(({ role }) => role)).toEqual(["operate", "operate"]);
});
