import { describe, expect, test } from "bun:test";
import { decodeControl, encodeControl } from "../../../src/bfd/packet.ts";
import { bytesOf, FRAMES, saying } from "../../support/bfd.ts";

const STATES: Readonly<Record<string, string>> = { Down: "Down", Init: "Init", Up: "Up", AdminDown: "AdminDown" };

describe("real frames", () => {
  test("there are those of three speakers", () => {
    expect(FRAMES.length).toBe(33);
    for (const sender of ["ka-", "frr-", "bird-"])
      expect(FRAMES.some(({ label }) => label.startsWith(sender))).toBe(true);
  });

  test.each(FRAMES.map((frame) => [frame.label, frame] as const))("%s", (_label, { decoded, payload }) => {
    const read = decodeControl(payload);
    if (!read.ok) throw new Error(read.error);
    const { value } = read;
    expect<unknown>({
      state: value.state,
      diag: value.diagnostic,
      poll: Number(value.poll),
      final: Number(value.final),
      d: Number(value.demand),
      a: Number(value.authentication),
      detect_mult: value.multiplier,
      my_discr: value.my,
      your_discr: value.your,
      desired_min_tx_us: value.desiredMinTxUs,
      required_min_rx_us: value.requiredMinRxUs,
      required_min_echo_rx_us: value.requiredMinEchoRxUs,
    }).toEqual({
      state: STATES[String(decoded.state)],
      diag: decoded.diag,
      poll: decoded.poll,
      final: decoded.final,
      d: decoded.d,
      a: decoded.a,
      detect_mult: decoded.detect_mult,
      my_discr: decoded.my_discr,
      your_discr: decoded.your_discr,
      desired_min_tx_us: decoded.desired_min_tx_us,
      required_min_rx_us: decoded.required_min_rx_us,
      required_min_echo_rx_us: decoded.required_min_echo_rx_us,
    });
  });

  test("what keepalived sends we would send to the byte", () => {
    for (const { label, payload } of FRAMES.filter((frame) => frame.label.startsWith("ka-"))) {
      const read = decodeControl(payload);
      if (!read.ok) throw new Error(label);
      const again = new Uint8Array(24);
      encodeControl(read.value, again);
      expect([label, ...again]).toEqual([label, ...payload]);
    }
  });
});

describe("a packet that is none", () => {
  const sound = bytesOf(saying({ your: 9, state: "Up" }));
  const with_ = (at: number, value: number, length = 24) => {
    const bytes = sound.slice(0, length);
    bytes[at] = value;
    return bytes;
  };
  test.each([
    ["an empty datagram", new Uint8Array(), "too-short"],
    ["one byte too few", sound.slice(0, 23), "too-short"],
    ["version 0", with_(0, 0x00), "version"],
    ["version 2", with_(0, 0x40), "version"],
    ["a length of 23", with_(3, 23), "length"],
    ["a length of more than came", with_(3, 25), "length"],
    ["multiplier 0", with_(2, 0), "multiplier"],
    ["multipoint", with_(1, 0xc1), "multipoint"],
    ["my discriminator 0", with_(7, 0), "my-discriminator"],
    ["up and hears nobody", with_(11, 0), "your-discriminator"],
    ["poll and final", with_(1, 0xf0), "poll-and-final"],
  ])("%s", (_why, bytes, reason) => {
    expect(decodeControl(bytes)).toEqual({ ok: false, error: reason } as never);
  });

  test("Your may be 0 only while down", () => {
    const your = (state: "AdminDown" | "Down" | "Init" | "Up") => decodeControl(bytesOf(saying({ state, your: 0 }))).ok;
    expect([your("AdminDown"), your("Down"), your("Init"), your("Up")]).toEqual([true, true, false, false]);
  });

  test("more bytes than its length says are let be (RFC 5880 §6.8.6)", () => {
    const longer = new Uint8Array(60);
    longer.set(sound);
    expect(decodeControl(longer)).toEqual(decodeControl(sound));
  });
});

test("what is written is read", () => {
  const packet = saying({
    state: "Init",
    diagnostic: 31,
    your: 0xffff_ffff,
    my: 0x8000_0001,
    desiredMinTxUs: 0xffff_ffff,
  });
  expect(decodeControl(bytesOf(packet))).toEqual({ ok: true, value: packet });
});

test("a million mutated frames and random bytes are read or refused, never thrown at", () => {
  const runs = Number(process.env.LBD_FUZZ_RUNS ?? 300_000);
  const seed = Number(process.env.LBD_FUZZ_SEED ?? Date.now() % 1_000_000_007);
  let state = seed | 1;
  const pick = (below: number) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  let read = 0;
  for (let run = 0; run < runs; run++) {
    const from = FRAMES[pick(FRAMES.length)]?.payload ?? new Uint8Array();
    const bytes = from.slice(0, pick(20) === 0 ? pick(25) : 24);
    for (let n = pick(3); n > 0 && bytes.length > 0; n--) bytes[pick(bytes.length)] = pick(256);
    const decoded = decodeControl(bytes);
    if (!decoded.ok) continue;
    read++;
    const { value } = decoded;
    if (value.my === 0 || value.multiplier === 0 || value.diagnostic > 31 || (value.poll && value.final))
      throw new Error(`seed ${seed} run ${run}: ${[...bytes]}`);
  }
  expect(read).toBeGreaterThan(runs / 10);
});
