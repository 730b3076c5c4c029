// Adapter: other network namespaces. A socket stays in the namespace it was made in: to open one elsewhere (net_namespace_ipvs) the
// thread goes there, opens, and comes back, and nothing else runs in between; for net_namespace it goes for good.
import { close, O_RDONLY, open } from "../../ffi/fd.ts";
import { CLONE_NEWNET, setns } from "../../ffi/process.ts";

/** Where `ip netns` keeps the namespace of a name. Without a name: the default one, in which the machine's first process is. */
export function namespacePath(name: string): string {
  return name === "" ? "/proc/1/ns/net" : `/run/netns/${name}`;
}

/**
 * Moves this thread to the network namespace `name`, for good: what it opens and starts from now on is there. Threads that the
 * runtime has already are not moved; they open no sockets of ours.
 * @throws Error ENOENT when there is no such namespace, EPERM without CAP_SYS_ADMIN
 */
export function enterNetworkNamespace(name: string): void {
  const target = open(namespacePath(name), O_RDONLY);
  try {
    setns(target, CLONE_NEWNET);
  } finally {
    close(target);
  }
}

/**
 * Runs `openSockets` in the network namespace `name`; in this one when it is undefined. Must not await anything.
 * @throws SyscallError ENOENT when there is no such namespace, EPERM without CAP_SYS_ADMIN
 */
export function inNetworkNamespace<T>(name: string | undefined, openSockets: () => T): T {
  if (name === undefined) return openSockets();
  const home = open("/proc/thread-self/ns/net", O_RDONLY);
  try {
    enterNetworkNamespace(name);
    try {
      return openSockets();
    } finally {
      // A failure here would leave the thread in a foreign namespace: it is thrown, and ends the process.
      setns(home, CLONE_NEWNET);
    }
  } finally {
    close(home);
  }
}
