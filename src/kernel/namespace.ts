// Adapter: opening sockets in another network namespace (net_namespace_ipvs). A socket stays in the namespace it was made in, so the
// thread goes there, opens, and comes back; nothing else runs in between.
import { close, O_RDONLY, open } from "../../ffi/fd.ts";
import { CLONE_NEWNET, setns } from "../../ffi/process.ts";

/** Where `ip netns` keeps the namespace of a name. */
export function namespacePath(name: string): string {
  return `/run/netns/${name}`;
}

/**
 * Runs `openSockets` in the network namespace `name`; in this one when it is undefined. Must not await anything.
 * @throws SyscallError ENOENT when there is no such namespace, EPERM without CAP_SYS_ADMIN
 */
export function inNetworkNamespace<T>(name: string | undefined, openSockets: () => T): T {
  if (name === undefined) return openSockets();
  const home = open("/proc/thread-self/ns/net", O_RDONLY);
  try {
    const target = open(namespacePath(name), O_RDONLY);
    try {
      setns(target, CLONE_NEWNET);
    } finally {
      close(target);
    }
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
