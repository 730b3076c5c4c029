// Appliance core: appliance.yaml, what the machine is beside its network and its keepalived.conf: name, time, log targets, who may reach
// the API over the network, whose updates it takes. Without the file the machine has the defaults and answers on loopback only.
import { canonicalIp, type IpText } from "../base/ip.ts";
import type { Findings } from "../config/findings/findings.ts";
import type { Origin, SourceFile } from "../config/text/span.ts";
import { block, flag, listOf, namedBlocks, oneOf, openYaml, parsed, type Reader, text, whole } from "./yaml.ts";

export interface ApplianceSettings {
  readonly hostname: string;
  /** Names or addresses; empty: the clock is what the hardware says. */
  readonly timeServers: readonly string[];
  readonly syslog: readonly SyslogTarget[];
  readonly api?: ApiListener;
  /** ed25519 keys in minisign's form that updates may be signed with, beside the image's own. */
  readonly updateKeys: readonly string[];
  readonly console: { readonly serial: string; readonly baud: number; readonly menu: boolean };
  /** A hardware watchdog restarts a machine whose daemon hangs. */
  readonly watchdog: { readonly enabled: boolean; readonly timeoutS: number };
  /** Bits of the table of connections (ip_vs `conn_tab_bits`); absent: by the machine's memory. */
  readonly connectionTableBits?: number;
  /** Warnings of keepalived.conf refuse it too (`--strict`). */
  readonly strict: boolean;
}

export interface SyslogTarget {
  readonly host: string;
  readonly port: number;
  readonly protocol: "udp" | "tcp";
}

export type ApiRole = "read" | "operate" | "admin";

/** HTTPS; nothing but loopback listens without it. */
export interface ApiListener {
  readonly address: IpText;
  readonly port: number;
  /** Files of the configuration folder; absent: made at the first boot. */
  readonly certificate?: string;
  readonly key?: string;
  /** Authorities whose client certificates are taken; the certificate's organisational unit names the role. */
  readonly clientAuthority?: string;
  readonly tokens: readonly ApiToken[];
  readonly origin: Origin;
}

export interface ApiToken {
  readonly name: string;
  readonly role: ApiRole;
  /** SHA-256 of the token in 64 lower-case hexadecimal digits: the file never holds the token. */
  readonly sha256: string;
}

export const DEFAULT_SETTINGS: ApplianceSettings = {
  hostname: "lbd",
  timeServers: [],
  syslog: [],
  updateKeys: [],
  console: { serial: "ttyS0", baud: 115_200, menu: true },
  watchdog: { enabled: true, timeoutS: 30 },
  strict: false,
};

