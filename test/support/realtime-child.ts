// A process that says which real-time signal came.
import { openReadiness } from "../../src/kernel/readiness.ts";
import {
  ignoreRealtimeSignals,
  JSON_DUMP,
  STATS_CLEAR,
  takeRealtimeSignal,
} from "../../src/kernel/realtime-signals.ts";

ignoreRealtimeSignals();
const readiness = openReadiness();
takeRealtimeSignal(readiness, JSON_DUMP, () => console.log("json"));
takeRealtimeSignal(readiness, STATS_CLEAR, () => console.log("clear"));
console.log("ready");
// Nothing of the above keeps a loop going.
setInterval(() => {}, 60_000);
