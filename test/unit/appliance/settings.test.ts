// appliance.yaml: defaults without it, each key's value, and what is said of a wrong one.
import { describe, expect, test } from "bun:test";
import { DEFAULT_SETTINGS, readSettings } from "../../../src/appliance/settings.ts";
import { createFindings } from "../../../src/config/findings/findings.ts";

function read(text: string) {
  const findings = createFindings();
  const settings = readSettings({ name: "appliance.yaml", text }, findings);
  return {
    settings,
    said: findings.list.map(
      ({ severity, code, span, message }) => `${severity} ${span?.line}:${span?.column} ${code}: ${message}`,
    ),
  };
}

const SHA = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const KEY = `RW${"Q".repeat(54)}`;

test("an empty file, and none of its keys, is the default", () => {
  expect(read("")).toEqual({ settings: DEFAULT_SETTINGS, said: [] });
  expect(DEFAULT_SETTINGS.api).toBeUndefined();
});

describe("a key", () => {
  test.each([
    ["hostname: director1.example.org", { hostname: "director1.example.org" }],
    ["time: {servers: [ntp.example.org, '2001:DB8::1']}", { timeServers: ["ntp.example.org", "2001:db8::1"] }],
    ["syslog: [{host: 192.0.2.9}]", { syslog: [{ host: "192.0.2.9", port: 514, protocol: "udp" }] }],
    ["syslog:\n  - {host: log, port: 6514, protocol: tcp}", { syslog: [{ host: "log", port: 6514, protocol: "tcp" }] }],
    [`update: {keys: [${KEY}]}`, { updateKeys: [KEY] }],
    ["console: {serial: ttyS1, baud: 9600, menu: no}", { console: { serial: "ttyS1", baud: 9600, menu: false } }],
    ["watchdog: {timeout: 60}", { watchdog: { enabled: true, timeoutS: 60 } }],
    ["watchdog: {enabled: false}", { watchdog: { enabled: false, timeoutS: 30 } }],
    ["connection-table-bits: 20", { connectionTableBits: 20 }],
    ["strict: true", { strict: true }],
    [
      `api: {listen: 192.0.2.5, tokens: {ops: {role: operate, sha256: ${SHA.toUpperCase()}}}, certificate: tls/a.pem, key: tls/a.key}`,
      {
        api: {
          address: "192.0.2.5",
          port: 8443,
          certificate: "tls/a.pem",
          key: "tls/a.key",
          tokens: [{ name: "ops", role: "operate", sha256: SHA }],
        },
      },
    ],
    [
      "api: {listen: '::', port: 443, client-ca: ca.pem}",
      { api: { address: "::", port: 443, clientAuthority: "ca.pem", tokens: [] } },
    ],
  ])("%s", (text, expected) => {
    const { settings, said } = read(text);
    expect(said).toEqual([]);
    expect(settings).toMatchObject(expected);
  });
});

describe("a wrong one", () => {
  test.each([
    [
      "hostname: -director",
      "error 1:11 bad-value: expected a host name: letters, digits, hyphens and dots, 64 at most (got -director)",
    ],
    ["hostnam: a", "error 1:1 unknown-key: unknown key hostnam"],
    ["watchdog: {timeout: 5}", "error 1:21 bad-value: expected a number of 10 to 600 (got 5)"],
    ["connection-table-bits: 28", "error 1:24 bad-value: expected a number of 8 to 27 (got 28)"],
    ["syslog: [{port: 514}]", "error 1:10 missing-key: a syslog target needs host"],
    ["api: {port: 443}", "error 1:6 missing-key: api needs listen: nothing is reachable without it"],
    [
      "api: {listen: 0.0.0.0}",
      "warning 1:6 without-effect: api has neither tokens nor client-ca: nobody will get an answer",
    ],
    [
      "api: {listen: '::', client-ca: ../ca.pem}",
      "error 1:32 bad-value: expected the name of a file in the configuration folder (got ../ca.pem)",
    ],
    ["update: {keys: [abc]}", "error 1:17 bad-value: expected a public key as minisign prints it, RW… (got abc)"],
  ])("%s", (text, expected) => {
    const { settings, said } = read(text);
    expect(said[0]).toBe(expected);
    if (!text.startsWith("api: {listen")) expect(settings).toEqual(DEFAULT_SETTINGS);
  });

  test("a certificate without its key leaves the machine's own", () => {
    const { settings, said } = read("api: {listen: '::', client-ca: ca.pem, certificate: a.pem}");
    expect(said).toEqual([
      "error 1:40 missing-key: certificate and key belong together: one of them is missing, so the machine's own is used",
    ]);
    expect(settings.api?.certificate).toBeUndefined();
  });

  test("a token with a word of its own in place of the hash", () => {
    const { settings, said } = read("api: {listen: '::', tokens: {ops: {role: root, sha256: secret}}}");
    expect(said).toEqual([
      "error 1:42 bad-value: expected read or operate or admin (got root)",
      "error 1:56 bad-value: expected 64 hexadecimal digits: printf %s TOKEN | sha256sum",
      "error 1:30 missing-key: token ops needs a role and sha256",
      "warning 1:6 without-effect: api has neither tokens nor client-ca: nobody will get an answer",
    ]);
    expect(settings.api?.tokens).toEqual([]);
  });
});
