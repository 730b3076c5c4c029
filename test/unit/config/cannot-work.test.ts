// What can't work is found, and what looks like it and can is not.
import { expect, test } from "bun:test";
import { bindText } from "../../support/config.ts";

function instance(lines: string, name = "V", vrid = 51): string {
  return `vrrp_instance ${name} {\nvirtual_router_id ${vrid}\npriority 100\nvirtual_ipaddress {\n192.0.2.${vrid}\n}\n${lines}\n}\n`;
}

function checked(checker: string): string {
  return `virtual_server 192.0.2.1 53 {\nlb_algo rr\nlb_kind NAT\nprotocol UDP\nreal_server 192.0.2.9 53 {\n${checker}\n}\n}\n`;
}

const tracked = (script: string) =>
  `vrrp_script chk {\nscript ${script}\n}\n${instance("interface eth0\ntrack_script {\nchk\n}")}`;

const page = (path: string) => checked(`HTTP_GET {\nurl {\npath ${path}\n}\n}`).replace("UDP", "TCP");

const secret = (password: string) =>
  instance(`interface eth0\nauthentication {\nauth_type PASS\nauth_pass ${password}\n}`);

const tracking = (process: string) =>
  `vrrp_track_process p {\n${process}\n}\n${instance("interface eth0\ntrack_process {\np\n}")}`;

const LONG = "a".repeat(64);

test.each([
  ["the loopback interface", instance("interface lo"), ["2 loopback-interface"]],
  ["any other", instance("interface lo1"), []],
  ["a label in place of an interface", instance("interface eth0:1"), ["interface-label"]],
  ["a page without its slash", page("index.html"), ["path-not-absolute"]],
  ["a page of a proxy", page("http://192.0.2.9/"), []],
  ["the network of a prefix", instance("interface eth0\nvirtual_ipaddress {\n192.0.2.0/24\n}"), ["unusable-address"]],
  ["its broadcast address", instance("interface eth0\nvirtual_ipaddress {\n192.0.2.63/26\n}"), ["unusable-address"]],
  ["one of two hosts", instance("interface eth0\nvirtual_ipaddress {\n192.0.2.62/31\n}"), []],
  ["an even address with a peer", instance("interface eth0\nvirtual_ipaddress {\n192.0.2.0 peer 192.0.2.1\n}"), []],
  ["a password in typographic quotes", secret("\u201c1234\u201d"), ["typographic-quote"]],
  ["typographic quotes in a comment", secret("1234 # \u201cwhy\u201d"), []],
  ["typographic quotes inside a word", secret("a\u201cb"), []],
  [
    "its own address among the peers",
    instance("interface eth0\nunicast_src_ip 192.0.2.9\nunicast_peer {\n192.0.2.8\n192.0.2.9\n}"),
    ["own-peer"],
  ],
  ["other addresses", instance("interface eth0\nunicast_src_ip 192.0.2.9\nunicast_peer {\n192.0.2.8\n}"), []],
  [
    "one name for two virtual MACs",
    instance("interface eth0\nuse_vmac vip") + instance("interface eth0\nuse_vmac vip", "W", 52),
    ["interface-name-taken"],
  ],
  [
    "the name of another instance's interface",
    instance("interface eth0\nuse_vmac eth1") + instance("interface eth1", "W", 52),
    ["interface-name-taken"],
  ],
  ["two names", instance("interface eth0\nuse_vmac vip") + instance("interface eth0\nuse_vmac vip2", "W", 52), []],
  ["a virtual MAC that is switched off", instance("interface eth0\nuse_vmac false"), ["intention-wins"]],
  ["a virtual MAC that is switched on by a word", instance("interface eth0\nuse_vmac on"), ["extra-words"]],
  ["an ipvlan that is switched off", instance("interface eth0\nuse_ipvlan no"), ["intention-wins"]],
  ["the path of a program among names", tracking("process /usr/sbin/nginx"), ["process-name"]],
  ["the path of a program as it was started", tracking("process /usr/sbin/nginx\nfull_command"), []],
  ["a command in quotes", tracking('process "/usr/sbin/nginx -g"'), ["process-name"]],
  ["a path with blanks and a parameter", tracking('process "/opt/my nginx" -g'), []],
  ["a name with blanks", tracking('process "Web Content"'), []],
  ["a name that the kernel cuts", tracking("process sixteen-letters-"), ["intention-wins"]],
  ["a name that it does not cut", tracking("process fifteen-letters"), []],
  ["an empty label", checked("DNS_CHECK {\nname example..com\n}"), ["bad-dns-name"]],
  ["a long label", checked(`DNS_CHECK {\nname ${LONG}.com\n}`), ["bad-dns-name"]],
  ["a long name", checked(`DNS_CHECK {\nname ${"abc.".repeat(64)}com\n}`), ["bad-dns-name"]],
  ["a label of 63 bytes and a dot at the end", checked(`DNS_CHECK {\nname ${LONG.slice(1)}.com.\n}`), []],
  ["the root", checked("DNS_CHECK {\nname .\n}"), []],
  ["lengths upside down", checked("UDP_CHECK {\nmin_reply_length 10\nmax_reply_length 5\n}"), ["upside-down"]],
  ["lengths that are one", checked("UDP_CHECK {\nmin_reply_length 5\nmax_reply_length 5\n}"), []],
  ["a pipe", tracked('"/usr/bin/pgrep haproxy | wc -l"'), ["shell-words"]],
  ["a redirection", tracked('"/usr/bin/pgrep haproxy >/dev/null"'), ["shell-words"]],
  ["what a shell would put in", tracked('"/usr/bin/test $(cat /run/x) = 1"'), ["shell-words"]],
  ["the same by backticks", tracked('"/usr/bin/test `cat /run/x` = 1"'), ["shell-words"]],
  ["two commands", tracked('"/bin/true && /bin/false"'), ["shell-words"]],
  ["a shell that reads them", tracked(`"/bin/sh -c 'pgrep haproxy | wc -l'"`), []],
  ["a file that is opened, which goes to the shell", tracked('"</dev/tcp/127.0.0.1/80"'), []],
  ["an argument with such a sign in it", tracked('"/bin/grep a|b /etc/hosts"'), []],
  ["a relative path", tracked('"./check.sh"'), ["relative-path"]],
  ["a name to look for", tracked('"check.sh"'), []],
  ["a condition without its line", `@a\n${instance("interface eth0")}`, ["condition-alone"]],
  ["a condition of another director without its line", `@^a\n${instance("interface eth0")}`, ["condition-alone"]],
  ["a condition with its line", `@a ${instance("interface eth0")}`, []],
  [
    "ports upside down",
    instance("interface eth0\nvirtual_rules {\nfrom 192.0.2.1 sport 200-100 table 100 preference 5\n}"),
    ["upside-down"],
  ],
])("%s", (_what, text, codes) => {
  const { diagnostics } = bindText(text);
  expect(diagnostics.filter(({ severity }) => severity === "error")).toEqual([]);
  const found = diagnostics.map(({ code }) => code);
  expect<string[]>(found).toEqual(codes.map((code) => code.replace(/^\d+ /, "")));
});

test.each([
  ["use_vmac off", undefined],
  ["use_ipvlan false", undefined],
  ["use_vmac on", { kind: "macvlan", xmitBase: false }],
  ["use_vmac name off", { kind: "macvlan", interface: "off", xmitBase: false }],
])("%s", (line, link) => {
  const { config } = bindText(instance(`interface eth0\n${line}`));
  expect<unknown>(config.vrrp.instances[0]?.vmac).toEqual(link);
});