const DEFAULT_API_PORT = 8443;
const SYSLOG_PORT = 514;
/** RFC 1123: labels of letters, digits and hyphens, 63 at most; the kernel takes 64 bytes (UTS). */
const HOSTNAME = /^(?=.{1,64}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/i;

const hostname = parsed("a host name: letters, digits, hyphens and dots, 64 at most", (word) =>
  HOSTNAME.test(word) ? word : undefined,
);
const host = parsed(
  "a host name or an address",
  (word) => canonicalIp(word) ?? (HOSTNAME.test(word) ? word : undefined),
);
const relativePath = parsed("the name of a file in the configuration folder", (word) =>
  word.startsWith("/") || word.split("/").some((part) => part === ".." || part === "") ? undefined : word,
);
/** minisign: 42 bytes (algorithm Ed, key number, key) in base64. */
const minisignKey = parsed("a public key as minisign prints it, RW…", (word) =>
  /^RW[A-Za-z0-9+/]{54}$/.test(word) ? word : undefined,
);

const syslogTarget: Reader<SyslogTarget> = (value) => {
  const read = block({ host, port: whole(1, 65535), protocol: oneOf(["udp", "tcp"]) })(value);
  if (!read) return undefined;
  if (!read.host) {
    value.file.report("error", value.span, {
      code: "missing-key",
      message: "a syslog target needs host",
      hint: "write {host: 192.0.2.9}",
    });
    return undefined;
  }
  return { host: read.host.value, port: read.port?.value ?? SYSLOG_PORT, protocol: read.protocol?.value ?? "udp" };
};

const tokens = namedBlocks((name, value, span): ApiToken | undefined => {
  const read = block({
    role: oneOf(["read", "operate", "admin"]),
    sha256: parsed(
      "64 hexadecimal digits: printf %s TOKEN | sha256sum",
      (word) => (/^[0-9a-f]{64}$/i.test(word) ? word.toLowerCase() : undefined),
      true,
    ),
  })(value);
  if (!read) return undefined;
  if (!read.role || !read.sha256) {
    if (!read.role)
      value.file.report("error", span, { code: "missing-key", message: `token ${name} needs a role and sha256` });
    return undefined;
  }
  return { name, role: read.role.value, sha256: read.sha256.value };
});

const api: Reader<ApiListener> = (value) => {
  const read = block({
    listen: parsed("an address of this machine, or 0.0.0.0 or :: for all", canonicalIp),
    port: whole(1, 65535),
    certificate: relativePath,
    key: relativePath,
    "client-ca": relativePath,
    tokens,
  })(value);
  if (!read) return undefined;
  const at = { file: value.span.file.name, line: value.span.line, column: value.span.column };
  if (!read.listen) {
    value.file.report("error", value.span, {
      code: "missing-key",
      message: "api needs listen: nothing is reachable without it",
      hint: "write listen: 192.0.2.5",
    });
    return undefined;
  }
  if ((read.certificate === undefined) !== (read.key === undefined))
    value.file.report("error", (read.certificate ?? read.key)?.span ?? value.span, {
      code: "missing-key",
      message: "certificate and key belong together: one of them is missing, so the machine's own is used",
    });
  const given = read.tokens?.value ?? [];
  if (given.length === 0 && !read["client-ca"])
    value.file.report("warning", value.span, {
      code: "without-effect",
      message: "api has neither tokens nor client-ca: nobody will get an answer",
    });
  const pair = read.certificate && read.key ? { certificate: read.certificate.value, key: read.key.value } : {};
  return {
    address: read.listen.value,
    port: read.port?.value ?? DEFAULT_API_PORT,
    ...pair,
    ...(read["client-ca"] && { clientAuthority: read["client-ca"].value }),
    tokens: given,
    origin: at,
  };
};

/** The settings of a file; what is wrong has its default, and a finding says so. */
export function readSettings(source: SourceFile, findings: Findings): ApplianceSettings {
  const value = openYaml(source, findings);
  const read = value && SETTINGS(value);
  if (!read) return DEFAULT_SETTINGS;
  const { console, watchdog } = DEFAULT_SETTINGS;
  return {
    hostname: read.hostname?.value ?? DEFAULT_SETTINGS.hostname,
    timeServers: read.time?.value.servers?.value ?? [],
    syslog: read.syslog?.value ?? [],
    ...(read.api && { api: read.api.value }),
    updateKeys: read.update?.value.keys?.value ?? [],
    console: {
      serial: read.console?.value.serial?.value ?? console.serial,
      baud: read.console?.value.baud?.value ?? console.baud,
      menu: read.console?.value.menu?.value ?? console.menu,
    },
    watchdog: {
      enabled: read.watchdog?.value.enabled?.value ?? watchdog.enabled,
      timeoutS: read.watchdog?.value.timeout?.value ?? watchdog.timeoutS,
    },
    ...(read["connection-table-bits"] && { connectionTableBits: read["connection-table-bits"].value }),
    strict: read.strict?.value ?? false,
  };
}

const SETTINGS = block({
  hostname,
  time: block({ servers: listOf(host) }),
  syslog: listOf(syslogTarget),
  api,
  update: block({ keys: listOf(minisignKey) }),
  console: block({ serial: text, baud: whole(1200, 921_600), menu: flag }),
  watchdog: block({ enabled: flag, timeout: whole(10, 600) }),
  // kernel: ip_vs_conn.c takes 8 to 27 on 64-bit machines.
  "connection-table-bits": whole(8, 27),
  strict: flag,
});
