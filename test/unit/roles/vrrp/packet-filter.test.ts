// The packet filter has one writer: every transaction of its life, in order, and none that changes nothing.
import { describe, expect, test } from "bun:test";
import { SyscallError } from "../../../../ffi/errno.ts";
import type { FirewallWish } from "../../../../src/net/firewall-wish.ts";
import { createPacketFilter } from "../../../../src/roles/vrrp/packet-filter.ts";
import { vrrpInstance } from "../../../support/vrrp.ts";
import { configWith } from "./bench.ts";

const CLOSED = configWith([vrrpInstance({ accept: false })]);
const OPEN = configWith([vrrpInstance()]);
const A = { ip: "192.0.2.100", index: 2 };
const B = { ip: "192.0.2.101", index: 2 };
const VMAC = { index: 100, name: "vrrp.51", parentIndex: 2, family: 4 } as const;

const EPROTONOSUPPORT = 93;

function lab({ fails = false, refuses = false } = {}) {
  const did: string[] = [];
  const logs: string[] = [];
  let gone = false;
  const shown = ({ blocked, ready, vmacs }: FirewallWish) =>
    `${ready.join()} [${blocked.map(({ ip }) => ip).join()}] ${vmacs.map(({ name }) => name).join()}`.trim();
  const filter = createPacketFilter(
    ({ table }) => {
      if (fails) throw new SyscallError("socket", EPROTONOSUPPORT, "nftables");
      did.push(`open ${table}`);
      return {
        apply(wish) {
          did.push(`apply ${shown(wish)}`);
          return refuses ? { code: "ENOMEM", message: "nftables: ENOMEM" } : undefined;
        },
        rehearse: (wish) => void did.push(`rehearse ${shown(wish)}`),
        audit: () => gone,
        remove() {
          did.push(`remove ${table}`);
          return undefined;
        },
        [Symbol.dispose]: () => void did.push(`close ${table}`),
      };
    },
    ({ level, message }) => void logs.push(`${level} ${message}`),
  );
  return {
    filter,
    logs,
    did: () => did.splice(0),
    isGone: (is: boolean) => {
      gone = is;
    },
  };
}

test("of a takeover and its end: blocked before the address is there, no more when it has gone", () => {
  const { filter, did } = lab();
  filter.configure(CLOSED);
  expect(did()).toEqual(["open keepalived", "apply []", "apply 4 []"]);
  filter.configure(CLOSED);
  filter.widen([]);
  filter.narrow([]);
  filter.setVirtualMacs([]);
  filter.rehearse([]);
  expect(did()).toEqual([]);
  filter.rehearse([A]);
  filter.widen([A]);
  filter.narrow([A]);
  filter.widen([A]);
  filter.rehearse([A]);
  expect(did()).toEqual(["rehearse 4 [192.0.2.100]", "apply 4 [192.0.2.100]"]);
  // Another one comes, and the first goes.
  filter.widen([B]);
  filter.narrow([B]);
  expect(did()).toEqual(["apply 4 [192.0.2.100,192.0.2.101]", "apply 4 [192.0.2.101]"]);
  filter.setVirtualMacs([VMAC]);
  filter.setVirtualMacs([]);
  filter.narrow([]);
  expect(did()).toEqual(["apply 4 [192.0.2.101] vrrp.51", "apply 4 [192.0.2.101]", "apply 4 []"]);
});

test("where nothing is to be kept out there is none; what it is told meanwhile holds when one is needed", () => {
  const { filter, did } = lab();
  filter.configure(OPEN);
  filter.setVirtualMacs([VMAC]);
  filter.widen([A]);
  filter.rehearse([B]);
  expect([filter.audit(), did()]).toEqual([false, []]);
  filter.configure(CLOSED);
  expect(did()).toEqual(["open keepalived", "apply [192.0.2.100] vrrp.51", "apply 4 [192.0.2.100] vrrp.51"]);
});

describe("it goes", () => {
  test("with the configuration that needs it, not before, and once", () => {
    const { filter, did } = lab();
    filter.configure(CLOSED);
    filter.tidy(false);
    did();
    filter.configure(OPEN);
    filter.tidy(false);
    expect(did()).toEqual(["apply []", "remove keepalived", "close keepalived"]);
    filter.tidy(false);
    filter.close();
    expect(did()).toEqual([]);
  });

  test("when a process that died left one; without any in the kernel there is nothing to do", () => {
    const left = lab();
    left.filter.configure(OPEN);
    left.filter.tidy(true);
    expect(left.did()).toEqual(["open keepalived", "remove keepalived", "close keepalived"]);
    const none = lab({ fails: true });
    none.filter.configure(OPEN);
    none.filter.tidy(true);
    expect([none.did(), none.logs]).toEqual([[], []]);
  });

  test("at the end, and is not made again by what is told behind that", () => {
    const { filter, did } = lab();
    filter.configure(CLOSED);
    filter.setVirtualMacs([VMAC]);
    filter.widen([A]);
    did();
    filter.remove();
    filter.setVirtualMacs([]);
    filter.narrow([]);
    filter.close();
    expect(did()).toEqual(["remove keepalived", "close keepalived"]);
  });
});

test("what the kernel refuses, lacks, or somebody else has changed is said", () => {
  const refusing = lab({ refuses: true });
  refusing.filter.configure(CLOSED);
  expect(new Set(refusing.logs)).toEqual(new Set(["error packet filter: nftables: ENOMEM"]));
  const lacking = lab({ fails: true });
  lacking.filter.configure(CLOSED);
  lacking.filter.widen([A]);
  expect([lacking.did(), lacking.logs]).toEqual([
    [],
    ["error no packet filter here, so no_accept and virtual MACs go without: socket: EPROTONOSUPPORT (nftables)"],
  ]);
  const changed = lab();
  changed.filter.configure(CLOSED);
  expect(changed.filter.audit()).toBe(false);
  changed.isGone(true);
  expect([changed.filter.audit(), changed.logs]).toEqual([
    true,
    ["warning the packet filter was changed by somebody else, made anew"],
  ]);
});
