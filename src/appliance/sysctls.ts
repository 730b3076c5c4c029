// Appliance core: the kernel settings of a director, each with its reason; the API shows them with what the kernel has.

export interface WantedSetting {
  /** Below /proc/sys. */
  readonly path: string;
  readonly value: string;
  readonly reason: string;
}

/** In the order in which they are set: those of ip_vs are there once its module is. */
export const DIRECTOR_SETTINGS: readonly WantedSetting[] = [
  { path: "net/ipv4/ip_forward", value: "1", reason: "NAT and tunnels forward what is not for this machine" },
  { path: "net/ipv6/conf/all/forwarding", value: "1", reason: "the same for IPv6" },
  { path: "net/ipv4/conf/all/arp_ignore", value: "1", reason: "an address is answered for on its own link only" },
  {
    path: "net/ipv4/conf/all/arp_announce",
    value: "2",
    reason: "a virtual address is never the sender of a question for another link",
  },
  {
    path: "net/ipv4/conf/all/rp_filter",
    value: "0",
    reason: "answers of real servers may come another way than requests go",
  },
  { path: "net/ipv4/conf/default/rp_filter", value: "0", reason: "the same for links that come later" },
  { path: "net/ipv4/conf/all/send_redirects", value: "0", reason: "clients shall not be told to go past the director" },
  { path: "net/ipv4/conf/default/send_redirects", value: "0", reason: "the same for links that come later" },
  { path: "net/ipv4/conf/all/accept_redirects", value: "0", reason: "nobody on the segment changes the routes" },
  { path: "net/ipv6/conf/all/accept_redirects", value: "0", reason: "the same for IPv6" },
  { path: "net/ipv4/conf/all/accept_source_route", value: "0", reason: "a sender does not choose the way" },
  {
    path: "net/ipv4/vs/expire_nodest_conn",
    value: "1",
    reason: "clients of a server that was taken out connect anew at once",
  },
  {
    path: "net/ipv4/vs/expire_quiescent_template",
    value: "1",
    reason: "persistence does not bind clients to a server of weight 0",
  },
  { path: "net/ipv4/vs/conn_reuse_mode", value: "1", reason: "a port that a client uses again is scheduled anew" },
  { path: "net/ipv4/vs/sloppy_tcp", value: "1", reason: "connections that another director had are taken over" },
  {
    path: "net/ipv4/vs/sync_refresh_period",
    value: "10",
    reason: "a director that comes back learns of every connection that lives, ten seconds later at most",
  },
  { path: "net/ipv4/vs/conntrack", value: "0", reason: "connection tracking would see every packet a second time" },
  {
    path: "net/core/netdev_max_backlog",
    value: "8192",
    reason: "bursts of small packets are kept until a core takes them",
  },
  {
    path: "net/ipv4/neigh/default/gc_thresh3",
    value: "8192",
    reason: "a segment with thousands of servers has as many neighbours",
  },
  { path: "net/ipv4/neigh/default/gc_thresh2", value: "4096", reason: "the same" },
  { path: "net/ipv6/neigh/default/gc_thresh3", value: "8192", reason: "the same for IPv6" },
  { path: "net/ipv6/neigh/default/gc_thresh2", value: "4096", reason: "the same for IPv6" },
  { path: "kernel/panic", value: "10", reason: "a kernel that panicked starts again, by the boot loader's count" },
  {
    path: "kernel/panic_on_oops",
    value: "1",
    reason: "after an oops locks may be held for ever: the other director takes over",
  },
];

/** Bits of the table of connections, by memory: 2^20 buckets of 8 bytes on machines of 2 GB and more (kernel: 12 unless it is told). */
export function connectionTableBits(memoryBytes: number): number {
  if (memoryBytes >= 2 * 1024 ** 3 * 0.9) return 20;
  return memoryBytes >= 1024 ** 3 * 0.9 ? 18 : 15;
}
