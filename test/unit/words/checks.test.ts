// Words about when checks run and what comes of them: each from the text of a configuration to the probes, the table and the log of a checker.
import { describe, test } from "bun:test";
import type { Config } from "../../../src/config/model/config.ts";
import { expectWord, serviceText, type WordCase } from "../../support/words.ts";
import { bench } from "../roles/checker/bench.ts";

/** What a checker needs beside the word in question, and where probes of it go. */
const KINDS: Readonly<Record<string, { readonly needs: string; readonly target: string }>> = {
  TCP_CHECK: { needs: "", target: "192.0.2.81" },
  HTTP_GET: { needs: "url {\npath /\n}", target: "192.0.2.81" },
  SSL_GET: { needs: "url {\npath /\n}", target: "192.0.2.81" },
  SMTP_CHECK: { needs: "", target: "192.0.2.81" },
  DNS_CHECK: { needs: "", target: "192.0.2.81" },
  UDP_CHECK: { needs: "", target: "192.0.2.81" },
  PING_CHECK: { needs: "", target: "192.0.2.81" },
  MISC_CHECK: { needs: "misc_path /bin/probe", target: "/bin/probe" },
};
const REAL = "virtual_server/real_server";

interface Place {
  readonly id: string;
  readonly kind: string;
  readonly text: (lines: string) => string;
}

/** Everywhere that a word about checks may stand: in each kind of checker, in a host of SMTP_CHECK, in the real and the virtual server. */
const PLACES: readonly Place[] = [
  ...Object.entries(KINDS).map(([kind, { needs }]) => ({
    id: `${REAL}/${kind}`,
    kind,
    text: (lines: string) => serviceText("", `${kind} {\n${needs}\n${lines}\n}`),
  })),
  {
    id: `${REAL}/SMTP_CHECK/host`,
    kind: "SMTP_CHECK",
    text: (lines) => serviceText("", `SMTP_CHECK {\nhost {\nconnect_ip 192.0.2.81\n${lines}\n}\n}`),
  },
  { id: REAL, kind: "TCP_CHECK", text: (lines) => serviceText("", `${lines}\nTCP_CHECK {\n}`) },
  { id: "virtual_server", kind: "TCP_CHECK", text: (lines) => serviceText(lines, "TCP_CHECK {\n}") },
];

/** A row for each place: the word with its value, what is seen of it there, and what is seen of the kind without it. */
function everywhere<T>(
  line: string,
  seen: T,
  otherwise: T | ((kind: string) => T),
  before = "",
): (readonly [...WordCase<T>, target: string])[] {
  const word = line.split(" ")[0];
  const usual = (kind: string) => (otherwise instanceof Function ? otherwise(kind) : otherwise);
  return PLACES.map(({ id, kind, text }) => [
    `${id}/${word}`,
    text(`${before}\n«${line}»`),
    seen,
    usual(kind),
    KINDS[kind]?.target ?? "",
  ]);
}

const seconds = (from: number, to: number | undefined) =>
  to === undefined ? undefined : Math.round(10 * (to - from)) / 10;

describe("when checks run", () => {
  const firstStart = (config: Config) => {
    const b = bench({ random: 0.5 });
    b.start(config);
    b.clock.advance(60_000);
    return seconds(0, b.starts[0]?.at);
  };
  test.each(everywhere<number | undefined>("warmup 8", 5, 31))("%s: the first one", (_id, text, seen, otherwise) =>
    expectWord(text, firstStart, seen, otherwise),
  );

  const period = (config: Config) => {
    const b = bench();
    b.start(config);
    b.clock.advance(120_000);
    return seconds(b.starts[0]?.at ?? 0, b.starts[1]?.at);
  };
  test.each(everywhere<number | undefined>("delay_loop 7", 7, 60))("%s: the next one", (_id, text, seen, otherwise) =>
    expectWord(text, period, seen, otherwise),
  );

  /** A server that was good once and fails from then on: the seconds between its first two failures. */
  const pause = (target: string) => (config: Config) => {
    const b = bench();
    b.start(config);
    b.clock.advance(2000);
    b.fails(target);
    b.clock.advance(180_000);
    return seconds(b.starts[1]?.at ?? 0, b.starts[2]?.at);
  };
  const usualPause = (kind: string) => (kind === "DNS_CHECK" ? 60 : kind === "HTTP_GET" || kind === "SSL_GET" ? 3 : 1);
  test.each(everywhere<number | undefined>("delay_before_retry 9", 9, usualPause, "retry 2"))(
    "%s: after a failure",
    (_id, text, seen, otherwise, target) => expectWord(text, pause(target), seen, otherwise),
  );
});

describe("what failures come to", () => {
  /** How often a server that was good has to fail until it is out of the table. */
  const failures = (target: string) => (config: Config) => {
    const b = bench();
    b.start(config);
    b.clock.advance(2000);
    b.fails(target);
    for (let i = 0; i < 1000 && b.shown().includes("192.0.2.81"); i++) b.clock.advance(1000);
    return b.starts.length - 1;
  };
  const usual = (kind: string) => ({ MISC_CHECK: 1, DNS_CHECK: 4 })[kind] ?? 2;
  const old = ["HTTP_GET", "SSL_GET"].map((kind): readonly [...WordCase<number>, target: string] => [
    `${REAL}/${kind}/nb_get_retry`,
    serviceText("", `${kind} {\nurl {\npath /\n}\n«nb_get_retry 6»\n}`),
    7,
    2,
    "192.0.2.81",
  ]);
  test.each([...everywhere("retry 6", 7, usual), ...old])(
    "%s: so many until it is down",
    (_id, text, seen, otherwise, target) => expectWord(text, failures(target), seen, otherwise),
  );

  const atStart = (config: Config) => {
    const b = bench();
    b.start(config);
    return b.shown();
  };
  test.each(everywhere("alpha", "192.0.2.80:80 rr:", "192.0.2.80:80 rr: 192.0.2.81=1"))(
    "%s: out until its first success",
    (_id, text, seen, otherwise) => expectWord(text, atStart, seen, otherwise),
  );

  /** Log lines of failures that changed nothing. */
  const told = (target: string) => (config: Config) => {
    const b = bench();
    b.start(config);
    b.clock.advance(2000);
    b.fails(target);
    b.clock.advance(4500);
    return b.logs.filter(({ message }) => message.includes("failed: connection refused")).length;
  };
  const everyFailure = everywhere("log_all_failures", 5, 0, "retry 9\ndelay_before_retry 1\ndelay_loop 1").filter(
    ([id]) => id.split("/").length > 3,
  );
  const globally: readonly [...WordCase<number>, target: string] = [
    "global_defs/checker_log_all_failures",
    `global_defs {\n«checker_log_all_failures»\n}\n${serviceText("delay_loop 1", "retry 9\ndelay_before_retry 1\nTCP_CHECK {\n}")}`,
    5,
    0,
    "192.0.2.81",
  ];
  test.each([...everyFailure, globally])("%s: each one is told", (_id, text, seen, otherwise, target) =>
    expectWord(text, told(target), seen, otherwise),
  );
});
