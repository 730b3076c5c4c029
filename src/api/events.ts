// Adapter api: /v1/events, server-sent events (HTML standard, §9.2). A reader that comes back says the last id it saw and gets what
// happened meanwhile, as far as it is kept; one that reads too slowly is dropped and may come back the same way.
import type { Clock } from "../base/clock.ts";
import type { NumberedEvent, StatusStore } from "../status/store.ts";
import type { Via } from "./guard.ts";
import { busy } from "./problem.ts";
import { publicEvent } from "./public.ts";

/** Of each listener: strangers on TCP take no place from the UNIX socket. */
export const MAX_SUBSCRIBERS = 64;
/** Events that may wait for one reader. */
export const MAX_WAITING_EVENTS = 1000;
/** A comment this often keeps proxies and readers from giving up. */
export const KEEP_ALIVE_MS = 15_000;
const RETRY_MS = 2000;

export interface EventStream {
  /** @param lastEventId `boot-number` as sent by us; undefined: only what happens from now on */
  open(lastEventId: string | undefined, via: Via): Response;
  subscribers(): number;
}

export function createEventStream(store: StatusStore, clock: Clock): EventStream {
  const open = { unix: 0, tcp: 0 };

  function body(lastEventId: string | undefined, { kind }: Via): ReadableStream<Uint8Array> {
    const encoder = new TextEncoder();
    let end = () => {};
    return new ReadableStream<Uint8Array>(
      {
        start(controller) {
          open[kind]++;
          const send = (text: string) => {
            if ((controller.desiredSize ?? 0) <= 0) return drop();
            controller.enqueue(encoder.encode(text));
          };
          const unsubscribe = store.onEvent((event) => send(render(event, kind)));
          let cancelTick = clock.at(clock.now() + KEEP_ALIVE_MS, tick);
          function tick(): void {
            send(": keep-alive\n\n");
            cancelTick = clock.at(clock.now() + KEEP_ALIVE_MS, tick);
          }
          let ended = false;
          end = () => {
            if (ended) return;
            ended = true;
            open[kind]--;
            unsubscribe();
            cancelTick();
          };
          function drop(): void {
            end();
            controller.close();
          }
          for (const text of opening(lastEventId, kind)) send(text);
        },
        cancel: () => end(),
      },
      { highWaterMark: MAX_WAITING_EVENTS + 8 },
    );
  }

  /** What a new reader gets first: where it stands, and what it missed. */
  function opening(lastEventId: string | undefined, kind: Via["kind"]): string[] {
    const boot = store.director()?.boot ?? "0";
    const first = `retry: ${RETRY_MS}\n`;
    if (lastEventId === undefined) return [`${first}id: ${boot}-${store.lastEventId()}\n\n`];
    const [seenBoot, number] = splitId(lastEventId);
    const from = seenBoot === boot ? number : 0;
    const { events, missed } = store.eventsAfter(from);
    const gap = missed || (seenBoot !== boot && number > 0);
    return [
      `${first}id: ${boot}-${from}\n\n`,
      ...(gap ? ["event: missed\ndata: {}\n\n"] : []),
      ...events.map((event) => render(event, kind)),
    ];
  }

  function render({ id, event: whole }: NumberedEvent, kind: Via["kind"]): string {
    const event = kind === "tcp" ? publicEvent(whole) : whole;
    const boot = store.director()?.boot ?? "0";
    return `id: ${boot}-${id}\nevent: ${event.kind.replace(/[^\w-]/g, "")}\ndata: ${JSON.stringify(event)}\n\n`;
  }

  return {
    open(lastEventId, via) {
      if (open[via.kind] >= MAX_SUBSCRIBERS) return busy(`${MAX_SUBSCRIBERS} readers listen already`);
      return new Response(body(lastEventId, via), {
        headers: { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" },
      });
    },
    subscribers: () => open.unix + open.tcp,
  };
}

/** `boot-17` → boot and 17; anything else is number 0 of no boot: everything that is kept. */
function splitId(id: string): readonly [boot: string, number: number] {
  const match = /^([0-9a-z]{1,32})-(\d{1,15})$/.exec(id);
  return match ? [match[1] ?? "", Number(match[2])] : ["", 0];
}
