// Config core: the client certificate of TLS checks.
import type { BlockEntry } from "../../bind/keyword.ts";
import type { SSL } from "../../keywords/lvs/checkers.ts";
import type { SslClient } from "../../model/check.ts";

export type BoundSsl = BlockEntry<true, typeof SSL>;

export function toSsl(bound: BoundSsl): SslClient {
  const { block } = bound;
  return {
    ...(block.password && { password: block.password.value }),
    ...(block.ca && { ca: block.ca.value }),
    ...(block.certificate && { certificate: block.certificate.value }),
    ...(block.key && { key: block.key.value }),
  };
}
