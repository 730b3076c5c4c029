// What the role has its ports do around adverts and tables: at the start, at a reload, at the end, and when something comes from outside.
import { describe, expect, test } from "bun:test";
import { RTPROT_VRRP } from "../../../../src/net/model.ts";
import { DRAIN_TOPIC } from "../../../../src/roles/role.ts";
import { bindText } from "../../../support/config.ts";
import { address, syncGroup, vrrpInstance } from "../../../support/vrrp.ts";
import { bench, configWith, VI_1, WORLD } from "./bench.ts";

const INSTANCE =
  "vrrp_instance VI_1 {\n interface eth0\n virtual_router_id 51\n virtual_ipaddress {\n 192.0.2.100\n }\n";

const configured = (globals: string, instance = "", more = "") =>
  bindText(`global_defs {\n${globals}\n}\n${more}\n${INSTANCE}${instance}\n}\n`).config;

/** Master after the time that it waits for another one. */
function master(config = configWith([VI_1]), options: Parameters<typeof bench>[0] = {}) {
  const b = bench(options);
  b.start(config);
  b.clock.advance(5000);
  return b;
}

describe("settings of the process", () => {
  const settings = (name: string, bytes: number) =>
    configured(
      `router_id ${name}\nscript_user ${name}\nvrrp_netlink_cmd_rcv_bufs ${bytes}\nvrrp_netlink_monitor_rcv_bufs ${bytes + 1}\nvrrp_netlink_monitor_rcv_bufs_force`,
    );

  test("programs, notifications and buffers have them from the start on, and those of each reload", () => {
    const b = bench();
    b.start(settings("root", 1000));
    expect(b.did).toEqual([
      "files",
      "programs run as root",
      "notifier takes root",
      "commands have a buffer of 1000",
      "the reflector has a buffer of 1001 by force",
    ]);
    b.did.length = 0;
    b.reload(settings("nobody", 2000));
    expect(b.did).toEqual([
      "files",
      "programs run as nobody",
      "notifier takes nobody",
      "commands have a buffer of 2000",
      "the reflector has a buffer of 2001 by force",
    ]);
    b.did.length = 0;
    b.reload(configWith([VI_1]));
    expect(b.did).toContain("commands have the usual buffer");
  });

  test("rights are those of the vrrp process, taken at the start and with each reload", () => {
    const rights = (priority: number) => configured(`vrrp_priority ${priority}\nchecker_priority 3`);
    const b = bench();
    b.start(rights(-5));
    b.reload(rights(-7));
    expect(b.rights.map(({ priority }) => priority)).toEqual([-5, -7]);
  });

  test("links are polled, and processes watched, as long as somebody asks for it", () => {
    const polling = (linkbeat: string) =>
      configured(
        "process_monitor_rcv_bufs 3000",
        `${linkbeat}\ntrack_process {\n P\n}`,
        "vrrp_track_process P {\n process haproxy\n}",
      );
    const b = bench();
    b.start(polling("linkbeat_use_polling"));
    expect(b.did).toContain("polls eth0");
    b.did.length = 0;
    b.reload(polling(""));
    expect(b.did.filter((text) => /^(polls|processes)/.test(text))).toEqual([
      "polls",
      "processes have a buffer of 3000",
    ]);
    b.did.length = 0;
    b.reload(configWith([VI_1]));
    expect(b.did).toContain("processes are watched no more");
  });
});

describe("tracked files", () => {
  const tracking = (path: string) =>
    configured("", "track_file {\n F\n}", `track_file F {\n file ${path}\n init_file 7\n}`);

  /** Whoever reads the files has them when `come` is called. */
  function waiting() {
    let come = () => {};
    const b = bench({
      filesComing: () =>
        new Promise<void>((resolve) => {
          come = resolve;
        }),
    });
    return { b, come: () => come() };
  }

  test("are read before a configuration is taken, with its first one and with each reload", async () => {
    const { b, come } = waiting();
    const started = b.role.start(tracking("/run/f"));
    expect([b.did, b.sockets()]).toEqual([["files /run/f anew"], []]);
    come();
    await started;
    expect([b.sockets().length, b.watchedFiles()]).toEqual([1, ["/run/f"]]);
    b.did.length = 0;
    const again = b.role.reload(tracking("/run/f"));
    expect(b.did).toEqual(["files /run/f"]);
    come();
    await again;
    const other = b.role.reload(tracking("/run/g"));
    expect([b.did.at(-1), b.watchedFiles()]).toEqual(["files /run/g anew", ["/run/f"]]);
    come();
    await other;
    expect(b.watchedFiles()).toEqual(["/run/g"]);
  });

  test("come after a stop: nothing begins, and nothing changes any more", async () => {
    const { b, come } = waiting();
    const started = b.role.start(tracking("/run/f"));
    await b.role.stop();
    come();
    await started;
    expect([b.sockets(), b.network.commands, b.clock.nextAt()]).toEqual([[], [], undefined]);
    const other = waiting();
    const begun = other.b.role.start(tracking("/run/f"));
    other.come();
    await begun;
    const reloaded = other.b.role.reload(configWith([vrrpInstance({ virtualAddresses: [address("192.0.2.102")] })]));
    await other.b.role.stop();
    const commands = other.b.network.commands.length;
    other.come();
    await reloaded;
    expect(other.b.network.commands).toHaveLength(commands);
  });
});

