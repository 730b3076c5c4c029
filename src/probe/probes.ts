// Adapter: all probes behind the one interface that the check runner knows. Ports are handed in by roles/*.
import type { Cancel } from "../base/clock.ts";
import { unreachable } from "../base/never.ts";
import type { Decoded } from "../base/result.ts";
import { judgeSession, type SessionState } from "../check/bfd.ts";
import { dnsQuery, judgeDnsAnswer } from "../check/dns.ts";
import { judgeFile } from "../check/file.ts";
import { createHttpReader, httpRequest } from "../check/http.ts";
import { bad, good, type Outcome } from "../check/outcome.ts";
import type { Attempt, Probes } from "../check/runner-state.ts";
import { createSmtpTalk } from "../check/smtp.ts";
import { judgeUdpAnswer, udpPayload } from "../check/udp.ts";
import type { DnsCheck, HttpCheck, HttpUrl, SmtpCheck, SslClient, UdpCheck } from "../config/model/check.ts";
import type { SystemTls, TlsContext } from "../kernel/system-tls.ts";
import { type DatagramPorts, noReply, startDatagram } from "./datagram.ts";
import { createExecutor, type RunProgram } from "./exec.ts";
import { createPinger, type PingPorts } from "./icmp.ts";
import { type Conversation, startStream } from "./stream.ts";
import { loadTlsSettings, type ReadWhole, startTlsStream, type TlsMemory, type TlsPorts, tlsMemory } from "./tls.ts";
import type { TlsSettings } from "./tls-connect.ts";

export interface ProbePorts extends TlsPorts, DatagramPorts, PingPorts {
  /** 0 ≤ n < 1, not to be guessed from outside: ids of DNS queries and echo requests. */
  random(): number;
  runProgram: RunProgram;
  /** Text at the start of a file; undefined when there is none. */
  readFile(path: string): string | undefined;
  readonly readWhole: ReadWhole;
  /** What is known of a BFD session; undefined before anything is. */
  session(name: string): SessionState | undefined;
}

export interface RunningProbes extends Probes {
  /** Takes the `SSL` block of a configuration; its files are read now. A reason when they can't be used. */
  setSslClient(ssl: SslClient | undefined): string | undefined;
}

export function createProbes(ports: ProbePorts): RunningProbes {
  const executor = createExecutor(ports.runProgram);
  const pinger = createPinger(ports);
  let tls: ReturnType<typeof loadTlsSettings> = { settings: {} };
  let systemContext: Decoded<TlsContext, string> | undefined;
  /** By check: which way its server is reached. A reload brings new objects, and asks anew. */
  const memories = new WeakMap<HttpCheck, TlsMemory>();

  function start({ check, part }: Attempt, done: (outcome: Outcome) => void): Cancel {
    switch (check.kind) {
      case "TCP_CHECK":
        return startStream(ports, check.endpoint, undefined, done);
      case "HTTP_GET":
        return startStream(ports, check.endpoint, httpConversation(check, part), done);
      case "SSL_GET":
        return startSslGet(check, part, done);
      case "SMTP_CHECK":
        return startSmtp(check, part, done);
      case "MISC_CHECK":
        return executor.start(check, done);
      case "DNS_CHECK":
        return startDns(check, done);
      case "UDP_CHECK":
        return startDatagram(ports, check.endpoint, udpQuestion(check), done);
      case "PING_CHECK":
        return pinger.start(check.endpoint, done);
      case "FILE_CHECK":
        return known(judgeFile(ports.readFile(check.file), check), done);
      case "BFD_CHECK":
        return known(judgeSession(ports.session(check.instance)), done);
      default:
        return unreachable(check);
    }
  }

  function startSslGet(check: HttpCheck, part: number, done: (outcome: Outcome) => void): Cancel {
    if ("error" in tls) return known(bad("tls", tls.error), done);
    const serverName = check.enableSni ? (check.sniName ?? check.urls[part]?.virtualHost) : undefined;
    const settings: TlsSettings = { ...tls.settings, ...(serverName === undefined ? {} : { serverName }) };
    const target = { endpoint: check.endpoint, settings, memory: memoryOf(check), systemContext: contextOf };
    return startTlsStream(ports, target, httpConversation(check, part), done);
  }

  function memoryOf(check: HttpCheck): TlsMemory {
    const known = memories.get(check) ?? tlsMemory();
    memories.set(check, known);
    return known;
  }

  function contextOf(library: SystemTls): Decoded<TlsContext, string> {
    systemContext ??= library.context("error" in tls ? {} : tls.settings);
    return systemContext;
  }

  function startSmtp(check: SmtpCheck, part: number, done: (outcome: Outcome) => void): Cancel {
    const host = check.hosts[part];
    if (!host) return known(bad("local", "SMTP_CHECK without a host"), done);
    return startStream(ports, host, createSmtpTalk(check.heloName), done);
  }

  function startDns(check: DnsCheck, done: (outcome: Outcome) => void): Cancel {
    const id = Math.floor(ports.random() * 0x10000);
    const bytes = dnsQuery(check, id);
    if (!bytes) return known(bad("local", "name can't be asked for: a label has 1 to 63 bytes"), done);
    return startDatagram(
      ports,
      check.endpoint,
      { bytes, judge: (answer) => judgeDnsAnswer(answer, id), silence: noReply },
      done,
    );
  }

  return {
    start,
    setSslClient(ssl) {
      tls = loadTlsSettings(ssl, ports.readWhole);
      // Sessions under way hold what they need of it.
      if (systemContext?.ok) systemContext.value.free();
      systemContext = undefined;
      return "error" in tls ? tls.error : undefined;
    },
  };
}

function known(outcome: Outcome, done: (outcome: Outcome) => void): Cancel {
  done(outcome);
  return () => {};
}

function httpConversation(check: HttpCheck, part: number): Conversation {
  const url = check.urls[part] ?? { path: "/", host: check.endpoint.ip, statusCodes: [[200, 299]] };
  const reader = createHttpReader(url);
  return {
    opening: requestBytes(check, url),
    feed: (bytes) => reader.feed(bytes),
    end: () => reader.end(),
  };
}

/** Written once per url: a configuration keeps its objects until the next reload. */
const requests = new WeakMap<HttpUrl, Uint8Array>();

function requestBytes(check: HttpCheck, url: HttpUrl): Uint8Array {
  const known = requests.get(url);
  if (known) return known;
  const bytes = new TextEncoder().encode(httpRequest(check, url));
  requests.set(url, bytes);
  return bytes;
}

function udpQuestion(check: UdpCheck) {
  return {
    bytes: udpPayload(check),
    judge: (answer: Uint8Array) => judgeUdpAnswer(answer, check),
    // Without require_reply nothing but an unreachable port is a failure.
    silence: (limitMs: number) => (check.requireReply ? noReply(limitMs) : good(`silent for ${limitMs} ms`)),
  };
}
