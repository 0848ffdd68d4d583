import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";
import { LedgerError } from "../../src/base/error.ts";
import type { Claim, Claimed } from "../../src/mod.ts";
import { testWorld } from "../harness.ts";
import { eventsOf, inLab, type Lab, ledgerOf, newLab } from "../runs/runs.ts";

const CLAIM: Claim = {
  hypothesis: "winners go on",
  metric: "sharpe",
  direction: "higher",
  trials_planned: 20,
};
const DAYS_MS = ["2026-01-23", "2026-01-24", "2026-01-25"].map((day) =>
  Date.parse(`${day}T12:00Z`)
);

/** A ledger whose clock stands at the noon of a day. */
function ledgerOn(lab: Lab, day: number) {
  return ledgerOf(lab, testWorld({ now_ms: () => DAYS_MS[day] }));
}

async function begin(lab: Lab, run_id = "r", group?: string): Promise<void> {
  await ledgerOn(lab, 0).runs.create({ run_type: "policy", run_id, git: false, group });
}

async function claim(lab: Lab, day: number, of: Claimed = { run: "r" }): Promise<void> {
  await ledgerOn(lab, day).runs.claim(of, CLAIM);
}

async function tryOut(lab: Lab, day: number, run_id = "r", writer?: string): Promise<void> {
  const fields = { run_id, trial_id: "t", params: {}, metrics: { sharpe: 1 } };
  if (writer === undefined) await ledgerOn(lab, day).emitTrialRecorded(fields);
  else {
    const line = JSON.stringify({ event_type: "trial.recorded", ...fields });
    const { code, stderr } = await inLab(lab, ["emit", "--stdin", "--writer", writer], {
      stdin: `${line}\n`,
      now_ms: () => DAYS_MS[day],
    });
    assertEquals(code, 0, stderr);
  }
}

/** Seals the days before one. */
async function seal(lab: Lab, day: number): Promise<void> {
  await ledgerOn(lab, day).upkeep.seal();
}

/** Whether each claim is proven to stand first, and why. */
async function ordersOf(lab: Lab, of: Claimed = { run: "r" }): Promise<[boolean | null, string][]> {
  const ledger = ledgerOf(lab);
  await ledger.sync();
  return (await ledger.runs.claims(of)).map(({ order }) => [order.is_proven, order.reason]);
}

const PART = (day: string, part = "part-000001") => `day=${day}/${part}.jsonl`;
const UNPROVEN = "it cannot be proven that it stands before the first trial: ";

Deno.test("in one part of the log, a claim stands before the trial whose line comes later", async () => {
  using lab = newLab();
  await begin(lab);
  await claim(lab, 0);
  assertEquals(await ordersOf(lab), [[null, "no trial stands in the log yet"]]);
  await tryOut(lab, 0);
  const part = PART("2026-01-23");
  const first = `it stands before the first trial: both stand in ${part}, the claim first`;
  assertEquals(await ordersOf(lab), [[true, first]]);
  await ledgerOn(lab, 0).runs.claim({ run: "r" }, { ...CLAIM, metric: "max_drawdown" });
  const second = `${UNPROVEN}both stand in ${part}, the trial first`;
  assertEquals(await ordersOf(lab), [[true, first], [false, second]]);
  // Sealed, and taken for what it was, the order is the same.
  await seal(lab, 2);
  assertEquals(await ordersOf(lab), [[true, first], [false, second]]);
});

Deno.test("the end of a run is a trial too", async () => {
  using lab = newLab();
  await begin(lab);
  await (await ledgerOn(lab, 0).runs.find("r")).markSuccess();
  await claim(lab, 0);
  assertEquals((await ordersOf(lab))[0][0], false);
});