describe("--drain-vrrp", () => {
  const said = (b: ReturnType<typeof bench>) =>
    b.logs
      .splice(0)
      .flatMap(({ level, message }) =>
        message.endsWith("(--drain-vrrp)") && !message.includes(" to FAULT") ? [`${level}: ${message}`] : [],
      );
  const DRAINED = "warning: every instance is drained into FAULT (--drain-vrrp)";

  test("from the start: nobody takes part until it is over, and each word is told once", () => {
    const b = bench();
    b.role.receive?.(DRAIN_TOPIC, true);
    expect(said(b)).toEqual([]);
    b.start(configWith([VI_1]));
    b.clock.advance(10_000);
    expect([b.state(), b.sent, said(b)]).toEqual(["FAULT", [], [DRAINED]]);
    b.role.receive?.(DRAIN_TOPIC, true);
    b.role.receive?.(DRAIN_TOPIC, "false");
    expect([b.state(), said(b)]).toEqual(["FAULT", []]);
    b.role.receive?.(DRAIN_TOPIC, false);
    b.clock.advance(5000);
    expect([b.state(), said(b)]).toEqual(["MASTER", ["warning: instances may take part again (--drain-vrrp)"]]);
  });

  test("a master resigns at once, and its address goes", () => {
    const b = master();
    b.role.receive?.(DRAIN_TOPIC, true);
    expect([b.sent.at(-1)?.priority, b.network.addresses()]).toEqual([0, ["192.0.2.1/24 eth0"]]);
    expect([b.transitions().at(-1), said(b)]).toEqual(["VI_1: MASTER → FAULT", [DRAINED]]);
  });

  test("nobody who is not drained hears of it", () => {
    const b = bench();
    b.role.receive?.(DRAIN_TOPIC, false);
    b.start(configWith([VI_1]));
    expect(said(b)).toEqual([]);
  });
});

describe("what others left", () => {
  const leftover = (options: Parameters<typeof bench>[0], global: Parameters<typeof configWith>[2] = {}) => {
    const b = bench(options);
    b.network.addAddress("eth0", "192.0.2.77", 32, { protocol: RTPROT_VRRP });
    b.network.addAddress("eth0", "192.0.2.78", 32);
    b.start(configWith([VI_1], {}, global));
    return b.network.addresses().filter((text) => text !== "192.0.2.1/24 eth0");
  };

  test.each([
    ["goes where nobody else speaks VRRP", {}, {}, ["192.0.2.78/32 eth0"]],
    ["stays beside another daemon", { isSpokenHere: true }, {}, ["192.0.2.77/32 eth0", "192.0.2.78/32 eth0"]],
    ["stays where this one has a name", {}, { instanceName: "one" }, ["192.0.2.77/32 eth0", "192.0.2.78/32 eth0"]],
  ])("an address with the mark of VRRP %s", (_what, options, global, want) => {
    expect(leftover(options, global)).toEqual(want);
  });

  test("a kernel setting of a process that died goes back, unless it is wanted again", () => {
    const records = ["eth0", "eth1"].map((name) => ({
      path: `net/ipv4/conf/${name}/promote_secondaries`,
      found: "0",
      set: "1",
    }));
    const b = bench({ sysctlJournal: { world: WORLD, records } });
    for (const { path, set } of records) b.sysctls.set(path, set);
    b.start(configWith([vrrpInstance({ promoteSecondaries: true })]));
    expect([...b.sysctls.values()]).toEqual(["1", "0"]);
  });
});

