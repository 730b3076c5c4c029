// Dump core: the statistics of VRRP instances in keepalived's shape (SIGUSR2): a block of lines for each.
import type { CounterName } from "../vrrp/view.ts";
import { text } from "./words.ts";

export interface Counted {
  readonly name: string;
  readonly counters: Readonly<Record<CounterName, number>>;
}

/** 2.2.7's lines; those of later versions about `auth_hmac` stand only where one is configured. */
const SECTIONS: readonly (readonly [title: string, rows: readonly (readonly [string, CounterName])[]])[] = [
  [
    "  Advertisements:",
    [
      ["    Received", "advert_rcvd"],
      ["    Sent", "advert_sent"],
    ],
  ],
  [
    "",
    [
      ["  Became master", "become_master"],
      ["  Released master", "release_master"],
    ],
  ],
  [
    "  Packet Errors:",
    [
      ["    Length", "packet_len_err"],
      ["    TTL", "ip_ttl_err"],
      ["    Invalid Type", "invalid_type_rcvd"],
      ["    Advertisement Interval", "advert_interval_err"],
      ["    Address List", "addr_list_err"],
    ],
  ],
  [
    "  Authentication Errors:",
    [
      ["    Invalid Type", "invalid_authtype"],
      ["    Type Mismatch", "authtype_mismatch"],
      ["    Failure", "auth_failure"],
    ],
  ],
  [
    "  Priority Zero:",
    [
      ["    Received", "pri_zero_rcvd"],
      ["    Sent", "pri_zero_sent"],
    ],
  ],
];

export function statisticsDump(instances: Iterable<Counted>): Iterable<string> {
  return text(statisticsLines(instances));
}

function* statisticsLines(instances: Iterable<Counted>): Generator<string> {
  for (const { name, counters } of instances) {
    yield `VRRP Instance: ${name}`;
    for (const [heading, rows] of SECTIONS) {
      if (heading !== "") yield heading;
      for (const [label, counter] of rows) yield `${label}: ${counters[counter]}`;
    }
  }
}
