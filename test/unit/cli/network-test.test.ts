// The console's test of the network: which routers it asks, read from the kernel's tables.
import { expect, test } from "bun:test";
import { defaultRouters } from "../../../src/cli/network-test.ts";

const V4 = `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
lan0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
lan0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
lan1\t00000000\t00000000\t0001\t0\t0\t9\t00000000\t0\t0\t0`;
const zeros = "0".repeat(32);
const V6 = `${zeros} 00 ${zeros} 00 20010db8000000000000000000000001 00000400 00000001 00000000 00000003     lan0
${zeros} 00 ${zeros} 00 fe800000000000000000000000000001 00000400 00000001 00000000 00000003     lan1
${zeros} 00 ${zeros} 00 ${zeros} ffffffff 00000001 00000000 00200200       lo
20010db8000000000000000000000000 40 ${zeros} 00 ${zeros} 00000100 00000001 00000000 00000001     lan0`;

test("default routes of both families, each router once", () =>
  expect(defaultRouters(V4, V6)).toEqual([
    "192.0.2.1",
    "2001:0db8:0000:0000:0000:0000:0000:0001",
    "fe80:0000:0000:0000:0000:0000:0000:0001%lan1",
  ]));

test("none where there is no table", () => expect(defaultRouters("", "")).toEqual([]));