describe("the start", () => {
  test("waits for what is left of vrrp_delay_after_boot", () => {
    const b = bench();
    b.start(configured("vrrp_delay_after_boot 1010"));
    b.clock.advance(13_608);
    expect(b.state()).toBe("BACKUP");
    b.clock.advance(1);
    expect(b.transitions().at(-1)).toBe("VI_1: BACKUP → MASTER");
  });

  test("says which interfaces are not there and who waits for them, and a reload does again", () => {
    const config = (more: string) =>
      configured(more, "", `${INSTANCE.replace("VI_1", "VI_7").replace("eth0", "eth7").replace("51", "57")}}`);
    const lines = (b: ReturnType<typeof bench>) =>
      b.logs
        .splice(0)
        .flatMap(({ level, message }) => (message.startsWith("interface eth7") ? [`${level} ${message}`] : []));
    const b = bench();
    b.start(config(""));
    const missing =
      "warning interface eth7 does not exist: VI_7 in FAULT until it does (dynamic_interfaces, if that is meant)";
    expect(lines(b)).toEqual([missing]);
    b.reload(config("dynamic_interfaces"));
    expect(lines(b)).toEqual(["info interface eth7 does not exist yet: VI_7 in FAULT until it does"]);
  });

  test("says which peers are beyond the link", () => {
    const b = bench();
    b.start(configured("", "unicast_peer {\n 203.0.113.9\n}"));
    expect(
      b.logs.filter(({ message }) => message.startsWith("VI_1: ") && message.includes("203.0.113.9")),
    ).toHaveLength(1);
  });

  test("static things are there before any instance, and the journal names all of them before that", () => {
    const b = bench();
    b.start(
      configWith([vrrpInstance({ priority: 255 })], { staticAddresses: [address("192.0.2.50", { device: "eth0" })] }),
    );
    expect(b.network.commands).toEqual(["add-address 192.0.2.50", "add-address 192.0.2.100"]);
    expect(b.journals.map(({ world, keys }) => [world, keys.toSorted()])).toEqual([
      [WORLD, ["2|192.0.2.100/32", "2|192.0.2.50/32"]],
    ]);
  });
});

describe("sockets", () => {
  test("have the instance's VRID, buffer and TTL, and hear strangers where that is asked for", () => {
    const b = bench();
    b.start(
      configured(
        "vrrp_rx_bufs_policy NO_SEND_RX",
        "kernel_rx_buf_size 5000\nunicast_ttl 7\nunicast_peer {\n 192.0.2.2\n}",
      ),
    );
    expect(b.acquires).toEqual([
      {
        key: "4/112/2/unicast/192.0.2.1",
        vrid: 51,
        options: { receiveBufferBytes: 5000, hopLimit: 7, allVrids: false },
      },
    ]);
    const other = bench();
    other.start(configured("log_unknown_vrids"));
    expect(other.acquires).toEqual([{ key: "4/112/2/multicast/224.0.0.18", vrid: 51, options: { allVrids: true } }]);
  });

  test("vmac_xmit_base: the one that hears on the virtual MAC leaves out what comes from it", () => {
    const b = bench();
    b.start(configWith([vrrpInstance({ vmac: { kind: "macvlan", xmitBase: true } })]));
    expect(b.acquires.map(({ options }) => options.sourceMac)).toEqual([
      undefined,
      new Uint8Array([0, 0, 0x5e, 0, 1, 51]),
    ]);
  });

  test("one of a setting that is the same stays over a reload; one of another is opened anew", () => {
    const b = master();
    const peer = (source: string) => configured("", `unicast_src_ip ${source}\nunicast_peer {\n 192.0.2.2\n}`);
    b.network.addAddress("eth0", "192.0.2.9");
    b.reload(configured("", "priority 90"));
    expect(b.acquired()).toBe(1);
    b.reload(peer("192.0.2.9"));
    expect(b.sockets()).toEqual(["4/112/2/unicast/192.0.2.9"]);
    b.reload(peer("192.0.2.1"));
    expect(b.sockets()).toEqual(["4/112/2/unicast/192.0.2.1"]);
  });
});

test("a packet of a master is an occasion to rehearse the takeover, once in a while; without one nothing wakes a backup", () => {
  const b = bench();
  b.start(configWith([VI_1]));
  const hear = (times: number) => {
    for (let i = 0; i < times; i++) {
      b.hears(VI_1, "192.0.2.2", 200);
      b.clock.advance(1000);
    }
  };
  hear(10);
  const rehearsed = () => b.network.rehearsed.splice(0).length;
  rehearsed();
  hear(5);
  expect(rehearsed()).toBe(5);
  b.clock.advance(1000);
  expect(rehearsed()).toBe(0);
});

