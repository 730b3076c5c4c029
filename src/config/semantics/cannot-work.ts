// Config core: what is written as the language wants it, and can't work all the same. Each is a warning: keepalived says nothing, and
// another machine or another day may prove it right. What only the machine can tell (an interface that is not there) is not here.

import type { Findings } from "../findings/findings.ts";
import type { Span } from "../text/span.ts";
import type { Statement } from "../text/tree.ts";
import { valueSpan } from "../text/tree.ts";
import type { BoundTop } from "../to-model/global.ts";
import type { BoundRealServer } from "../to-model/lvs/bound.ts";

/** RFC 1035 §2.3.4. */
const MAX_LABEL_BYTES = 63;
const MAX_NAME_BYTES = 253;

const NONE: readonly never[] = [];

export function checkWhatCantWork(top: BoundTop, findings: Findings): void {
  for (const instance of top.vrrp_instance ?? NONE) checkInstance(instance.block, findings);
  checkVmacNames(top, findings);
  for (const server of top.virtual_server ?? NONE)
    for (const real of server.block.real_server ?? NONE) checkReal(real.block, findings);
}

type InstanceBlock = NonNullable<BoundTop["vrrp_instance"]>[number]["block"];

function checkInstance(block: InstanceBlock, findings: Findings): void {
  const device = block.interface;
  if (device?.value === "lo")
    findings.add("warning", valueSpan(device.statement), {
      code: "loopback-interface",
      message: "interface lo reaches nobody: this director would be master alone",
      hint: "name the interface on which the other directors are",
    });
  if (device?.value.includes(":")) {
    const [link = ""] = device.value.split(":");
    findings.add("warning", valueSpan(device.statement), {
      code: "interface-label",
      message: `${device.value} is a label of an address, and no interface`,
      hint: `write interface ${link}; label ${device.value} stands behind an address`,
    });
  }
  const own = block.unicast_src_ip?.value;
  if (own === undefined) return;
  for (const list of block.unicast_peer ?? NONE)
    for (const { value, word } of list.lines)
      if (value.ip === own)
        findings.add("warning", word.span, {
          code: "own-peer",
          message: `unicast_peer ${own} is this director's own unicast_src_ip`,
          hint: "list the other directors; lbd sends nothing to itself",
          ...(block.unicast_src_ip && {
            related: [{ span: valueSpan(block.unicast_src_ip.statement), message: "it is the source here" }],
          }),
        });
}

/** The name of a virtual MAC's interface belongs to one instance, and to no interface that is there already. */
function checkVmacNames(top: BoundTop, findings: Findings): void {
  const owners = new Map<string, { readonly span: Span; readonly what: string }>();
  for (const { block, value } of top.vrrp_instance ?? NONE) {
    const device = block.interface;
    if (device && !owners.has(device.value))
      owners.set(device.value, { span: valueSpan(device.statement), what: `the interface of ${value}` });
  }
  for (const { block, value } of top.vrrp_instance ?? NONE) {
    const name = block.use_vmac?.value.interface;
    if (!block.use_vmac || name === undefined) continue;
    const span = valueSpan(block.use_vmac.statement);
    const before = owners.get(name);
    if (before)
      findings.add("warning", span, {
        code: "interface-name-taken",
        message: `use_vmac ${name}: that is ${before.what}`,
        hint: "give each virtual MAC an interface name of its own",
        related: [{ span: before.span, message: "named here" }],
      });
    else owners.set(name, { span, what: `the virtual MAC's interface of ${value}` });
  }
}

function checkReal(block: BoundRealServer["block"], findings: Findings): void {
  const { DNS_CHECK, UDP_CHECK, HTTP_GET, SSL_GET } = block;
  for (const check of [...(HTTP_GET ?? NONE), ...(SSL_GET ?? NONE)])
    for (const url of check.block.url ?? NONE) if (url.block.path) checkPath(url.block.path, findings);
  for (const { block } of DNS_CHECK ?? NONE) if (block.name) checkDnsName(block.name, findings);
  for (const { block } of UDP_CHECK ?? NONE) {
    const [least, most] = [block.min_reply_length, block.max_reply_length];
    if (least && most && least.value > most.value)
      findings.add("warning", valueSpan(least.statement), {
        code: "upside-down",
        message: `min_reply_length ${least.value} is above max_reply_length ${most.value}: no answer is ever right`,
        related: [{ span: valueSpan(most.statement), message: "the upper bound" }],
      });
  }
}

/** A whole URL is what a proxy is asked with, `*` what OPTIONS is. */
function checkPath(
  { value, statement }: { readonly value: string; readonly statement: Statement },
  findings: Findings,
): void {
  // Words left over behind it are the finding then.
  if (/^(?:\/|\*$|https?:\/\/)/.test(value) || statement.words.length > 2) return;
  findings.add("warning", valueSpan(statement), {
    code: "path-not-absolute",
    message: `path ${value} does not begin with /: servers refuse such a request`,
    hint: `write path /${value}`,
  });
}

function checkDnsName(
  { value, statement }: { readonly value: string; readonly statement: Statement },
  findings: Findings,
): void {
  const name = value.endsWith(".") ? value.slice(0, -1) : value;
  if (name === "") return;
  const labels = name.split(".");
  const long = labels.find((label) => Buffer.byteLength(label) > MAX_LABEL_BYTES);
  const wrong = labels.includes("")
    ? "it has an empty label (two dots in a row)"
    : long !== undefined
      ? `${long.slice(0, 20)}… has more than ${MAX_LABEL_BYTES} bytes`
      : Buffer.byteLength(name) > MAX_NAME_BYTES
        ? `it has more than ${MAX_NAME_BYTES} bytes`
        : undefined;
  if (wrong !== undefined)
    findings.add("warning", valueSpan(statement), {
      code: "bad-dns-name",
      message: `no server can be asked for this name: ${wrong}`,
    });
}
