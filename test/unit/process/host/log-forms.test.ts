import { describe, expect, test } from "bun:test";
import { journalMessage, readFacility, syslogLine } from "../../../../src/process/host/log-forms.ts";

test.each([
  ["0", 16],
  ["7", 23],
  ["local1", 17],
  ["user", 1],
  ["daemon", 3],
  ["8", undefined],
  ["local8", undefined],
  ["kern", undefined],
  ["", undefined],
  ["constructor", undefined],
] as const)("facility %s", (text, number) => expect(readFacility(text)).toBe(number));

describe("RFC 3164", () => {
  const at = new Date(2026, 11, 1, 4, 5, 6).getTime();
  const line = { level: "warning", area: "vrrp", message: "a\nb" } as const;

  test("as Debian's keepalived has it on the wire: priority, local time with a blank before the day, name and pid", () => {
    expect(syslogLine(line, at, { facility: 3, pid: 7, calledAs: "keepalived" })).toBe(
      "<28>Dec  1 04:05:06 Keepalived_vrrp[7]: a\\x0ab",
    );
  });

  test("under its own name with the area", () =>
    expect(syslogLine({ ...line, level: "error" }, at, { facility: 17, pid: 7 })).toBe(
      "<139>Dec  1 04:05:06 lbd[7]: vrrp: a\\x0ab",
    ));

  test.each([
    ["checker", "Keepalived_healthcheckers"],
    ["ipvs", "Keepalived_healthcheckers"],
    ["bfd", "Keepalived_bfd"],
    ["process", "Keepalived"],
  ])("lines of %s are those of %s", (area, name) =>
    expect(syslogLine({ ...line, area }, at, { facility: 3, pid: 7, calledAs: "keepalived" })).toContain(
      ` ${name}[7]: `,
    ),
  );

  test("a line without end is cut", () =>
    expect(syslogLine({ ...line, message: "x".repeat(100_000) }, at, { facility: 3, pid: 7 }).length).toBeLessThan(
      2100,
    ));
});

test("the journal gets fields, one a line, whatever stands in them", () => {
  const fields = { lastChangeMs: 5, "odd key": "a\nPRIORITY=0" };
  expect(
    journalMessage({ level: "error", area: "vrrp", message: "x\ny", fields }, { facility: 3, pid: 7 }).split("\n"),
  ).toEqual([
    "MESSAGE=vrrp: x\\x0ay",
    "PRIORITY=3",
    "SYSLOG_IDENTIFIER=lbd",
    "SYSLOG_FACILITY=3",
    "SYSLOG_PID=7",
    "LBD_AREA=vrrp",
    "LBD_LAST_CHANGE_MS=5",
    "LBD_ODD_KEY=a\\x0aPRIORITY=0",
    "",
  ]);
});
