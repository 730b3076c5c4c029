// --dump-conf: Debian's keepalived and lbd log the same of an instance when they start.
import { expect, test } from "bun:test";
import { Daemon, type Kind } from "../support/daemon.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";

const CONFIGURATION = `vrrp_instance office {
  interface eth0
  virtual_router_id 9
  priority 120
  advert_int 2
  nopreempt
  virtual_ipaddress {
    192.0.2.99/24
  }
}
`;

/** Lines of the instance's settings, without what stands before them. */
async function logged(kind: Kind, ...words: string[]): Promise<string[]> {
  using segment = new Segment("a");
  using daemon = new Daemon(kind, segment.host(0), CONFIGURATION).start(...words);
  const told = () =>
    daemon.output
      .split("\n")
      .flatMap(
        (line) =>
          /(VRRP Instance|Interface|Virtual Router ID|Priority|Advert interval|Preempt) = .*$/.exec(line)?.[0] ?? [],
      );
  await until("it runs", () => /Entering BACKUP|INIT to BACKUP/.test(daemon.output), 30_000);
  if (words.length > 0)
    await until("the dump is there", () => told().some((line) => line.startsWith("Preempt")), 30_000);
  return told();
}

test("the settings of an instance, as keepalived tells them", async () => {
  const [ours, theirs] = await Promise.all([logged("lbd", "-d"), logged("keepalived", "-d")]);
  expect(theirs.length).toBeGreaterThan(5);
  const instance = (lines: readonly string[]) =>
    lines.slice(lines.indexOf("VRRP Instance = office"), lines.indexOf("VRRP Instance = office") + 6);
  expect(instance(ours)).toEqual(instance(theirs));
}, 90_000);

test("without the option nothing of it", async () => {
  expect(await logged("lbd")).toEqual([]);
}, 60_000);