describe("links", () => {
  test.each([
    ["another MAC", { mac: "02:00:00:00:00:77" }, true],
    ["another MTU", { mtu: 1400 }, false],
  ])("%s of a master's link: its addresses are announced: %p", (_what, change, announced) => {
    const b = master();
    b.clock.advance(60_000);
    b.frames.splice(0);
    b.network.addLink("eth0", 2, change);
    b.clock.advance(5000);
    expect(b.frames.length > 0).toBe(announced);
    expect(b.state()).toBe("MASTER");
  });

  test("an instance that does not track its link is announced again when the link works again", () => {
    const b = master(configWith([vrrpInstance({ dontTrackPrimary: true })]));
    b.clock.advance(60_000);
    b.network.setCarrier("eth0", false);
    b.frames.splice(0);
    b.network.setCarrier("eth0", true);
    b.clock.advance(5000);
    expect([b.state(), b.frames.length > 0]).toEqual(["MASTER", true]);
  });

  test("the packet filter knows the virtual MACs there are, and of none that went", () => {
    const vmac = { kind: "macvlan", xmitBase: false } as const;
    const b = bench();
    const shown = () => b.firewalls.at(-1)?.wishes.at(-1)?.vmacs;
    b.start(configWith([vrrpInstance({ vmac, accept: false })]));
    expect(shown()).toEqual([{ index: 100, name: "vrrp.51", parentIndex: 2, family: 4 }]);
    b.reload(configWith([vrrpInstance({ accept: false })]));
    expect([shown(), b.network.commands.includes("remove vrrp.51")]).toEqual([[], true]);
  });

  test("the source is the first address that is there: when it goes, the next one", () => {
    const b = master();
    b.network.addAddress("eth0", "192.0.2.9");
    b.clock.advance(2000);
    expect(b.sent.at(-1)?.source).toBe("192.0.2.1");
    b.network.removeAddress("eth0", "192.0.2.1");
    b.clock.advance(2000);
    expect([b.state(), b.sent.at(-1)?.source]).toEqual(["MASTER", "192.0.2.9"]);
  });
});

describe("what is put back", () => {
  const statics = configWith([VI_1], { staticAddresses: [address("192.0.2.50", { device: "eth0" })] });

  test.each([
    ["once more: there it is", 1, 2, true],
    ["again and again: not without end, the audit comes anyway", 100, 3, false],
  ])("and is taken away %s", (_what, times, rounds, isThere) => {
    const b = master(statics);
    let left = times;
    b.network.commands.length = 0;
    b.network.onCommand = (command) => {
      if (command === "add-address 192.0.2.50" && left-- > 0) b.network.removeAddress("eth0", "192.0.2.50");
    };
    b.network.removeAddress("eth0", "192.0.2.50");
    expect(b.network.commands).toEqual(Array.from({ length: rounds }, () => "add-address 192.0.2.50"));
    expect(b.network.addresses().includes("192.0.2.50/32 eth0")).toBe(isThere);
    left = 0;
    b.clock.advance(10_000);
    expect(b.network.addresses()).toContain("192.0.2.50/32 eth0");
  });
});

test("a sync daemon that somebody else stopped runs again with the next audit, as the instance is then", () => {
  const b = master(configured("lvs_sync_daemon eth0 inst VI_1"));
  const roles = () => b.ipvs.daemons().map(({ role }) => role);
  expect(roles()).toEqual(["master"]);
  b.ipvs.stopDaemon("master");
  b.clock.advance(6000);
  expect(roles()).toEqual(["master"]);
});

