/** What a command may do with a lab of which one file went bad. */
import type { Random } from "../../laws/random.ts";
import { CORRUPTIONS, type FileKind, fileOfKind } from "./corruptions.ts";
import { run } from "../../../src/cli/run.ts";
import { testWorld } from "../../harness.ts";
import type { LabCommand } from "../lab_commands.ts";
import { copyLab, evened, flawOf, type Judged, runByDeadline } from "../lab_copy.ts";

/** Runs a command in a lab. */
export type RunInLab = (lab: string, command: LabCommand) => Promise<Judged>;

/** As a process of the executable. */
export function asProcess(binary: string): RunInLab {
  return (lab, { args, stdin }) => runByDeadline([binary, ...args], lab, stdin);
}

/** In this process: many times faster, and nothing ends what hangs. */
export const inProcess: RunInLab = async (lab, { args, stdin }) => {
  const before = Deno.cwd();
  Deno.chdir(lab);
  const world = testWorld({ stdin });
  try {
    const code = await run(args, world);
    return { code, ...world.printed, signal: null, was_too_slow: false };
  } catch (error) {
    const stderr = `Uncaught ${(error as Error)?.stack}`;
    return { code: 1, stdout: world.printed.stdout, stderr, signal: null, was_too_slow: false };
  } finally {
    Deno.chdir(before);
  }
};

/** Runs commands in copies of a lab, one of whose files was spoilt. */
export class CorruptionJudge {
  readonly #clean = new Map<string, Judged>();

  constructor(readonly run: RunInLab, readonly lab: string, readonly copy: string) {}

  /** What a command says where nothing is spoilt. */
  async cleanRun(name: string, command: LabCommand): Promise<Judged> {
    const known = this.#clean.get(name);
    if (known) return known;
    const ended = await this.#inCopy(command, () => {});
    if (ended.code !== 0) throw new Error(`${name}: ${ended.stderr}`);
    this.#clean.set(name, ended);
    return ended;
  }

  /** What is wrong with a command after a file was spoilt; undefined when nothing is. */
  async flawAfter(
    name: string,
    command: LabCommand,
    spoilt: { kind: FileKind; how: string; random: Random },
  ): Promise<string | undefined> {
    const clean = await this.cleanRun(name, command);
    const { kind, how, random } = spoilt;
    const spoil = CORRUPTIONS[how];
    let [applies, is_well] = [true, false];
    const ended = await this.#inCopy(command, (lab) => {
      const path = fileOfKind(lab, kind);
      applies = spoil(path, random) !== false;
      is_well = how === "a flipped bit" && (kind.isWell?.(path) ?? false);
    });
    if (!applies) return undefined;
    const less = kind.is_unnamed && how !== "a flipped bit" ? undefined : lessOf(ended, clean);
    const is_same = how === "a link";
    const missed = kind.found_by === name && ended.code === 0 && !is_same && !is_well
      ? "it does not find the damage"
      : undefined;
    const flaw = flawOf(ended) ?? less ?? missed;
    return flaw && `${flaw} [${ended.code}] ${ended.stderr.trim().slice(0, 300)}`;
  }

  async #inCopy(command: LabCommand, spoil: (lab: string) => void): Promise<Judged> {
    await Deno.remove(this.copy, { recursive: true }).catch(() => {});
    copyLab(this.lab, this.copy);
    spoil(this.copy);
    return await this.run(this.copy, command);
  }
}

/** Fewer rows than before, without a word. What says how much there is may well say another number. */
function lessOf(ended: Judged, clean: Judged): string | undefined {
  if (ended.code !== 0 || evened(ended.stderr) !== evened(clean.stderr)) return undefined;
  const [now, before] = [ended, clean].map(({ stdout }) => stdout.split("\n").length);
  return now < before ? `it ends well with ${before - now} rows less than before` : undefined;
}
