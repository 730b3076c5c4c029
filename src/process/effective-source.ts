// Process layer, parent: the effective values of what is in force, in pieces, made by a reader of its own.
import type { ReaderOptions } from "./reader-messages.ts";
import { type ReaderPorts, startReader } from "./start-reader.ts";

export interface EffectiveSource {
  /** @throws Error when the reader ended */
  next(): Promise<{ readonly piece: string; readonly end: boolean }>;
  close(): void;
}

/** @param record what is in force, as its reader handed it over */
export function openEffective(ports: ReaderPorts, options: ReaderOptions, record: Uint8Array): EffectiveSource {
  let waiting: { resolve(piece: { piece: string; end: boolean }): void; reject(error: Error): void } | undefined;
  let over: string | undefined;
  const reader = startReader(ports, {
    heard(message) {
      if (message.kind === "piece") waiting?.resolve(message);
    },
    bytes() {},
    ended(reason) {
      over = reason;
      waiting?.reject(new Error(reason));
    },
  });
  if (typeof reader === "string") over = reader;
  else {
    reader.sendBytes(record);
    reader.send({ kind: "effective", options });
  }
  return {
    next: () =>
      new Promise((resolve, reject) => {
        if (typeof reader === "string" || over !== undefined) return reject(new Error(over));
        waiting = { resolve, reject };
        reader.send({ kind: "more" });
      }),
    close() {
      if (typeof reader !== "string") reader.kill("SIGKILL");
    },
  };
}
