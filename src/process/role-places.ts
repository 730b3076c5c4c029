// Process layer: which files vrrp and checker have to do with (docs/decisions/009-rights.md: measured by strace, over a whole life with every
// kind of check and tracking). Files of the configuration are not among them: the starter reads those. Pure.

/** For Landlock (ffi/landlock.ts): directories with all below them, and files. What is writable is readable. */
export interface FilePlaces {
  readonly writable: readonly string[];
  /** Absent: whatever its user may. */
  readonly readable?: readonly string[];
}

/** Settings of its network namespace, its own part of /proc, and nowhere. */
export const ALWAYS_WRITTEN: readonly string[] = ["/proc/sys/net", "/proc/self", "/dev/null"];

/**
 * Nothing in here is secret. /proc: names and command lines of processes (`track_process`), tables of sockets, the engine's memory; what is not
 * everybody's of other processes the kernel refuses a confined one, as it is no tracer. Libraries: the system's OpenSSL is loaded with the first server that needs
 * it. Where a symbolic link leads is what counts.
 */
export const ALWAYS_READ: readonly string[] = [
  "/proc",
  "/dev/urandom",
  "/dev/random",
  // The engine asks how many processors and how much memory it has.
  "/sys/devices/system/cpu",
  "/sys/devices/system/node",
  "/sys/kernel/mm/transparent_hugepage",
  "/sys/fs/cgroup",
  // Whether ip_vs is there.
  "/sys/module",
  "/lib/modules",
  "/lib",
  "/lib64",
  "/usr/lib",
  "/usr/lib64",
  "/usr/local/lib",
  "/etc/ld.so.cache",
  "/etc/ld.so.preload",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/localtime",
  "/usr/share/zoneinfo",
  // OpenSSL's settings; keys lie beside them in /etc/ssl/private.
  "/etc/ssl/openssl.cnf",
  "/etc/ssl/fipsmodule.cnf",
  "/etc/ssl/cert.pem",
  "/etc/ssl/certs",
  "/etc/pki/tls/openssl.cnf",
  "/etc/pki/tls/cert.pem",
  "/etc/pki/tls/certs",
  "/etc/crypto-policies",
  "/usr/share/crypto-policies",
  // `smtp_server` may be a name.
  "/etc/resolv.conf",
  "/run/systemd/resolve",
  "/run/resolvconf",
  "/run/NetworkManager/resolv.conf",
  "/etc/hosts",
  "/etc/host.conf",
  "/etc/nsswitch.conf",
  "/etc/gai.conf",
  "/etc/services",
  "/etc/protocols",
  // A FIFO may belong to a user.
  "/etc/passwd",
  "/etc/group",
  "/run/netns",
];

/** Files of a process' own image, from its /proc/self/maps: program, loader, C library. */
export function ownMappings(maps: string): readonly string[] {
  const paths = maps.split("\n").flatMap((line) => /^\S+ \S+ \S+ \S+ \S+ +(\/.*)$/.exec(line)?.[1] ?? []);
  return [...new Set(paths)];
}