Deno.test("of two parts, a claim stands first whose part was sealed first, and no timestamp says so", async () => {
  using lab = newLab();
  await begin(lab);
  await claim(lab, 0);
  await tryOut(lab, 1);
  const [claimed, tried] = [PART("2026-01-23"), PART("2026-01-24")];
  const unsealed = `${UNPROVEN}neither ${claimed} nor ${tried} is sealed; timestamps are the ` +
    `caller's, and prove nothing`;
  assertEquals(await ordersOf(lab), [[false, unsealed]]);
  await seal(lab, 1);
  const first = "it stands before the first trial: its part was sealed as number 2 of the chain, " +
    "that of the trial ";
  assertEquals(await ordersOf(lab), [[true, `${first}not yet`]]);
  await seal(lab, 2);
  assertEquals(await ordersOf(lab), [[true, `${first}as number 3`]]);
});

Deno.test("a claim whose part was sealed after that of a trial is not proven, whatever its stamp says", async () => {
  using lab = newLab();
  await begin(lab);
  await tryOut(lab, 0);
  await seal(lab, 1);
  await claim(lab, 1);
  const late = `${UNPROVEN}${PART("2026-01-23")}, which has a trial, was sealed before ` +
    PART("2026-01-24");
  assertEquals(await ordersOf(lab), [[false, late]]);
  await seal(lab, 2);
  assertEquals(await ordersOf(lab), [[false, late]]);
});

Deno.test("one trial that cannot be placed is enough for an order that cannot be proven", async () => {
  using lab = newLab();
  await begin(lab);
  await claim(lab, 0);
  await tryOut(lab, 0);
  assertEquals((await ordersOf(lab))[0][0], true);
  await tryOut(lab, 0, "r", "w1");
  const other = PART("2026-01-23", "part-000002.w1");
  assertEquals((await ordersOf(lab))[0], [
    false,
    `${UNPROVEN}neither ${PART("2026-01-23")} nor ${other} is sealed; timestamps are the ` +
    `caller's, and prove nothing`,
  ]);
});

Deno.test("a chain that was changed proves no order", async () => {
  using lab = newLab();
  await begin(lab);
  await claim(lab, 0);
  await tryOut(lab, 1);
  await seal(lab, 2);
  assertEquals((await ordersOf(lab))[0][0], true);
  const path = join(lab.dir, "events/_chain.jsonl");
  const lines = Deno.readTextFileSync(path);
  Deno.writeTextFileSync(path, lines.replace(/"events":\d+/, '"events":9'));
  const [[is_proven, reason]] = await ordersOf(lab);
  assertEquals(is_proven, false);
  assertStringIncludes(reason, `${UNPROVEN}the chain is damaged (`);
});

Deno.test("a group is claimed of before it has runs, and each of its runs shows that", async () => {
  using lab = newLab();
  await claim(lab, 0, { group: "sweep7" });
  await begin(lab, "r", "sweep7");
  await begin(lab, "other");
  await tryOut(lab, 0, "other");
  assertEquals((await ordersOf(lab, { group: "sweep7" }))[0][0], null);
  await tryOut(lab, 0);
  for (const claimed of [{ group: "sweep7" }, { run: "r" }]) {
    assertEquals((await ordersOf(lab, claimed)).map(([is_proven]) => is_proven), [true]);
  }
  assertEquals(await ordersOf(lab, { run: "other" }), []);
  const shown = await inLab(lab, ["runs", "show", "r"]);
  assertStringIncludes(shown.stdout, "claimed    winners go on (higher sharpe in 20 trials)");
  assertStringIncludes(shown.stdout, "it stands before the first trial: both stand in");
  const { claims } = JSON.parse((await inLab(lab, ["runs", "show", "r", "--json"])).stdout);
  assertEquals([claims[0].group, claims[0].order.is_proven], ["sweep7", true]);
});

Deno.test("a group's claim covers a run whose folder alone says its group", async () => {
  using lab = newLab();
  const run = { run_type: "policy", run_id: "r", git: false, group: "sweep7" };
  await ledgerOn(lab, 0).runs.create(run, { events: false });
  await tryOut(lab, 0);
  await claim(lab, 0, { group: "sweep7" });
  await ledgerOf(lab).runs.sync();
  const unproven = [[false, `${UNPROVEN}both stand in ${PART("2026-01-23")}, the trial first`]];
  for (const claimed of [{ group: "sweep7" }, { run: "r" }]) {
    assertEquals(await ordersOf(lab, claimed), unproven as [boolean, string][]);
  }
  const notices: string[] = [];
  await ledgerOf(lab).runs.claim({ group: "sweep7" }, { ...CLAIM, trials_planned: 3 }, (each) => {
    notices.push(each);
  });
  assertStringIncludes(notices.join(), "has trials in the log already");
});

