import { afterAll, beforeAll, expect, test } from "bun:test";
import { createServer } from "node:net";
import { choosePort } from "../../machine/port.ts";

const holder = createServer();
let taken = 0;
beforeAll(async () => {
  await new Promise<void>((resolve) => void holder.listen(0, "127.0.0.1", resolve));
  const address = holder.address();
  taken = typeof address === "object" ? (address?.port ?? 0) : 0;
});
afterAll(() => {
  holder.close();
});

test("the usual port when it is free, another one with a note when it is not", async () => {
  const { port, note } = await choosePort(undefined, taken);
  expect(port).not.toBe(taken);
  expect(port).toBeGreaterThan(0);
  expect(note).toContain(`port ${taken} is taken`);
  expect(await choosePort(undefined, port)).toEqual({ port });
});

test("a port that was asked for is that one or an error in words", async () => {
  const { port } = await choosePort(undefined, taken);
  expect(await choosePort(String(port), 1)).toEqual({ port });
  expect(choosePort(String(taken), 1)).rejects.toThrow(`PORT=${taken}: port ${taken} of 127.0.0.1 is taken`);
  for (const wrong of ["", "0", "x", "65536", "1.5"])
    expect(choosePort(wrong, 1)).rejects.toThrow(`PORT=${wrong}: expected a port of 1..65535`);
});
