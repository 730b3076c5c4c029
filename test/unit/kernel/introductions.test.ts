// The socket over which a process hears of others: the parent speaks, and nobody else.
import { expect, test } from "bun:test";
import { asFd } from "../../../ffi/fd.ts";
import { sendMessage } from "../../../ffi/message.ts";
import { introduce, openIntroductions, takeIntroductions } from "../../../src/kernel/introductions.ts";
import type { MessageSocket } from "../../../src/kernel/message-socket.ts";
import { openReadiness } from "../../../src/kernel/readiness.ts";
import { until } from "../../support/until.ts";

const SOL_SOCKET = 1;
const SCM_RIGHTS = 1;

test("a process hands no descriptors back, where nobody would ever take them", () => {
  const [, theirs] = openIntroductions();
  const data = new Uint8Array(new Int32Array([0]).buffer);
  const control = [{ level: SOL_SOCKET, type: SCM_RIGHTS, data }];
  expect(() => sendMessage(asFd(theirs), { parts: [new Uint8Array(1)], control })).toThrow("EPIPE");
  expect(() => sendMessage(asFd(theirs), { parts: [new Uint8Array(1)], control: [] })).toThrow("EPIPE");
});

test("it hears of others all the same, and they of it", async () => {
  const readiness = openReadiness();
  const heard: string[] = [];
  const ends: MessageSocket[] = [];
  const born = (name: string) => {
    const [through, own] = openIntroductions();
    takeIntroductions(readiness, own, (open, word) => {
      ends.push(open({ message: (text) => void heard.push(`${name} of ${word}: ${text}`), closed() {} }));
    });
    return { name, through };
  };
  expect(introduce(born("vrrp"), born("starter"))).toBe(true);
  await until("both know the other", () => ends.length === 2);
  for (const end of ends) end.send("hello");
  await until("both are heard", () => heard.length === 2);
  expect(heard.sort()).toEqual(["starter of vrrp: hello", "vrrp of starter: hello"]);
});