describe("a reload in pieces", () => {
  const many = (net: string) =>
    configWith(
      Array.from({ length: 20 }, (_, i) =>
        vrrpInstance({ name: `V${i}`, vrid: i + 1, virtualAddresses: [address(`${net}.${i + 1}`)] }),
      ),
    );

  test("writes the journal before the first of them, with all that is ours meanwhile, and behind the last", () => {
    const b = master(many("198.51.100"));
    const before = b.journals.length;
    b.reload(many("203.0.113"));
    b.clock.advance(0);
    expect(b.network.addresses()).toHaveLength(21);
    const named = b.journals.slice(before).map(({ keys }) => keys.length);
    expect([named[0], named.at(-1)]).toEqual([40, 20]);
  });

  test("static things of the next configuration are there before those of the one before go, and those do go", () => {
    const statics = (...ips: readonly string[]) =>
      configWith([VI_1], { staticAddresses: ips.map((ip) => address(ip, { device: "eth0" })) });
    const b = master(statics("192.0.2.50", "192.0.2.51"));
    b.network.commands.length = 0;
    b.reload(statics("192.0.2.51", "192.0.2.52"));
    b.clock.advance(0);
    expect(b.network.commands).toEqual(["add-address 192.0.2.52", "delete-address 192.0.2.50"]);
    b.reload(configWith([VI_1]));
    b.clock.advance(10_000);
    expect(b.network.addresses()).toEqual(["192.0.2.1/24 eth0", "192.0.2.100/32 eth0"]);
  });

  test("tells instances in the order of the file from then on", () => {
    const two = vrrpInstance({ name: "VI_2", vrid: 52, virtualAddresses: [address("192.0.2.101")] });
    const order = (b: ReturnType<typeof bench>) => {
      b.updates.length = 0;
      b.role.snapshot();
      return b.updates.flatMap((one) => (one.kind === "vrrp" ? [one.value.name] : []));
    };
    const b = master(configWith([VI_1, two]));
    expect(order(b)).toEqual(["VI_1", "VI_2"]);
    b.reload(configWith([two, VI_1]));
    expect(order(b)).toEqual(["VI_2", "VI_1"]);
  });
});

describe("what is told", () => {
  test("of a change of state: an event with when, whose, from where to where and why", () => {
    const b = master(configWith([VI_1], { syncGroups: [syncGroup("G", ["VI_1"])] }));
    const event = (ms: number, kind: string, subject: string, from: string, to: string, reason: string) => {
      return { at: new Date(b.clock.wallMs() - b.clock.now() + ms).toISOString(), kind, subject, from, to, reason };
    };
    const silence = "no master heard for 3609 ms";
    expect(b.updates.flatMap((one) => (one.kind === "event" ? [one.value] : []))).toEqual([
      event(0, "sync-group", "G", "INIT", "BACKUP", "started"),
      event(0, "vrrp", "VI_1", "INIT", "BACKUP", "started"),
      event(3609, "vrrp", "VI_1", "BACKUP", "MASTER", silence),
      event(3609, "sync-group", "G", "BACKUP", "MASTER", silence),
    ]);
  });

  test("of a router that VRRP refuses: an event, and the status has it in the next turn", () => {
    const b = master();
    b.hears(vrrpInstance({ advertMs: 3000 }), "192.0.2.2");
    for (let i = 0; i < 10_000 && b.events("vrrp-peer").length === 0; i++) b.clock.advance(1);
    expect(b.events("vrrp-peer").map(({ subject, to }) => `${subject}: ${to}`)).toEqual(["VI_1: refused"]);
    b.clock.advance(0);
    expect(b.status()?.refusedMasters.map(({ address: one }) => one)).toEqual(["192.0.2.2"]);
  });

  test("of an instance: all of its status", () => {
    const b = master();
    void b.clock.advance(5000);
    void b.role.snapshot();
    const since = "2026-01-01T00:00:03.609Z";
    const { counters = {}, ...status } = b.status() ?? {};
    expect(Object.entries(counters).filter(([, count]) => count > 0)).toEqual([
      ["advert_sent", 7],
      ["become_master", 1],
    ]);
    expect(status).toEqual({
      ...{ name: "VI_1", interface: "eth0", vrid: 51, version: 2, family: 4, state: "MASTER", since },
      lastTransition: { at: since, from: "BACKUP", to: "MASTER", cause: "no master heard for 3609 ms" },
      master: { address: "192.0.2.1", priority: 100, lastAdvertAt: "2026-01-01T00:00:09.609Z" },
      priority: {
        base: 100,
        effective: 100,
        trackers: [
          { kind: "interface", name: "eth0", up: true, share: null, since: "2026-01-01T00:00:00.000Z", detail: "" },
        ],
      },
      advertMs: { own: 1000, learned: null },
      faults: [],
      addresses: [{ address: "192.0.2.100", prefixLength: 32, interface: "eth0", excluded: false, present: true }],
      announceDelayMs: 5000,
      group: null,
      ...{ refused: {}, lastRefused: null, foreignMaster: null, refusedMasters: [], senders: [], advice: [] },
      transmission: { sendErrors: 0, lastSendError: null, receiveDrops: 7 },
    });
  });

  test("of the process: counters of everything it does, whole for a reader who knows nothing, then what moved", () => {
    const b = master(configWith([NO_ACCEPT_VMAC]));
    b.updates.length = 0;
    b.role.snapshot();
    const metrics = () => b.updates.splice(0).flatMap((one) => (one.kind === "metrics" ? [one] : []));
    const socket = 'socket="4/112/100/multicast/224.0.0.18"';
    expect(metrics()).toEqual([
      {
        kind: "metrics",
        role: "vrrp",
        values: {
          'lbd_vrrp_transitions_total{vrrp="VI_1",from="INIT",to="BACKUP",reason="start"}': 1,
          'lbd_vrrp_transitions_total{vrrp="VI_1",from="BACKUP",to="MASTER",reason="no-master"}': 1,
          'lbd_garp_sent_total{interface="vrrp.51"}': 5,
          lbd_vrrp_advert_jitter_seconds: 0,
          'lbd_kernel_ops_total{kind="rtnetlink",op="add-address",result="ok"}': 1,
          lbd_vrrp_announce_errors_total: 3,
          [`lbd_vrrp_receive_drops_total{${socket}}`]: 7,
          [`lbd_vrrp_receive_errors_total{${socket}}`]: 0,
          lbd_notified_total: 2,
          lbd_netlink_overruns_total: 0,
          lbd_netlink_resyncs_total: 0,
          lbd_netlink_read_failures_total: 0,
        },
      },
    ]);
    b.network.removeAddress("vrrp.51", "192.0.2.100");
    b.clock.advance(2000);
    const moved = Object.assign({}, ...metrics().map(({ values }) => values));
    expect(moved).toEqual({
      'lbd_drift_detected_total{kind="address"}': 1,
      'lbd_drift_repaired_total{kind="address"}': 1,
      'lbd_kernel_ops_total{kind="rtnetlink",op="add-address",result="ok"}': 2,
      'lbd_garp_sent_total{interface="vrrp.51"}': 6,
    });
  });
});

