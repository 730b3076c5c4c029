// Config core: health checks in the model.
import type { IpText } from "../../base/ip.ts";
import type { Origin } from "../text/span.ts";
import type { Command } from "./command.ts";

/** Settings that every checker has, inheritance resolved (checkers.md §1). */
export interface CheckTiming {
  readonly delayLoopMs: number;
  readonly retry: number;
  readonly delayBeforeRetryMs: number;
  readonly warmupMs: number;
  readonly alpha: boolean;
  readonly logAllFailures: boolean;
}

/** Where a check connects to and from. */
export interface CheckEndpoint {
  readonly ip: IpText;
  readonly port: number;
  readonly bindIp?: IpText;
  readonly bindPort?: number;
  readonly bindInterface?: string;
  /** 0: unmarked. */
  readonly fwmark: number;
  readonly connectTimeoutMs: number;
}

export type Check =
  | TcpCheck
  | HttpCheck
  | SmtpCheck
  | MiscCheck
  | DnsCheck
  | UdpCheck
  | PingCheck
  | FileCheck
  | BfdCheck;

export type CheckKind = Check["kind"];

interface CheckBase {
  /** Unique in its real server: keyword and position, `TCP_CHECK`, `HTTP_GET#2`. */
  readonly id: string;
  readonly timing: CheckTiming;
  readonly origin: Origin;
}

export interface TcpCheck extends CheckBase {
  readonly kind: "TCP_CHECK";
  readonly endpoint: CheckEndpoint;
}

export interface HttpCheck extends CheckBase {
  readonly kind: "HTTP_GET" | "SSL_GET";
  readonly endpoint: CheckEndpoint;
  readonly httpProtocol: "1.0" | "1.0C" | "1.1";
  readonly enableSni: boolean;
  readonly sniName?: string;
  readonly tlsCompliant: boolean;
  readonly fastRecovery: boolean;
  /** `virtualhost` of the checker itself. */
  readonly ownVirtualHost?: string;
  readonly urls: readonly HttpUrl[];
}

export interface HttpUrl {
  readonly path: string;
  /** Value of the Host header, already resolved from url, checker, real and virtual server, else the address. */
  readonly host: string;
  /** `virtualhost` as configured (url > checker > real > virtual server); absent when the address stands in. */
  readonly virtualHost?: string;
  /** `virtualhost` of the url itself. */
  readonly ownVirtualHost?: string;
  /** `tls_compliant` of this page; absent: as the check says. */
  readonly tlsCompliant?: boolean;
  /** 32 lower-case hexadecimal digits. */
  readonly digest?: string;
  /** Inclusive ranges; [200, 299] by default. */
  readonly statusCodes: readonly (readonly [number, number])[];
  readonly regex?: {
    readonly pattern: string;
    readonly options: readonly string[];
    readonly noMatch: boolean;
    readonly minOffset: number;
    readonly maxOffset?: number;
    /** `regex_stack`: first and largest size of the match stack in bytes. */
    readonly stackBytes?: readonly [number, number];
  };
}

export interface SmtpCheck extends CheckBase {
  readonly kind: "SMTP_CHECK";
  readonly heloName: string;
  readonly hosts: readonly CheckEndpoint[];
}

export interface MiscCheck extends CheckBase {
  readonly kind: "MISC_CHECK";
  readonly command: Command;
  readonly timeoutMs: number;
  readonly dynamic: boolean;
}

export interface DnsCheck extends CheckBase {
  readonly kind: "DNS_CHECK";
  readonly endpoint: CheckEndpoint;
  readonly type: "A" | "NS" | "CNAME" | "SOA" | "MX" | "TXT" | "AAAA" | "RRSIG" | "DNSKEY";
  /** Empty or ".": the root. */
  readonly name: string;
}

export interface UdpCheck extends CheckBase {
  readonly kind: "UDP_CHECK";
  readonly endpoint: CheckEndpoint;
  /** Hexadecimal digits; absent: the built-in text. */
  readonly payload?: string;
  readonly requireReply: boolean;
  /** Hexadecimal digits, `x` for any nibble. */
  readonly replyPattern?: string;
  readonly minReplyLength: number;
  readonly maxReplyLength: number;
}

export interface PingCheck extends CheckBase {
  readonly kind: "PING_CHECK";
  readonly endpoint: CheckEndpoint;
}

export interface FileCheck extends CheckBase {
  readonly kind: "FILE_CHECK";
  readonly file: string;
  readonly weight: number;
  readonly reverse: boolean;
}

export interface BfdCheck extends CheckBase {
  readonly kind: "BFD_CHECK";
  readonly instance: string;
}

/** Client certificate of SSL_GET. */
export interface SslClient {
  readonly password?: string;
  readonly ca?: string;
  readonly certificate?: string;
  readonly key?: string;
}
