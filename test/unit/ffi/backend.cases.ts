// What both FFI backends must do, one list: run under Bun by `bun test`, under Deno by test/deno/run.ts.
import { expect } from "bun:test";
import {
  EPOLLIN,
  EPOLLOUT,
  epollAdd,
  epollCreate,
  epollDelete,
  epollEvents,
  epollModify,
  eventFd,
  eventFdSignal,
} from "../../../ffi/epoll.ts";
import { SyscallError } from "../../../ffi/errno.ts";
import {
  asFd,
  close,
  type Fd,
  flock,
  LOCK_EX,
  LOCK_NB,
  LOCK_UN,
  O_ASYNC,
  O_CREAT,
  O_NONBLOCK,
  O_RDONLY,
  O_RDWR,
  open,
  pipe,
  read,
  setNonBlocking,
  statusFlags,
  umask,
  write,
} from "../../../ffi/fd.ts";
import { lastErrno, libc } from "../../../ffi/index.ts";
import { decodeWatchEvents, IN_CLOSE_WRITE, inotifyAdd, inotifyCreate, inotifyRemove } from "../../../ffi/inotify.ts";
import { IFREQ, ioctl, SIOCGIFMTU } from "../../../ffi/ioctl.ts";
import { cString, fixed } from "../../../ffi/memory.ts";
import { openReceiver, sendMessage } from "../../../ffi/message.ts";
import { openOpenSsl } from "../../../ffi/openssl.ts";
import {
  affinity,
  capabilities,
  hasBoundingCapability,
  ignoreSignal,
  kill,
  RLIMIT_NOFILE,
  resourceLimit,
  scheduler,
  setProcessName,
} from "../../../ffi/process.ts";
import { AF_INET, AF_INET6, AF_UNIX, inetAddress } from "../../../ffi/sockaddr.ts";
import {
  bind,
  connect,
  getsockname,
  getsockoptInt,
  IP_PKTINFO,
  IP_RECVTTL,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVPKTINFO,
  interfaceIndex,
  interfaceName,
  listen,
  recv,
  recvFrom,
  SHUT_WR,
  SO_RCVBUF,
  SO_TIMESTAMPNS,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  send,
  sendTo,
  setLinger,
  setsockoptInt,
  shutdown,
  socket,
  socketPair,
  takeSocketError,
} from "../../../ffi/socket.ts";
import { wallClockMs } from "../../../ffi/time.ts";
import { accept } from "../../support/accept.ts";

export interface BackendCase {
  readonly name: string;
  run(scratchDirectory: string): void;
}

const LOOPBACK4 = new Uint8Array([127, 0, 0, 1]);
const LOOPBACK6 = new Uint8Array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
const TEXT = new TextEncoder();

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof SyscallError) return error.code;
    throw error;
  }
  return "no error";
}

/** The port the kernel chose. */
function portOf(fd: Fd): number {
  const name = getsockname(fd);
  return name.family === "inet" || name.family === "inet6" ? name.port : 0;
}

function using<T>(fds: readonly Fd[], run: () => T): T {
  try {
    return run();
  } finally {
    for (const fd of fds) close(fd);
  }
}

/** Waits, in the kernel, until a descriptor is readable. */
function waitReadable(fd: Fd): void {
  const set = epollCreate();
  using([set], () => {
    epollAdd(set, fd, EPOLLIN, 1);
    expect(epollEvents(1).wait(set, 5000)).toBe(1);
  });
}

