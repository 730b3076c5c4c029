// Adapter: the TLS of the system's OpenSSL, for servers that the runtime's own can't agree with (docs/decisions/010-two-ways-of-tls.md).
// Opened at the first need and kept; where there is none, that is known from then on.

import { type OpenSsl, OpenSslError, openOpenSsl, type TlsContext, type TlsIdentity } from "../../ffi/openssl.ts";
import { messageOf } from "../base/errors.ts";
import { type Decoded, err, ok } from "../base/result.ts";

export type { TlsContext, TlsSession } from "../../ffi/openssl.ts";

export interface SystemTls {
  /** `OpenSSL 3.0.22` */
  readonly name: string;
  /** What sessions with this identity share, or why it can't be used. */
  context(identity: TlsIdentity): Decoded<TlsContext, string>;
}

export type OpenSystemTls = () => Decoded<SystemTls, string>;

/** @param open for tests */
export function systemTls(open: () => OpenSsl = openOpenSsl): OpenSystemTls {
  let known: Decoded<SystemTls, string> | undefined;
  return () => {
    known ??= tryOpen(open);
    return known;
  };
}

function tryOpen(open: () => OpenSsl): Decoded<SystemTls, string> {
  try {
    const library = open();
    return ok({ name: `OpenSSL ${library.version}`, context: (identity) => contextOf(library, identity) });
  } catch (error) {
    return err(messageOf(error));
  }
}

function contextOf(library: OpenSsl, identity: TlsIdentity): Decoded<TlsContext, string> {
  try {
    return ok(library.context(identity));
  } catch (error) {
    if (error instanceof OpenSslError) return err(error.message);
    throw error;
  }
}
