// Adapter: the packet filter of VRRP in the kernel. The wish is kept here; each change is one nf_tables transaction. When somebody
// else has removed or changed the table, it is made anew as a whole.
import { errnoName, SyscallError } from "../../ffi/errno.ts";
import { close, type Fd } from "../../ffi/fd.ts";
import { AF_NETLINK } from "../../ffi/sockaddr.ts";
import {
  bind,
  recv,
  SO_RCVBUFFORCE,
  SO_SNDBUFFORCE,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOL_SOCKET,
  send,
  setsockoptInt,
  socket,
} from "../../ffi/socket.ts";
import { attributeWriter } from "../net/attributes.ts";
import { type FirewallSettings, type FirewallWish, NO_FIREWALL } from "../net/firewall-wish.ts";
import { beginMessage, decodeMessages, endMessage } from "../net/message.ts";
import { getTable, NFPROTO_IPV4, NFPROTO_IPV6, transaction } from "../net/nft.ts";
import { type AppliedFirewall, planFirewall, removeFirewall } from "../net/nft-vrrp.ts";
import type { NetlinkRequest } from "../net/request.ts";
import { NETLINK_NETFILTER } from "./netlink-socket.ts";

/** A transaction is one buffer: enough for some ten thousand addresses. */
const BUFFER_BYTES = 8 * 1024 * 1024;
const RECEIVE_BYTES = 64 * 1024;

export interface NftFailure {
  /** Name of the errno: ENOENT or EOPNOTSUPP when the kernel lacks an expression, EPERM without the right. */
  readonly code: string;
  readonly message: string;
}

export interface VrrpFirewall {
  /** Makes it as wished, by what differs from the last time. */
  apply(wish: FirewallWish): NftFailure | undefined;
  /** Does all of apply() but the transaction. */
  rehearse(wish: FirewallWish): void;
  /** Is what we made still there? If not it is made anew; true when that was needed. */
  audit(): boolean;
  /** Removes our tables, also one of that name that a crash left behind. */
  remove(): NftFailure | undefined;
  [Symbol.dispose](): void;
}

/** @throws SyscallError EPROTONOSUPPORT when the kernel has no netfilter netlink */
export function openVrrpFirewall(settings: FirewallSettings): VrrpFirewall {
  const nft = openNft();
  let wish: FirewallWish = NO_FIREWALL;
  let applied: AppliedFirewall = {};

  function apply(next: FirewallWish): NftFailure | undefined {
    wish = next;
    const change = planFirewall(settings, wish, applied);
    const failure = nft.commit(change.messages);
    if (!failure) {
      applied = change.applied;
      return undefined;
    }
    // Somebody has been at our table: what we believed of it is worth nothing.
    const whole = planFirewall(settings, wish, {});
    const again = nft.commit(whole.messages);
    applied = again ? {} : whole.applied;
    return again;
  }

  return {
    apply,
    rehearse: (next) => nft.rehearse(planFirewall(settings, next, applied).messages),
    audit() {
      const gone = (present: boolean, family: typeof NFPROTO_IPV4 | typeof NFPROTO_IPV6) =>
        present && nft.ask(getTable({ family, table: settings.table })) !== undefined;
      if (!gone(applied.ip !== undefined, NFPROTO_IPV4) && !gone(applied.ip6 !== undefined, NFPROTO_IPV6)) return false;
      applied = {};
      apply(wish);
      return true;
    },
    remove() {
      wish = NO_FIREWALL;
      applied = {};
      return nft.commit(removeFirewall(settings));
    },
    [Symbol.dispose]: () => nft.close(),
  };
}

export interface Nft {
  /** All or nothing; the first failure otherwise. */
  commit(messages: readonly NetlinkRequest[]): NftFailure | undefined;
  /** Does all of commit() but the sending. */
  rehearse(messages: readonly NetlinkRequest[]): void;
  /** One question; undefined when the kernel had an answer. */
  ask(request: NetlinkRequest): NftFailure | undefined;
  close(): void;
}

/** @throws SyscallError EPROTONOSUPPORT when the kernel has no netfilter netlink */
export function openNft(): Nft {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_NETFILTER);
  try {
    bind(fd, { family: "netlink", portId: 0, groups: 0 });
  } catch (error) {
    close(fd);
    throw error;
  }
  tryBuffer(fd, SO_SNDBUFFORCE);
  tryBuffer(fd, SO_RCVBUFFORCE);
  const writer = attributeWriter(RECEIVE_BYTES);
  const buffer = new Uint8Array(new ArrayBuffer(RECEIVE_BYTES));
  let sequence = 0;

  function encode(messages: readonly NetlinkRequest[]): Uint8Array {
    writer.truncate(0);
    for (const message of messages) {
      const mark = beginMessage(writer, message.type, message.flags, ++sequence);
      writer.raw(message.payload);
      endMessage(writer, mark);
    }
    return writer.written();
  }

  /** The kernel works on all of it inside the send: the answers are there when it returns. */
  function exchange(messages: readonly NetlinkRequest[]): NftFailure | undefined {
    const first = sequence + 1;
    const bytes = encode(messages);
    try {
      const taken = send(fd, bytes);
      if (taken === undefined) return { code: "EAGAIN", message: "nftables: the socket takes no transaction now" };
      return firstFailure(messages, first);
    } catch (error) {
      if (!(error instanceof SyscallError)) throw error;
      return { code: error.code, message: error.message };
    }
  }

  function firstFailure(messages: readonly NetlinkRequest[], first: number): NftFailure | undefined {
    let failure: NftFailure | undefined;
    for (let count = recv(fd, buffer); count !== undefined; count = recv(fd, buffer))
      for (const answer of decodeMessages(buffer.subarray(0, count)).messages) {
        if (answer.kind !== "answer" || answer.errno === 0 || answer.sequence < first || failure) continue;
        const what = messages[answer.sequence - first]?.what ?? "transaction";
        const code = errnoName(answer.errno);
        failure = { code, message: `nftables: ${what}: ${answer.text ? `${answer.text}: ` : ""}${code}` };
      }
    return failure;
  }

  return {
    commit: (messages) => (messages.length === 0 ? undefined : exchange(transaction(messages))),
    rehearse: (messages) => void encode(transaction(messages)),
    ask: (request) => exchange([request]),
    close: () => close(fd),
  };
}

function tryBuffer(fd: Fd, option: number): void {
  try {
    setsockoptInt(fd, SOL_SOCKET, option, BUFFER_BYTES);
  } catch {
    // Without the right the default buffer serves some hundred addresses.
  }
}
