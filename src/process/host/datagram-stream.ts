// Process layer: the log as datagrams: what the receiver has no room for, or is not there for, waits; whoever writes bounds it.
import type { Clock } from "../../base/clock.ts";
import type { DatagramPath } from "../../kernel/datagram-path.ts";
import type { TextStream } from "./log-sink.ts";

const TRY_AGAIN_MS = 20;
/** A receiver that is away mostly starts again. */
const AWAY_MS = 1000;

/** @param away called once each time that nobody receives any more */
export function datagramStream({ send }: Pick<DatagramPath, "send">, clock: Clock, away: () => void): TextStream {
  const waiting: { readonly bytes: Uint8Array; readonly done: () => void }[] = [];
  let isAway = false;

  function flush(): void {
    for (let next = waiting[0]; next !== undefined; next = waiting[0]) {
      const how = send(next.bytes);
      if (how === "full" || how === "away") {
        clock.at(clock.now() + (how === "full" ? TRY_AGAIN_MS : AWAY_MS), flush);
        if (how === "full") return;
        const isNews = !isAway;
        isAway = true;
        if (isNews) away();
        return;
      }
      isAway = false;
      waiting.shift();
      next.done();
    }
  }

  return {
    write(text, done) {
      waiting.push({ bytes: Buffer.from(text), done });
      if (waiting.length === 1) flush();
      return waiting.length === 0;
    },
    on: () => undefined,
    isAway: () => isAway,
  };
}
