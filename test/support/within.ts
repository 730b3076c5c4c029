// Moves this thread into a namespace of a test for a moment: sockets opened inside stay there. Synchronous work only.
import { close, type Fd, O_RDONLY, open } from "../../ffi/fd.ts";
import { CLONE_NEWNET, setns } from "../../ffi/process.ts";
import type { Namespace } from "./netns.ts";

export function within<T>(namespace: Namespace, run: () => T): T {
  const home = open("/proc/self/ns/net", O_RDONLY);
  const there = open(`/var/run/netns/${namespace.name}`, O_RDONLY);
  try {
    enter(there);
    return run();
  } finally {
    enter(home);
    close(home);
    close(there);
  }
}

function enter(fd: Fd): void {
  setns(fd, CLONE_NEWNET);
}