const NO_ACCEPT_VMAC = vrrpInstance({ accept: false, vmac: { kind: "macvlan", xmitBase: false } });

describe("the end", () => {
  const EVERYTHING = configured(
    "lvs_sync_daemon eth0 inst VI_1",
    "no_accept\nlinkbeat_use_polling\nuse_vmac\ntrack_process {\n P\n}\ntrack_file {\n F\n}",
    "child_wait_time 10\nvrrp_track_process P {\n process haproxy\n weight 5\n}\ntrack_file F {\n file /run/f\n weight 1\n}",
  );

  test("everything closes: the backups hear first, what is ours goes, programs have their time, the kernel's sockets last", async () => {
    const b = master(EVERYTHING);
    expect(b.state()).toBe("MASTER");
    b.did.length = 0;
    b.network.commands.length = 0;
    await b.role.stop();
    expect(b.did).toEqual([
      "links are polled no more",
      "files close",
      "processes are watched no more",
      "tracking programs end",
      "IPVS closes",
      "sockets close",
      "notifier drains within 6000",
      "notifier closes",
      "programs of notifications end",
      "frames close",
      "the packet filter closes",
      "the reflector closes",
      "what the tables are changed by closes",
    ]);
    expect([b.sent.at(-1)?.priority, b.firewalls[0]?.removed]).toEqual([0, true]);
    expect(b.network.commands).toEqual(["delete-address 192.0.2.100", "filter", "filter", "remove vrrp.51"]);
    expect([b.ipvs.daemons(), b.sockets(), b.watchedFiles(), b.clock.nextAt()]).toEqual([[], [], [], undefined]);
    expect(b.state()).toBe("STOP");
  });

  test("-V: the packet filter and virtual interfaces stay with the addresses", async () => {
    const b = master(EVERYTHING, { releaseVrrp: false });
    b.network.commands.length = 0;
    await b.role.stop();
    expect([b.network.commands, b.firewalls[0]?.removed]).toEqual([[], false]);
  });

  test("what the kernel tells afterwards is nobody's any more", async () => {
    const b = master();
    await b.role.stop();
    const before = [b.network.commands.length, b.updates.length];
    b.network.removeLink("eth0");
    b.clock.advance(10_000);
    expect([b.network.commands.length, b.updates.length]).toEqual(before);
  });
});
