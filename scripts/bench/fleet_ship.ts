/** Shipping: what an object store costs a box, beside curl with the same bytes. */
import { join } from "@std/path";
import { OutgoingChain } from "../../src/fleet/outgoing.ts";
import { linkOf, packSegment } from "../../src/fleet/segment.ts";
import { packingColumns } from "../../src/log/codec/packing.ts";
import { segment_bytes_max } from "../../src/base/limits.ts";
import { alone, type Bench, published, ratioAtMost } from "./bench.ts";
import { eventLine } from "./events.ts";
import { startStore } from "./fleet_store.ts";
import { secondsOf } from "./processes.ts";
import { figure, inRounds } from "./rounds.ts";

const EVENTS = 10_000_000;
const EVENTS_QUICK = 500_000;
const PART = "day=2026-01-23/part-000001.jsonl";
type PackedSegment = ReturnType<typeof packSegment>;

const BOX_ID = "0".repeat(32);

/** The shipper's chain of packed segments beside curl, which asks nothing and minds no condition. */
export const fleetShip: Bench = {
  name: "fleet.ship",
  shows: "packed segments of ten million events, put as a chain, beside curl with the same bytes",
  async run({ folder, quick, rounds, say }) {
    const count = quick ? EVENTS_QUICK : EVENTS;
    await using bench = await startStore(folder);
    const { store } = bench.fleet;
    const start_ms = performance.now();
    const { segments, packing_ms } = packEvents(count);
    const bytes = segments.reduce((sum, { bytes }) => sum + bytes.length, 0);
    say(
      `${segments.length} segments of ${count} events, ${(bytes / 1e6).toFixed(0)} MB; ` +
        `made in ${((performance.now() - start_ms) / 1e3).toFixed(0)} s`,
    );
    for (const { seq, bytes } of segments) Deno.writeFileSync(join(folder, `${seq}`), bytes);
    let round = 0;
    const boxes: string[] = [];
    const durations_s = await inRounds(rounds, {
      async ours() {
        const box = { name: `box-${round}`, box_id: BOX_ID };
        boxes.push(box.name);
        const chain = new OutgoingChain("log", {
          store,
          root: join(folder, box.name),
          box,
          adopt: () => Promise.resolve({ problem: "it was not put here" }),
          pack: (_, { seq }) => segments[seq - 1],
        });
        const start = performance.now();
        await chain.begin();
        for (const { part } of segments) await chain.send(part, new Uint8Array());
        return (performance.now() - start) / 1e3;
      },
      async beside() {
        const config = join(folder, "curl");
        Deno.writeTextFileSync(config, curlConfig(folder, segments, bench, round++));
        return await secondsOf(["curl", "--config", config], folder);
      },
    });
    return [
      figure({ name: "fleet.ship", unit: "s", ...durations_s, goal: ratioAtMost(1.25) }),
      alone("fleet.ship.pack", count / packing_ms * 1e3, "events/s", published),
    ];
  },
};

/** Events as a box's shipper packs them, and how long the packing took. */
function packEvents(count: number): { segments: PackedSegment[]; packing_ms: number } {
  const segments: PackedSegment[] = [];
  const columns = packingColumns();
  let [prev_sha256, from, packing_ms] = ["", 0, 0];
  for (let k = 0; k < count;) {
    const lines: string[] = [];
    for (let size = 0; k < count; k++) {
      const line = eventLine(k);
      size += line.length;
      if (size > segment_bytes_max) break;
      lines.push(line);
    }
    const bytes = new TextEncoder().encode(lines.join(""));
    const facts = { box_id: BOX_ID, seq: segments.length + 1, prev_sha256, part: PART, from };
    const start = performance.now();
    const segment = packSegment(bytes, facts, columns);
    packing_ms += performance.now() - start;
    segments.push(segment);
    [prev_sha256, from] = [linkOf(segment), segment.to];
  }
  return { segments, packing_ms };
}

/** One process of curl, one connection, and no condition. */
function curlConfig(
  folder: string,
  segments: readonly PackedSegment[],
  { endpoint, keys }: { endpoint: string; keys: Readonly<Record<string, string>> },
  round: number,
): string {
  return segments.map(({ seq }) =>
    [
      "silent",
      "fail",
      `aws-sigv4 = "aws:amz:${keys.AWS_REGION}:s3"`,
      `user = "${keys.AWS_ACCESS_KEY_ID}:${keys.AWS_SECRET_ACCESS_KEY}"`,
      `header = "x-amz-content-sha256: UNSIGNED-PAYLOAD"`,
      `upload-file = "${join(folder, `${seq}`)}"`,
      `url = "${endpoint}/bench/curl/${round}-${seq}"`,
    ].join("\n")
  ).join("\nnext\n");
}
