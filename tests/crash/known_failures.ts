/**
 * What the sweeps find and is not mended yet, by name, each with a reason. An entry that fails no more
 * has to go: a sweep of all fails where one of them did not show.
 */

/** A failure that is known. */
export interface KnownFailure {
  /** What was tried: `file | how | command`, or `command | call | error | file`. */
  tried: RegExp;
  /** What is wrong. */
  flaw: RegExp;
  reason: string;
}

/** Of files that went bad. */
export const KNOWN_CORRUPTIONS: readonly KnownFailure[] = [
  {
    tried: /^the native (library|binding) \| .* \| (query|rebuild)$/,
    flaw: /it ends by SIG(SEGV|BUS|ABRT|ILL)/,
    reason:
      "the digest of the unpacked library is looked at when it is unpacked and by doctor; each " +
      "start looks at size, owner and mode alone, since 70 MB take longer than a query",
  },
  {
    tried: /^the (index|catalog|alerts) \| (nothing|a link to nowhere) \| report$/,
    flaw: /rows less/,
    reason: "a report is of the indexes as they are, and says on its page which is not there",
  },
];

/** Of system calls that fail. */
export const KNOWN_FAULTS: readonly KnownFailure[] = [];

/** Sorts what was found into what is known and what is not. */
export class KnownFailures {
  readonly unknown: string[] = [];
  readonly #seen = new Set<KnownFailure>();

  constructor(readonly known: readonly KnownFailure[]) {}

  /** Takes note of a flaw. */
  add(tried: string, flaw: string): void {
    const known = this.known.find((entry) => entry.tried.test(tried) && entry.flaw.test(flaw));
    if (known) this.#seen.add(known);
    else this.unknown.push(`${tried}: ${flaw}`);
  }

  /** The entries that did not show. */
  get not_seen(): string[] {
    return this.known.filter((entry) => !this.#seen.has(entry)).map(({ reason }) => reason);
  }
}
