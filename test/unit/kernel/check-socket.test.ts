import { describe, expect, test } from "bun:test";
import { internetChecksum } from "../../../src/base/bytes.ts";
import { openPing } from "../../../src/kernel/check-socket.ts";
import { openReadiness } from "../../../src/kernel/readiness.ts";
import { until } from "../../support/until.ts";

const skipReason = process.getuid?.() === 0 ? undefined : "raw sockets need root";

describe.skipIf(skipReason !== undefined)(`ping sockets${skipReason ? ` (skipped: ${skipReason})` : ""}`, () => {
  test.each([
    ["IPv4", 4, "127.0.0.1", 8, 0],
    ["IPv6", 6, "::1", 128, 129],
  ] as const)("%s: our echo comes back, without an IP header", async (_name, family, ip, request, reply) => {
    const opened = openPing({ family });
    if (!opened.ok) throw opened.error;
    const ping = opened.value;
    const readiness = openReadiness();
    const replies: number[][] = [];
    const registration = readiness.add(ping.fd, "read", () => {
      for (let got = ping.receive(); got; got = ping.receive()) replies.push([...got.message]);
    });
    // Identifier 0x1bd0 sets it apart from other pings of this machine.
    const echo = new Uint8Array([request, 0, 0, 0, 0x1b, 0xd0, 0, 1, 0xaa, 0xbb]);
    if (family === 4) new DataView(echo.buffer).setUint16(2, internetChecksum(echo));
    expect(ping.send(ip, echo)).toEqual({ kind: "done", count: echo.byteLength });
    const ours = await until("the reply", () => replies.find((m) => m[4] === 0x1b && m[5] === 0xd0));
    expect([ours[0], ...ours.slice(4)]).toEqual([reply, 0x1b, 0xd0, 0, 1, 0xaa, 0xbb]);
    // The filter keeps requests, our own among them, away.
    expect(replies.every((m) => m[0] !== request)).toBe(true);
    registration.remove();
    readiness[Symbol.dispose]();
    ping.close();
    ping.close();
  });
});
