// Words about who is told: each from the text of a configuration to the programs that are run, the mail that is sent and the FIFOs' readers.
import { describe, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Config } from "../../../src/config/model/config.ts";
import { openNotifyFifo } from "../../../src/kernel/make-fifo.ts";
import { mailFor, relayOf } from "../../../src/notify/mail.ts";
import type { Notification } from "../../../src/notify/notification.ts";
import { createNotifier } from "../../../src/notify/notifier.ts";
import { scriptCalls } from "../../../src/notify/scripts.ts";
import { serverNotification, serviceNotification } from "../../../src/roles/checker/notify.ts";
import { mailRelay } from "../../support/mail-relay.ts";
import { manualClock } from "../../support/manual-clock.ts";
import { vrrpConfig } from "../../support/vrrp.ts";
import { reloadAtOnce } from "../../support/vrrp-reload.ts";
import { expectWord, globalText, instanceText, serviceText, started, type WordCase } from "../../support/words.ts";

/** What happens to an instance: master, a weaker one is heard, then a stronger one, its interface is lost, and the end. */
function life(config: Config, end: "stop" | "reload"): readonly Notification[] {
  const bench = started(config);
  bench.run(10_000);
  bench.hear("192.0.2.2", 50);
  bench.hear("192.0.2.2", 200);
  bench.fact("interface", "eth0", false);
  if (end === "stop") bench.do((d, at) => d.stop(at));
  else bench.do((d, at) => reloadAtOnce(d, vrrpConfig([]), at));
  return bench.log.flatMap(({ action }) => (action.kind === "notify" ? [action.notification] : []));
}

const run = (told: readonly Notification[]) =>
  told.flatMap(scriptCalls).map(({ command, args }) => [...command.argv, ...args].join(" "));

describe("programs of instances and groups", () => {
  const group = (line: string) => `vrrp_sync_group G {\ngroup {\nVI_1\n}\n«${line}»\n}\n${instanceText()}`;
  const all = (what: string, priority: number) =>
    ["BACKUP", "MASTER", "BACKUP", "FAULT", "STOP"].map((state) => `/x ${what} ${state} ${priority}`);
  test.each<WordCase<readonly string[]>>([
    ["vrrp_instance/notify_master", instanceText("«notify_master /x»"), ["/x"], []],
    ["vrrp_instance/notify_backup", instanceText("«notify_backup /x»"), ["/x", "/x"], []],
    ["vrrp_instance/notify_fault", instanceText("«notify_fault /x»"), ["/x"], []],
    ["vrrp_instance/notify_stop", instanceText("«notify_stop /x»"), ["/x"], []],
    ["vrrp_instance/notify_master_rx_lower_pri", instanceText("«notify_master_rx_lower_pri /x»"), ["/x"], []],
    ["vrrp_instance/notify", instanceText("«notify /x»"), all("INSTANCE VI_1", 100), []],
    ["vrrp_sync_group/notify_master", group("notify_master /x"), ["/x"], []],
    ["vrrp_sync_group/notify_backup", group("notify_backup /x"), ["/x", "/x"], []],
    ["vrrp_sync_group/notify_fault", group("notify_fault /x"), ["/x"], []],
    ["vrrp_sync_group/notify_stop", group("notify_stop /x"), ["/x"], []],
    ["vrrp_sync_group/notify", group("notify /x"), all("GROUP G", 0), []],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, (config) => run(life(config, "stop")), seen, otherwise));

  test("vrrp_instance/notify_deleted", () =>
    expectWord(
      instanceText("notify_fault /fault\n«notify_deleted /x»"),
      (config) => run(life(config, "reload")),
      ["/fault", "/x"],
      ["/fault", "/fault"],
    ));
});

test("global_defs/notify_serial", () =>
  expectWord(
    globalText("«notify_serial»", "notify /x"),
    (config) => {
      const running: string[] = [];
      const notifier = createNotifier("vrrp", config.global, {
        clock: manualClock(),
        log: () => {},
        hostName: "d",
        openFifo: openNotifyFifo,
        run(_command, args) {
          running.push(args[2] ?? "");
          return new Promise(() => {});
        },
      });
      for (const told of life(config, "stop")) notifier.notify(told);
      return running;
    },
    ["BACKUP"],
    ["BACKUP", "MASTER", "BACKUP", "FAULT", "STOP"],
  ));

/** What each kind of thing is told of by mail. */
const mailed = (config: Config) => {
  const standing = { quorumUp: false, liveWeight: 0, reason: "", sinceWallMs: 0, realServers: new Map() };
  const services = config.virtualServers.flatMap((service) => [
    serviceNotification(service, standing),
    ...service.realServers.map((server) => serverNotification(service, server, false, "")),
  ]);
  const told = [...life(config, "stop"), ...services];
  const mails = told.flatMap((one) => (mailFor(one, config.global.smtp, "R") ? [one] : []));
  return [...new Set(mails.map((one) => ("state" in one ? `${one.kind} ${one.state}` : one.kind)))];
};

