// Connections of one listener: who gives way when all places are taken, and who is sent away for doing nothing.
import { expect, test } from "bun:test";
import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import { createConnections, IDLE_MS, MAX_CONNECTIONS } from "../../../src/api/connections.ts";
import { manualClock } from "../../support/manual-clock.ts";

function lab() {
  const clock = manualClock();
  const gone: number[] = [];
  let changes = 0;
  let next = 0;
  const connections = createConnections(
    clock,
    () => true,
    () => void changes++,
  );
  /** A caller; its number stands in `gone` once it was sent away. */
  function call(busy = 0): Socket {
    const number = next++;
    const socket = new EventEmitter() as Socket;
    socket.destroy = () => {
      gone.push(number);
      socket.emit("close");
      return socket;
    };
    connections.admit(socket);
    const connection = connections.of(socket);
    if (connection) connection.busy = busy;
    return socket;
  }
  return { clock, connections, gone, call, changes: () => changes };
}

test("one more than there is room for takes the place of the one that is idle longest, never of one that is being answered", () => {
  const { clock, connections, gone, call } = lab();
  for (let i = 0; i < MAX_CONNECTIONS; i++) {
    call(i === 0 ? 1 : 0);
    clock.skip(1);
  }
  call();
  call();
  expect([gone, connections.count()]).toEqual([[1, 2], MAX_CONNECTIONS]);
});

test("where all are being answered, the new one is turned away", () => {
  const { connections, gone, call } = lab();
  for (let i = 0; i < MAX_CONNECTIONS; i++) call(1);
  call();
  expect([gone, connections.count()]).toEqual([[MAX_CONNECTIONS], MAX_CONNECTIONS]);
});

test("who does nothing goes after a while, who is being answered stays; then nothing wakes any more", () => {
  const { clock, connections, gone, call, changes } = lab();
  const busy = call(1);
  call();
  clock.advance(IDLE_MS);
  expect(gone).toEqual([]);
  clock.advance(2000);
  expect([gone, connections.count(), changes()]).toEqual([[1], 1, 3]);
  busy.emit("close");
  clock.advance(2000);
  expect([connections.count(), clock.nextAt()]).toEqual([0, undefined]);
});
