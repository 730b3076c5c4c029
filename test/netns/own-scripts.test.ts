// Ring netns: startup_script and shutdown_script, of lbd and of Debian's keepalived: when they run, as whom, and what their end changes.
import { describe, expect, test } from "bun:test";
import { chmodSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Daemon, type Kind } from "../support/daemon.ts";
import { netnsReason } from "../support/netns.ts";
import { Segment } from "../support/segment.ts";
import { until } from "../support/until.ts";
import { config, has } from "../support/vrrp-host.ts";

const LIMIT_MS = 60_000;
const reason = netnsReason();
if (reason) console.log(`skipped: ${reason}`);

/** A daemon with scripts of its own, which note in a file what they see. */
class Scripted extends Daemon {
  readonly noted = join(this.dir, "noted");

  /** @param last what the shell does behind the note */
  script(name: string, last: string): string {
    const path = join(this.dir, name);
    const address = `$(ip -br -4 address show dev eth0 | grep -c 192.0.2.100)`;
    writeFileSync(path, `#!/bin/sh\necho "${name} $# $(id -u) ${address}" >>${this.noted}\n${last}\n`);
    chmodSync(path, 0o755);
    return path;
  }

  notes(): string[] {
    return existsSync(this.noted) ? readFileSync(this.noted, "utf8").trim().split("\n") : [];
  }
}

describe.skipIf(reason !== undefined).each<Kind>(["lbd", "keepalived"])("%s", (kind) => {
  const netTest = (title: string, run: () => Promise<void>) => test.concurrent(title, run, LIMIT_MS);

  netTest(
    "both run as root without words, one before there is an address, one after it is gone; a bad end changes nothing",
    async () => {
      using segment = new Segment("a");
      using daemon = new Scripted(kind, segment.host(0), "");
      const [up, down] = [daemon.script("up", "exit 3"), daemon.script("down", "exit 4")];
      daemon.configure(config({ global: `startup_script ${up}\nshutdown_script ${down}` }));
      daemon.start();
      await until(`the address comes\n${daemon.output}`, () => has(segment.host(0)), 20_000);
      expect(daemon.notes()).toEqual(["up 0 0 0"]);
      expect(await daemon.stop()).toBe(0);
      expect(daemon.notes()).toEqual(["up 0 0 0", "down 0 0 0"]);
      expect(daemon.output).toContain("status 3");
      expect(daemon.output).toContain("status 4");
    },
  );

  netTest("one that hangs and does not hear TERM costs its time, and the instance comes all the same", async () => {
    using segment = new Segment("a");
    using daemon = new Scripted(kind, segment.host(0), "");
    const up = daemon.script("up", `trap "echo term >>${daemon.noted}" TERM\nwhile :; do sleep 0.1; done`);
    daemon.configure(config({ global: `startup_script ${up}\nstartup_script_timeout 1` }));
    daemon.start();
    await until(`the address comes\n${daemon.output}`, () => has(segment.host(0)), 20_000);
    expect(daemon.notes()).toEqual(["up 0 0 0", "term"]);
  });

  netTest("one that is not there is no reason not to run", async () => {
    using segment = new Segment("a");
    using daemon = new Scripted(kind, segment.host(0), "");
    daemon.configure(config({ global: `startup_script ${daemon.dir}/gone\nshutdown_script ${daemon.dir}/gone` }));
    daemon.start();
    await until(`the address comes\n${daemon.output}`, () => has(segment.host(0)), 20_000);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.output).toContain(`${daemon.dir}/gone`);
  });

  netTest("a reload runs none, and its shutdown_script is the one that runs", async () => {
    using segment = new Segment("a");
    using daemon = new Scripted(kind, segment.host(0), "");
    const [up, down] = [daemon.script("up", ""), daemon.script("down", "")];
    daemon.configure(config({ global: `startup_script ${up}` }));
    daemon.start();
    await until(`the address comes\n${daemon.output}`, () => has(segment.host(0)), 20_000);
    daemon.reload(
      config({ global: `startup_script ${up}\nshutdown_script ${down}`, vips: ["192.0.2.100", "192.0.2.101"] }),
    );
    await until(`it has reloaded\n${daemon.output}`, () => has(segment.host(0), "192.0.2.101/32"), 20_000);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.notes()).toEqual(["up 0 0 0", "down 0 0 0"]);
  });

  netTest(
    "a stop while the first still runs: no address ever, the second runs, and nothing of them stays",
    async () => {
      using segment = new Segment("a");
      using daemon = new Scripted(kind, segment.host(0), "");
      const [up, down] = [daemon.script("up", "exec sleep 50"), daemon.script("down", "")];
      daemon.configure(config({ global: `startup_script ${up}\nshutdown_script ${down}` }));
      daemon.start();
      await until(`it runs\n${daemon.output}`, () => daemon.notes().length === 1, 20_000);
      expect(await daemon.stop()).toBe(0);
      expect(daemon.notes()).toEqual(["up 0 0 0", "down 0 0 0"]);
      const left = () =>
        segment
          .host(0)
          .run("sh", "-c", `ip netns pids ${segment.host(0).name}`)
          .stdout.trim();
      await until(
        "nothing of them stays",
        () =>
          left() === "" ||
          left()
            .split("\n")
            .every((pid) => !/^sleep/.test(commandOf(pid))),
      );
    },
  );
});

function commandOf(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, "utf8");
  } catch {
    return "";
  }
}
