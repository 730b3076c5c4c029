// Machines that a laptop knows: how they are named, what a fingerprint may look like, and the file that keeps both.
import { describe, expect, test } from "bun:test";
import { pinOf, readFingerprint, readHost, withPin } from "../../../src/appliance/access/pins.ts";

test.each([
  ["director1", { name: "director1", port: 8443 }],
  ["director1.example.org:443", { name: "director1.example.org", port: 443 }],
  ["192.0.2.5", { name: "192.0.2.5", port: 8443 }],
  ["192.0.2.5:1", { name: "192.0.2.5", port: 1 }],
  ["2001:db8::5", { name: "2001:db8::5", port: 8443 }],
  ["[2001:db8::5]", { name: "2001:db8::5", port: 8443 }],
  ["[2001:db8::5]:99", { name: "2001:db8::5", port: 99 }],
  ["", undefined],
  ["a b", undefined],
  ["a:", undefined],
  ["a:0", undefined],
  ["a:65536", undefined],
  ["[192.0.2.5]:1", undefined],
  ["https://a", undefined],
])("%p names %p", (text, expected) => expect(readHost(text)).toEqual(expected));

const A = Array(32).fill("AB").join(":");
const B = Array(32).fill("0C").join(":");

test.each([
  [A, A],
  [A.toLowerCase(), A],
  [A.replaceAll(":", ""), A],
  [`SHA256:${A}`, A],
  [`sha256=${A} `, A],
  [A.slice(3), undefined],
  [`${A}:AB`, undefined],
  ["x".repeat(64), undefined],
])("%p is the fingerprint %p", (text, expected) => expect(readFingerprint(text)).toBe(expected));

describe("the file", () => {
  const one = { name: "Director1", port: 8443 };
  const six = { name: "2001:db8::5", port: 443 };
  const text = `# machines of the lab\ndirector1:8443 ${A}\n\nbroken\n`;

  test("has a fingerprint for a name and port, whatever case the name is in", () => {
    expect(pinOf(text, one)).toBe(A);
    expect(pinOf(text, { ...one, port: 443 })).toBeUndefined();
    expect(pinOf("", one)).toBeUndefined();
  });

  test("takes another one in the place of the first, and keeps the rest", () => {
    expect(withPin(text, one, B)).toBe(`# machines of the lab\nbroken\ndirector1:8443 ${B}\n`);
    expect(withPin("", six, B)).toBe(`[2001:db8::5]:443 ${B}\n`);
    expect(pinOf(withPin(withPin(text, six, B), one, B), six)).toBe(B);
  });
});
