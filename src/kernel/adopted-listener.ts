// Adapter: lets an HTTP server of the runtime listen on a socket that this process was started with. The runtime listens only on what it
// binds itself (it takes listen({ fd }), and binds another port: findings/bun-listen-fd-binds-another-port.sh); so it binds a name that
// means nothing, and then that descriptor becomes the other socket, under the number and the tag that the runtime has for it.
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { epollAddForeign } from "../../ffi/epoll.ts";
import { asFd, type Fd, replaceFd } from "../../ffi/fd.ts";
import { getsockname } from "../../ffi/socket.ts";

/**
 * Where the runtime is told to listen: another abstract name each time. kernel: they belong to whoever binds them first, so one that
 * can be guessed is one that any user here can take.
 */
export function placeholderName(): string {
  return `\0lbd-placeholder-${crypto.randomUUID()}`;
}

export interface AdoptedListener {
  /** From now on callers are taken. */
  admit(): void;
}

/**
 * Puts the listening socket `fd` in the place of the placeholder; nobody is taken before admit().
 * @throws Error when the runtime's descriptors are not as they are known
 */
export function adoptListener(placeholder: string, fd: number): AdoptedListener {
  const own = listenerOf(placeholder);
  const { set, events, tag } = registrationOf(own);
  // kernel: the last descriptor of the placeholder goes, and with it its place in the set.
  replaceFd(own, asFd(fd));
  return { admit: () => epollAddForeign(set, own, events, tag) };
}

function listenerOf(name: string): Fd {
  for (const fd of openDescriptors()) {
    try {
      const bound = getsockname(fd);
      if (bound.family === "unix" && bound.path === name) return fd;
    } catch {
      // No socket.
    }
  }
  throw new Error("the runtime's listener is not among the descriptors");
}

interface Registration {
  readonly set: Fd;
  readonly events: number;
  readonly tag: bigint;
}

/** kernel: fs/eventpoll.c, ep_show_fdinfo(). */
const REGISTERED = /^tfd:\s+(\d+) events:\s+([0-9a-f]+) data:\s+([0-9a-f]+)/gm;

function registrationOf(fd: Fd): Registration {
  for (const set of openDescriptors()) {
    if (linkOf(set) !== "anon_inode:[eventpoll]") continue;
    for (const [, number, events = "", tag = ""] of readFileSync(`/proc/self/fdinfo/${set}`, "latin1").matchAll(
      REGISTERED,
    ))
      if (Number(number) === fd) return { set, events: Number.parseInt(events, 16), tag: BigInt(`0x${tag}`) };
  }
  throw new Error("the runtime's listener is in no epoll set");
}

function openDescriptors(): Fd[] {
  return readdirSync("/proc/self/fd").map((name) => asFd(Number(name)));
}

function linkOf(fd: Fd): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    // The one that read the directory.
    return "";
  }
}
