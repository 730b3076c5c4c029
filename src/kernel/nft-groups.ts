// Adapter: the tables that mark traffic for groups of addresses (`nftables_ipvs`), in the namespace of IPVS.
import { getTable, NFPROTO_IPV4, NFPROTO_IPV6, type TableRef } from "../net/nft.ts";
import { type MarkedAddress, type MarkSettings, markingTables } from "../net/nft-ipvs.ts";
import { inNetworkNamespace } from "./namespace.ts";
import { type NftFailure, openNft } from "./nftables.ts";

export interface GroupMarkTables {
  /** All of it in one transaction. */
  set(marked: readonly MarkedAddress[]): NftFailure | undefined;
  /** Is what we made still there? If not it is made anew; true when that was needed. */
  audit(): boolean;
  remove(): NftFailure | undefined;
  [Symbol.dispose](): void;
}

/** @throws SyscallError EPROTONOSUPPORT when the kernel has no netfilter netlink, ENOENT without the namespace */
export function openGroupMarkTables(settings: MarkSettings, namespace: string | undefined): GroupMarkTables {
  const nft = inNetworkNamespace(namespace, openNft);
  let wanted: readonly MarkedAddress[] = [];

  function set(marked: readonly MarkedAddress[]): NftFailure | undefined {
    wanted = marked;
    return nft.commit(markingTables(settings, marked));
  }

  function isThere(ref: TableRef): boolean {
    return nft.ask(getTable(ref)) === undefined;
  }

  return {
    set,
    audit() {
      const { table } = settings;
      const ip = wanted.some((one) => !one.ip.includes(":"));
      const ip6 = wanted.some((one) => one.ip.includes(":"));
      if (!(ip && !isThere({ family: NFPROTO_IPV4, table })) && !(ip6 && !isThere({ family: NFPROTO_IPV6, table })))
        return false;
      set(wanted);
      return true;
    },
    remove: () => set([]),
    [Symbol.dispose]: () => nft.close(),
  };
}
