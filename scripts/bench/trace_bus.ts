/**
 * A run over a bus, as a process of its own: many events, one in ten critical, each handled by some
 * work. Prints how many microseconds an event took. Arguments: how it is traced (`none`, `batch`,
 * `every`), how many events, how many microseconds of work, and the folder of the ledger.
 */
import { openLedger, TracedEventBus } from "../../src/mod.ts";

const [mode, count_text, work_text, dir] = Deno.args;
const count = Number(count_text);
const work_us = Number(work_text);
const CRITICAL_EVERY = 10;

/** Work that takes its time from the processor. */
function work(): void {
  const end = performance.now() + work_us / 1000;
  while (performance.now() < end);
}

const ledger = await openLedger({ dir });
const tracer = mode === "none"
  ? undefined
  : await ledger.traces.open({ durability: mode === "every" ? "every" : "batch" });
const bus = new TracedEventBus("bench", tracer);
if (tracer) bus.setCorrelationId(tracer.createCorrelationId());
for (const type of ["BAR", "FILL"]) bus.subscribe(type, work);

function publish(n: number): void {
  const event_type = n % CRITICAL_EVERY === 0 ? "FILL" : "BAR";
  const price = 100 + (n * 7919 % 1000) / 100;
  bus.publish({ event_type, data: { symbol: "SPY", price, volume: n % 5000 } }, "feed");
}

for (let n = 0; n < count / 20; n++) publish(n);
const start = performance.now();
for (let n = 0; n < count; n++) publish(n);
tracer?.flush();
const duration_ms = performance.now() - start;
console.log(duration_ms * 1000 / count);
tracer?.store?.abandon();
await ledger.close();