describe("mail", () => {
  const GROUP = "vrrp_sync_group G {\ngroup {\nVI_1\n}\n";
  const INSTANCE_STATES = ["instance BACKUP", "instance MASTER", "instance FAULT", "instance STOP"];
  const GROUP_STATES = ["group BACKUP", "group MASTER", "group FAULT", "group STOP"];
  test.each<WordCase<readonly string[]>>([
    ["vrrp_instance/smtp_alert", instanceText("«smtp_alert»"), INSTANCE_STATES, []],
    ["vrrp_sync_group/smtp_alert", `${GROUP}«smtp_alert»\n}\n${instanceText()}`, GROUP_STATES, []],
    ["global_defs/smtp_alert_vrrp", globalText("«smtp_alert_vrrp»"), INSTANCE_STATES, []],
    ["global_defs/smtp_alert", globalText("«smtp_alert»"), INSTANCE_STATES, []],
    [
      "global_defs/no_email_faults",
      globalText("«no_email_faults»", "smtp_alert"),
      INSTANCE_STATES.filter((state) => !state.endsWith("FAULT")),
      INSTANCE_STATES,
    ],
    [
      "virtual_server/smtp_alert",
      instanceText() + serviceText("«smtp_alert»"),
      ["virtual-server", "real-server"],
      ["real-server"],
    ],
    [
      "virtual_server/real_server/smtp_alert",
      instanceText() + serviceText("", "«smtp_alert off»"),
      [],
      ["real-server"],
    ],
    [
      "global_defs/smtp_alert_checker",
      globalText("«smtp_alert_checker»") + serviceText(),
      ["virtual-server", "real-server"],
      ["real-server"],
    ],
    ["global_defs/no_checker_emails", globalText("«no_checker_emails»") + serviceText(), [], ["real-server"]],
  ])("%s", (_id, text, seen, otherwise) => expectWord(text, mailed, seen, otherwise));
});

describe("the dialogue with the relay", () => {
  const heard = (pattern: RegExp) => async (config: Config) => {
    const { port, received, close } = await mailRelay();
    const { global } = config;
    const smtp = { ...global.smtp, recipients: ["ops@example.net"], server: "127.0.0.1", port };
    const notifier = createNotifier(
      "vrrp",
      { ...global, smtp },
      { ...PORTS, run: async () => ({ kind: "exit", status: 0 }) },
    );
    notifier.notify({ kind: "instance", name: "VI_1", state: "MASTER", priority: 1, commands: {}, smtpAlert: true });
    await notifier.drain(60_000);
    close();
    return pattern.exec(received.join(""))?.[1];
  };
  test.each<readonly [...WordCase<unknown>, look: (config: Config) => unknown]>([
    [
      "global_defs/notification_email_from",
      globalText("«notification_email_from lbd@example.net»"),
      "lbd@example.net",
      "root@director",
      heard(/^MAIL FROM:<([^>]*)>/m),
    ],
    [
      "global_defs/smtp_helo_name",
      globalText("«smtp_helo_name mx.example.net»"),
      "mx.example.net",
      "director",
      heard(/^EHLO (\S+)/m),
    ],
    [
      "global_defs/smtp_connect_timeout",
      globalText("«smtp_connect_timeout 7»"),
      [7000, 7000, 7000],
      [30_000, 30_000, 30_000],
      ({ global: { smtp } }) => {
        const { connectionTimeout, greetingTimeout, socketTimeout } = relayOf(smtp, "director");
        return [connectionTimeout, greetingTimeout, socketTimeout];
      },
    ],
  ])("%s", (_id, text, seen, otherwise, look) => expectWord(text, look, seen, otherwise));
});

const PORTS = { clock: manualClock(), log: () => {}, hostName: "director", openFifo: openNotifyFifo };

describe("readers of the FIFOs", () => {
  test.each([
    ["global_defs/notify_fifo_script", "notify_fifo", "vrrp"],
    ["global_defs/notify_fifo_script", "notify_fifo", "lvs"],
    ["global_defs/vrrp_notify_fifo_script", "vrrp_notify_fifo", "vrrp"],
    ["global_defs/lvs_notify_fifo_script", "lvs_notify_fifo", "lvs"],
  ] as const)("%s: started once with the path of %s, by %s", async (_id, fifo, part) => {
    const folder = mkdtempSync(join(tmpdir(), "lbd-words-"));
    const path = join(folder, "fifo");
    const started = ({ global }: Config) => {
      const runs: string[] = [];
      const notifier = createNotifier(part, global, {
        ...PORTS,
        run(command, args, limitMs) {
          runs.push(`${[...command.argv, ...args].join(" ")} for ${limitMs}`);
          return new Promise(() => {});
        },
      });
      notifier.reload(global);
      notifier.close();
      return runs;
    };
    await expectWord(
      globalText(`${fifo} ${path}\n«${fifo}_script "/reader -x"»`),
      started,
      [`/reader -x ${path} for Infinity`],
      [],
    );
    rmSync(folder, { recursive: true });
  });
});
