/** Inputs that were right once: bytes changed here and there, and JSON with values that no reader expects. */
import type { Random } from "../../laws/random.ts";

const encoder = new TextEncoder();

/** What stands where it should not: bytes that formats give a meaning, and numbers at the ends. */
const TOKENS = [
  ...['"', "\\", "{", "}", "[", "]", ",", ":", "\n", "\r\n", "\0", "\t", "'", ";", "--", "/*", "%"],
  ...[
    "\u2028",
    "\uFEFF",
    "\\ud800",
    "null",
    "true",
    "NaN",
    "1e999",
    "-0",
    "-1",
    "0.5",
    "../../",
    "/",
  ],
  ...["9007199254740993", "99999999999999999999", "__proto__", "constructor", "day=", ".jsonl"],
].map((token) => encoder.encode(token));

const VALUES: readonly unknown[] = [
  ...[null, true, false, 0, -1, 0.5, 9e15, 1e300, "", "..", "../../evil", "/etc/passwd", "a\nb"],
  ...["\u0000", "\ud800", "x".repeat(5_000), "part-000001.jsonl", "day=2026-01-23", "__proto__"],
  ...[
    [],
    {},
    [[]],
    [null],
    { a: 1 },
    "9999999999999999",
    "NaN",
    2 ** 53,
    -(2 ** 31),
    "0".repeat(64),
  ],
];

/** Changes bytes in one to four places. */
export function mutatedBytes(random: Random, sample: Uint8Array): Uint8Array {
  let bytes: Uint8Array = sample.slice();
  for (let times = 1 + random.below(4); times > 0; times--) bytes = mutatedOnce(random, bytes);
  return bytes;
}

function mutatedOnce(random: Random, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1);
  const length = random.below(random.chance(0.8) ? 9 : bytes.length + 1);
  const stretch = bytes.slice(at, at + length);
  switch (random.below(8)) {
    case 0:
    case 1:
      return spliced(bytes, at, 1, Uint8Array.of((bytes[at] ?? 0) ^ (1 << random.below(8))));
    case 2:
      return spliced(bytes, at, length, new Uint8Array());
    case 3:
      return spliced(bytes, at, 0, stretch);
    case 4:
      return spliced(bytes, at, 0, random.pick(TOKENS));
    case 5:
      return spliced(bytes, at, length, random.pick(TOKENS));
    case 6:
      return random.chance(0.2)
        ? bytes.slice(0, at)
        : spliced(bytes, random.below(at + 1), 0, stretch);
    default:
      return spliced(bytes, at, length, noise(random, length));
  }
}

function noise(random: Random, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => random.below(256));
}

function spliced(bytes: Uint8Array, at: number, removed: number, put: Uint8Array): Uint8Array {
  const rest = bytes.subarray(Math.min(bytes.length, at + removed));
  const result = new Uint8Array(at + put.length + rest.length);
  result.set(bytes.subarray(0, at));
  result.set(put, at);
  result.set(rest, at + put.length);
  return result;
}

/** Changes JSON in a member or two: another value, none, or one under a name that no reader expects. */
export function mutatedJson(random: Random, sample: unknown): unknown {
  const root = { root: structuredClone(sample) };
  for (let times = 1 + random.below(2); times > 0; times--) changeMember(random, root);
  return root.root;
}

function changeMember(random: Random, root: { root: unknown }): void {
  let holder: Record<string, unknown> = root;
  let key = "root";
  for (;;) {
    const value = holder[key];
    const is_leaf = typeof value !== "object" || value === null || Object.keys(value).length === 0;
    if (is_leaf || (holder !== root && random.chance(0.25))) break;
    holder = value as Record<string, unknown>;
    key = random.pick(Object.keys(holder));
  }
  const kind = random.below(6);
  if (kind === 0) delete holder[key];
  else if (kind === 1) holder[random.chance(0.5) ? `${key}x` : "toString"] = holder[key];
  else if (kind === 2 && typeof holder[key] === "number") {
    holder[key] = (holder[key] as number) + random.pick([-1, 1, 0.5, 1e15]);
  } else {
    // A copy: what is put in may be changed in its turn.
    holder[key] = random.chance(0.8) ? structuredClone(random.pick(VALUES)) : random.json();
  }
}