Deno.test("the same claim made twice is one event; one that is wrong is none", async () => {
  using lab = newLab();
  await begin(lab);
  await claim(lab, 0);
  await claim(lab, 1);
  const claimed = eventsOf(lab, "r").filter(({ event_type }) => event_type === "run.claimed");
  assertEquals(new Set(claimed.map(({ event_id }) => event_id)).size, 1);
  assertEquals((await ordersOf(lab)).length, 1);
  const { runs } = ledgerOn(lab, 0);
  const WRONG: [Partial<Claim>, string][] = [
    [{ hypothesis: " " }, `hypothesis " " says nothing`],
    [{ trials_planned: 0 }, "trials_planned 0 has to be a whole number, 1 or more"],
    [{ holdout: "2026-01-01" }, `holdout "2026-01-01" has to be FROM..TO`],
    [{ holdout: "7d..2d" }, `holdout "7d..2d" has to be FROM..TO`],
    [{ holdout: "2026-02-01..2026-01-01" }, "ends before it begins"],
  ];
  for (const [different, words] of WRONG) {
    const claiming = () => runs.claim({ run: "r" }, { ...CLAIM, ...different });
    assertStringIncludes((await assertRejects(claiming, LedgerError)).message, words);
  }
  await assertRejects(() => runs.claim({ group: "a\nb" }, CLAIM), LedgerError, "control character");
  assertEquals(eventsOf(lab, "r").length, 2 + claimed.length);
});

Deno.test("runs claim takes a claim, or prints those that there are, and says what a claim lacks", async () => {
  using lab = newLab();
  await begin(lab);
  const claims = (...args: string[]) => inLab(lab, ["runs", "claim", ...args]);
  const said = "--hypothesis|winners go on|--metric|sharpe|--lower|--trials|1".split("|");
  const LACKING: [string[], string][] = [
    [[], "of which run? ID, or --group"],
    [["r", "--group", "g"], "ID or --group, not both"],
    [["r", "--metric", "x"], "a claim lacks --hypothesis TEXT, --higher or --lower, --trials N"],
    [["r", ...said, "--higher"], "it is either --higher or --lower"],
  ];
  for (const [args, words] of LACKING) {
    const { code, stderr } = await claims(...args);
    assertEquals(code, 2, args.join(" "));
    assertStringIncludes(stderr, words);
  }
  const none = await claims("r");
  assertEquals([none.code, none.stdout, none.stderr], [0, "", "nothing has been claimed of r\n"]);
  const holdout = ["--holdout", "2025-07-01..2025-12-31", "--falsified-if", "sharpe > 1"];
  const made = await claims("r", ...said, ...holdout);
  const text = "winners go on (lower sharpe in 1 trial, holdout 2025-07-01..2025-12-31, " +
    "falsified if sharpe > 1)";
  assertEquals([made.code, made.stdout], [0, `r  ${text}\n`]);
  const [{ order, ...claimed }] = JSON.parse((await claims("r", "--json")).stdout);
  assertEquals([claimed.run_id, claimed.direction, claimed.holdout, order.is_proven], [
    ...["r", "lower", "2025-07-01..2025-12-31"],
    null,
  ]);
  await tryOut(lab, 0);
  const late = await claims("r", ...said);
  assertStringIncludes(late.stderr, "has trials in the log already: this claim stands after them");
  assertStringIncludes((await claims("r")).stdout, text);
});

Deno.test("an event that claims something of neither a run nor a group is refused", async () => {
  using lab = newLab();
  const data = JSON.stringify(CLAIM);
  const { code, stderr } = await inLab(lab, ["emit", "run.claimed", "--event-data", data]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "run_id is missing; it has to be there, or group");
});
