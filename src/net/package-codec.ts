// Core: the one file that touches the `netlink` package: bodies of address, route and rule messages by its tables. Only its codec
// files are imported (with `.js`): its root loads a native addon that can't be used under Bun (runtime.md §6). What its tables lack is
// appended as raw attributes (its own `__unparsed` is refused by its encoder).
import {
  type AddressMessage,
  formatAddressMessage,
  formatRouteMessage,
  formatRuleMessage,
  type RouteMessage,
  type RuleMessage,
} from "netlink/dist/rt/structs.js";
import { AttrStream } from "netlink/dist/structs.js";
import { concatBytes } from "../base/bytes.ts";

/** Attributes beyond the package's tables: number and bytes. */
export type RawAttribute = readonly [number, Uint8Array];

export function addressBody(
  data: AddressMessage["data"],
  attrs: AddressMessage["attrs"],
  more: readonly RawAttribute[],
): Uint8Array {
  const out = new AttrStream();
  formatAddressMessage({ kind: "address", data, attrs }, out);
  return finish(out, more);
}

export function routeBody(
  data: RouteMessage["data"],
  attrs: RouteMessage["attrs"],
  more: readonly RawAttribute[],
): Uint8Array {
  const out = new AttrStream();
  formatRouteMessage({ kind: "route", data, attrs }, out);
  return finish(out, more);
}

export function ruleBody(
  data: RuleMessage["data"],
  attrs: RuleMessage["attrs"],
  more: readonly RawAttribute[],
): Uint8Array {
  const out = new AttrStream();
  formatRuleMessage({ kind: "rule", data, attrs }, out);
  return finish(out, more);
}

/** The package's types ask for Buffer. The bytes are copied. */
export function buffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes);
}

/** The package pads between attributes only; the kernel's own senders pad the last one too. */
function finish(out: AttrStream, more: readonly RawAttribute[]): Uint8Array {
  for (const [type, bytes] of more) out.push(type, bytes);
  const bytes = concatBytes(...out.bufs);
  const rest = bytes.byteLength % 4;
  return rest === 0 ? bytes : concatBytes(bytes, new Uint8Array(4 - rest));
}
