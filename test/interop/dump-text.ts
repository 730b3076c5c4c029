// keepalived's dumps and ours of one configuration, line by line: what may differ has a name and a reason, everything else is a fault.

export interface Exception {
  /** As docs/compat-notes.md says it («Dumps»). */
  readonly name: string;
  /** Lines that are left out on both sides, or the part of them that is (its first group stays). */
  readonly line: RegExp;
}

export const EXCEPTIONS: readonly Exception[] = [
  { name: "times", line: /^(.*(?:Last transition|Read timeout|sands_\w+|Last ran|last seen|last_seen) =).*/ },
  { name: "times", line: /^ (?:GARP|GNA) next time .*/ },
  { name: "times", line: /^ {3}(?:Not )?IPv6 forwarding\. Last checked .*/ },
  { name: "descriptors", line: /^ (fd_in) .*/ },
  { name: "descriptors", line: /^ {3}(?:fd_in|fd_out|No sockets allocated)(?: .*)?$/ },
  { name: "addresses of memory", line: /^( *thread_\w+) .*/ },
  { name: "users that are not there", line: /^ Default script uid:gid .*/ },
  { name: "versions", line: /^ libnftnl version .*/ },
  { name: "passwords", line: /^( *Password) [=:].*/ },
  { name: "masters that nobody has heard", line: /^( *Master router) = .*/ },
  { name: "sessions that no check follows", line: /^ Checker Track BFD = .*/ },
  { name: "sessions that no check follows", line: /^ {3}Tracking RS :$/ },
  { name: "sessions that no check follows", line: /^------< Checker track BFDs >------$/ },
  { name: "numbers made by chance", line: /^( *local discriminator) = .*/ },
  {
    name: "what checks have found by then",
    line: /^( *(?:Up|Has run|Current weight|Retries iterations|alive|num failed checkers|RS set|quorum_state_up|effective weight|previous effective_weight|Last status|Alive|Last errno|Status)) ?[=:].*/,
  },
  { name: "what checks have found by then", line: /^( *RIP = \S+, RPORT = \d+,) WEIGHT.*/ },
  {
    name: "what programs have said by then",
    line: /^( *(?:Result|Init state|State) =) (?:\d+|idle|running|unknown|INIT.*)$/,
  },
  {
    name: "processes of the machine",
    line: /^( *(?:Current processes|Have quorum|Fork delay timer|Terminate delay timer)).*/,
  },
  { name: "kernel settings of interfaces below virtual ones", line: /^ {3}rp_filter \d+$/ },
];

/** Sections that stand for a socket that only one of the two has open, while there is no address to speak from. */
function withoutSockpool(text: string): string {
  return text.replace(/^------< VRRP Sockpool >------\n(?: .*\n)*/m, "");
}

/** What is to be the same. */
export function comparableDump(text: string): readonly string[] {
  return withoutSockpool(text)
    .split("\n")
    .flatMap((line) => {
      const found = EXCEPTIONS.find((one) => one.line.test(line));
      if (!found) return [line];
      const [, kept] = found.line.exec(line) ?? [];
      return kept === undefined || kept === "" ? [] : [kept];
    });
}

/** Statistics but for how many adverts went out by then. */
export function comparableStatistics(text: string): readonly string[] {
  return text.split("\n").map((line) => line.replace(/^( {4}Sent): [1-9]\d*$/, "$1: some"));
}

/** JSON in the order of its fields, with what is a matter of the moment as a word. */
export function comparableJson(text: string): readonly string[] {
  const moment = new Set(["last_transition", "auth_data"]);
  const seen = JSON.stringify(
    JSON.parse(text),
    (key, value) => (moment.has(key) ? "some" : key === "advert_sent" && value > 0 ? "some" : value),
    1,
  );
  return seen.split("\n");
}

/** Lines of one that the other has not, in order. */
export function differing(one: readonly string[], other: readonly string[]): readonly string[] {
  const left = new Map<string, number>();
  for (const line of other) left.set(line, (left.get(line) ?? 0) + 1);
  return one.filter((line) => {
    const count = left.get(line) ?? 0;
    left.set(line, count - 1);
    return count <= 0;
  });
}