export const backendCases: readonly BackendCase[] = [
  {
    name: "a failed call throws with syscall, errno name and object",
    run() {
      const caught = (() => {
        try {
          close(asFd(1_000_000));
        } catch (error) {
          return error;
        }
      })();
      expect(caught).toBeInstanceOf(SyscallError);
      expect(String(caught)).toBe("SyscallError: close: EBADF (fd 1000000)");
    },
  },
  {
    name: "errno is right after every one of many failed calls, with allocation in between",
    run() {
      let wrong = 0;
      for (let i = 0; i < 20_000; i++) {
        const bad = i % 2 === 0;
        const result = bad ? libc.close(-1) : libc.socket(9999, 1, 0);
        const garbage = [i, String(i)];
        if (result !== -1 || lastErrno() !== (bad ? 9 : 97) || garbage.length !== 2) wrong++;
      }
      expect(wrong).toBe(0);
    },
  },
  {
    name: "arguments C would mangle are refused: missing, fractions, too large, no bytes",
    run() {
      const call = (target: (...args: never[]) => number, ...args: unknown[]) => Reflect.apply(target, undefined, args);
      expect(() => call(libc.socket, 2, 1)).toThrow("socket: expected an integer");
      expect(() => call(libc.socket, 2.5, 1, 0)).toThrow("socket: expected an integer");
      expect(() => call(libc.socket, 2 ** 31, 1, 0)).toThrow("socket: expected -2147483648..2147483647");
      expect(() => call(libc.umask, -1)).toThrow("umask: expected 0..4294967295");
      expect(() => call(libc.write, 1, "text", 4)).toThrow("write: expected bytes or null");
    },
  },
  {
    name: "text with a NUL never reaches C",
    run() {
      expect(() => cString("a\0b")).toThrow("NUL");
      expect(codeOf(() => open("/nonexistent/file", O_RDONLY))).toBe("ENOENT");
    },
  },
  {
    name: "small arrays are read and written where they lie, also after their buffer was touched",
    run() {
      const { readEnd, writeEnd } = pipe();
      using([readEnd, writeEnd], () => {
        for (let i = 0; i < 200; i++) {
          const out = new Uint8Array([i, 255 - i]);
          const into = new Uint8Array(2);
          if (i % 2 === 0) new DataView(out.buffer);
          expect(write(writeEnd, out)).toBe(2);
          expect(read(readEnd, into.subarray(0, 1))).toBe(1);
          expect(read(readEnd, into.subarray(1))).toBe(1);
          expect([...into]).toEqual([i, 255 - i]);
        }
      });
    },
  },
  {
    name: "an empty non-blocking descriptor answers undefined, a closed one 0",
    run() {
      const { readEnd, writeEnd } = pipe();
      using([readEnd], () => {
        setNonBlocking(readEnd);
        expect(statusFlags(readEnd) & O_NONBLOCK).toBe(O_NONBLOCK);
        expect(statusFlags(readEnd) & O_ASYNC).toBe(0);
        expect(read(readEnd, fixed(8))).toBeUndefined();
        close(writeEnd);
        expect(read(readEnd, fixed(8))).toBe(0);
      });
    },
  },
  {
    name: "a lock is held against a second opening of the file",
    run(directory) {
      const path = `${directory}/lock`;
      const first = open(path, O_RDWR | O_CREAT, 0o600);
      const second = open(path, O_RDWR);
      using([first, second], () => {
        expect(flock(first, LOCK_EX | LOCK_NB)).toBe(true);
        expect(flock(second, LOCK_EX | LOCK_NB)).toBe(false);
        expect(flock(first, LOCK_UN)).toBe(true);
        expect(flock(second, LOCK_EX | LOCK_NB)).toBe(true);
      });
    },
  },
  {
    name: "umask gives the one before",
    run() {
      const before = umask(0o27);
      expect(umask(before)).toBe(0o27);
    },
  },
  {
    name: "epoll tells which descriptor is ready for what",
    run() {
      const set = epollCreate();
      const [a, b] = socketPair(SOCK_STREAM | SOCK_NONBLOCK);
      const events = epollEvents(4);
      using([set, a, b], () => {
        epollAdd(set, a, EPOLLIN, 77);
        expect(events.wait(set, 0)).toBe(0);
        expect(send(b, new Uint8Array([1]))).toBe(1);
        expect([events.wait(set, 1000), events.tag(0), events.events(0)]).toEqual([1, 77, EPOLLIN]);
        epollModify(set, a, EPOLLOUT, 0xffff_fffe);
        expect([events.wait(set, 1000), events.tag(0), events.events(0)]).toEqual([1, 0xffff_fffe, EPOLLOUT]);
        epollDelete(set, a);
        expect(events.wait(set, 0)).toBe(0);
        expect(codeOf(() => epollDelete(set, a))).toBe("ENOENT");
      });
    },
  },
  {
    name: "an eventfd becomes readable",
    run() {
      const counter = eventFd();
      using([counter], () => {
        expect(read(counter, fixed(8))).toBeUndefined();
        eventFdSignal(counter);
        waitReadable(counter);
        expect(read(counter, fixed(8))).toBe(8);
      });
    },
  },
  {
    name: "TCP over IPv4 and IPv6: listen, connect, data both ways, half close",
    run() {
      for (const [family, address] of [
        [AF_INET, LOOPBACK4],
        [AF_INET6, LOOPBACK6],
      ] as const) {
        const listener = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const client = socket(family, SOCK_STREAM | SOCK_NONBLOCK, 0);
        using([listener, client], () => {
          bind(listener, inetAddress(address, 0));
          listen(listener, 1);
          expect(accept(listener)).toBeUndefined();
          connect(client, inetAddress(address, portOf(listener)));
          waitReadable(listener);
          const accepted = accept(listener);
          if (!accepted) throw new Error("no connection waits");
          using([accepted.fd], () => {
            expect(takeSocketError(client)).toBe(0);
            const peer = accepted.peer;
            expect(peer.family === "inet" || peer.family === "inet6" ? [...peer.address] : []).toEqual([...address]);
            expect(portOf(client)).toBe(peer.family === "inet" || peer.family === "inet6" ? peer.port : -1);
            expect(send(client, TEXT.encode("hello"))).toBe(5);
            shutdown(client, SHUT_WR);
            waitReadable(accepted.fd);
            const into = fixed(16);
            expect(recv(accepted.fd, into)).toBe(5);
            expect(recv(accepted.fd, into)).toBe(0);
            setLinger(accepted.fd, 0);
          });
        });
      }
    },
  },
  {
    name: "a refused connection is ECONNREFUSED, by exception or as pending error",
    run() {
      const listener = socket(AF_INET, SOCK_STREAM, 0);
      bind(listener, inetAddress(LOOPBACK4, 0));
      const port = portOf(listener);
      const client = socket(AF_INET, SOCK_STREAM, 0);
      using([listener, client], () => {
        expect(codeOf(() => connect(client, inetAddress(LOOPBACK4, port)))).toBe("ECONNREFUSED");
      });
    },
  },
  {
    name: "UDP: sender, empty datagrams, nothing waiting",
    run() {
      const a = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      const b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      using([a, b], () => {
        bind(a, inetAddress(LOOPBACK4, 0));
        bind(b, inetAddress(LOOPBACK4, 0));
        expect(recvFrom(a, fixed(8))).toBeUndefined();
        expect(sendTo(b, new Uint8Array(0), inetAddress(LOOPBACK4, portOf(a)))).toBe(0);
        waitReadable(a);
        expect(recvFrom(a, fixed(8))).toEqual({
          count: 0,
          from: { family: "inet", address: LOOPBACK4, port: portOf(b) },
        });
      });
    },
  },
  {
    name: "recvmsg over IPv4: payload, sender, interface, destination, TTL, truncation",
    run() {
      const a = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      const b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      using([a, b], () => {
        bind(a, inetAddress(LOOPBACK4, 0));
        setsockoptInt(a, IPPROTO_IP, IP_PKTINFO, 1);
        setsockoptInt(a, IPPROTO_IP, IP_RECVTTL, 1);
        const receiver = openReceiver(8);
        expect(receiver.receive(a)).toBeUndefined();
        const to = inetAddress(LOOPBACK4, portOf(a));
        const parts = [new Uint8Array([1, 2, 3]), new Uint8Array([4]), new Uint8Array(0), new Uint8Array([5])];
        expect(sendMessage(b, { parts, to })).toBe(5);
        waitReadable(a);
        const got = receiver.receive(a);
        expect(got && [...got.payload]).toEqual([1, 2, 3, 4, 5]);
        expect(got?.truncated).toBe(false);
        expect(got?.ancillary).toEqual({
          interfaceIndex: interfaceIndex("lo") ?? 0,
          localAddress: LOOPBACK4,
          hops: 64,
        });
        expect(sendMessage(b, { parts: [new Uint8Array(9)], to })).toBe(9);
        waitReadable(a);
        const cut = receiver.receive(a);
        expect([cut?.payload.byteLength, cut?.truncated]).toEqual([8, true]);
        expect(sendMessage(b, { parts: [], to })).toBe(0);
        waitReadable(a);
        expect(receiver.receive(a)?.payload.byteLength).toBe(0);
      });
    },
  },
  {
    name: "recvmsg over IPv6: interface, destination, hop limit",
    run() {
      const a = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      const b = socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      using([a, b], () => {
        bind(a, inetAddress(LOOPBACK6, 0));
        setsockoptInt(a, IPPROTO_IPV6, IPV6_RECVPKTINFO, 1);
        setsockoptInt(a, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
        expect(sendTo(b, new Uint8Array([9]), inetAddress(LOOPBACK6, portOf(a)))).toBe(1);
        waitReadable(a);
        expect(openReceiver(8).receive(a)?.ancillary).toEqual({
          interfaceIndex: interfaceIndex("lo") ?? 0,
          localAddress: LOOPBACK6,
          hops: 64,
        });
      });
    },
  },
  {
    name: "recvmsg with the time of arrival, by a wall clock that has fractions",
    run() {
      const a = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      const b = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      using([a, b], () => {
        bind(a, inetAddress(LOOPBACK4, 0));
        setsockoptInt(a, SOL_SOCKET, SO_TIMESTAMPNS, 1);
        const clocks = [Date.now(), wallClockMs(), Date.now() + 1];
        expect(clocks.toSorted((x, y) => x - y)).toEqual(clocks);
        const before = wallClockMs();
        expect(sendTo(b, new Uint8Array([9]), inetAddress(LOOPBACK4, portOf(a)))).toBe(1);
        waitReadable(a);
        const arrived = openReceiver(8).receive(a)?.ancillary.arrivedWallMs ?? 0;
        expect(arrived).toBeGreaterThanOrEqual(before);
        expect(arrived).toBeLessThanOrEqual(wallClockMs());
      });
    },
  },
  {
    name: "abstract and named unix sockets",
    run(directory) {
      for (const path of [`\0lbd-ffi-${process.pid}`, `${directory}/socket`]) {
        const listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        const client = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
        using([listener, client], () => {
          bind(listener, { family: "unix", path });
          listen(listener, 1);
          expect(getsockname(listener)).toEqual({ family: "unix", path });
          expect(connect(client, { family: "unix", path })).toBe(true);
        });
      }
      const other = socket(AF_UNIX, SOCK_STREAM, 0);
      using([other], () => {
        expect(() => bind(other, { family: "unix", path: "x".repeat(108) })).toThrow("up to 107 bytes");
      });
    },
  },
  {
    name: "socket options as numbers",
    run() {
      const fd = socket(AF_INET, SOCK_DGRAM, 0);
      using([fd], () => {
        setsockoptInt(fd, SOL_SOCKET, SO_RCVBUF, 65_536);
        // kernel: it keeps twice what was asked for.
        expect(getsockoptInt(fd, SOL_SOCKET, SO_RCVBUF)).toBe(131_072);
        expect(codeOf(() => setsockoptInt(fd, SOL_SOCKET, 9999, 1))).toBe("ENOPROTOOPT");
      });
    },
  },
  {
    name: "interfaces by name and index, and an ioctl",
    run() {
      const index = interfaceIndex("lo");
      expect(index === undefined ? undefined : interfaceName(index)).toBe("lo");
      expect(interfaceIndex("no-such-if")).toBeUndefined();
      expect(interfaceName(999_999)).toBeUndefined();
      const fd = socket(AF_INET, SOCK_DGRAM, 0);
      using([fd], () => {
        const request = IFREQ.encode({ name: "lo" });
        ioctl(fd, SIOCGIFMTU, request);
        expect(IFREQ.decode(request).mtu).toBe(65_536);
        expect(codeOf(() => ioctl(fd, SIOCGIFMTU, IFREQ.encode({ name: "no-such-if" })))).toBe("ENODEV");
      });
    },
  },
  {
    name: "inotify sees a file written",
    run(directory) {
      const set = inotifyCreate();
      using([set], () => {
        const watch = inotifyAdd(set, directory, IN_CLOSE_WRITE);
        close(open(`${directory}/watched`, O_RDWR | O_CREAT, 0o600));
        waitReadable(set);
        const into = fixed(4096);
        const count = read(set, into) ?? 0;
        const events = decodeWatchEvents(into.subarray(0, count));
        expect(events.map((e) => [e.watch, e.mask, e.name])).toEqual([[watch, IN_CLOSE_WRITE, "watched"]]);
        inotifyRemove(set, watch);
        expect(codeOf(() => inotifyAdd(set, `${directory}/missing`, IN_CLOSE_WRITE))).toBe("ENOENT");
      });
    },
  },
  {
    name: "an ignored signal ends nothing",
    run() {
      ignoreSignal(63);
      kill(process.pid, 63);
      expect(codeOf(() => ignoreSignal(9))).toBe("EINVAL");
      expect(codeOf(() => ignoreSignal(33))).toBe("EINVAL");
    },
  },
  {
    name: "what a process asks about itself",
    run() {
      kill(process.pid, 0);
      expect(codeOf(() => kill(2 ** 22 + 1, 0))).toBe("ESRCH");
      setProcessName("lbd-ffi-test");
      expect(scheduler()).toBeGreaterThan(-1);
      expect(affinity().length).toBeGreaterThan(0);
      expect(hasBoundingCapability(63)).toBe(false);
      const { effective, permitted } = capabilities();
      expect(effective & ~permitted).toBe(0n);
      const limit = resourceLimit(RLIMIT_NOFILE);
      expect(limit.soft > 0n && limit.soft <= limit.hard).toBe(true);
    },
  },
  {
    name: "the system's OpenSSL: the first word of a handshake, a certificate that is none, words for an error",
    run() {
      const library = openOpenSsl();
      expect(library.version).toMatch(/^3\.\d+\.\d+$/);
      const context = library.context({});
      const session = context.session("www.example.org");
      context.free();
      expect(session.handshake()).toBe("more");
      const hello = fixed(4096);
      const count = session.outgoing(hello);
      // A handshake record with a ClientHello in it (RFC 8446 §5.1), and the name that is asked for.
      expect([hello[0], hello[5], count > 100]).toEqual([22, 1, true]);
      expect(new TextDecoder("latin1").decode(hello.subarray(0, count))).toContain("www.example.org");
      session.receive(new TextEncoder().encode("HTTP/1.0 400 Bad Request\r\n\r\n"));
      expect(session.handshake()).toEqual({ error: "wrong version number" });
      session.free();
      expect(() => library.context({ certificate: "none", key: "none" })).toThrow("certificate: no start line");
    },
  },
];
