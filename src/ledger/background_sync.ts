/** Bringing the index up to date beside those who emit: nobody waits for it, and it costs no event. */

/** One sync at a time; what comes while it runs is taken in by one more after it. */
export class BackgroundSync {
  #last?: Promise<void>;

  constructor(
    readonly sync: () => Promise<unknown>,
    readonly onNotice: (message: string) => void = () => {},
  ) {}

  /** Has what is in the log by now taken in. */
  request(): void {
    const before = this.#last ?? Promise.resolve();
    const last: Promise<void> = before.then(this.sync).then(
      () => {},
      (error) => this.onNotice(`the index was not synced: ${error.message}`),
    ).finally(() => {
      if (this.#last === last) this.#last = undefined;
    });
    this.#last = last;
  }

  /** Waits until all that was requested is done. */
  async settled(): Promise<void> {
    while (this.#last) await this.#last;
  }
}

const ENDS_OF_RUNS: ReadonlySet<unknown> = new Set(["run.completed", "run.failed"]);

/** Whether an event ends a run. Most lines do not even look like it. */
export function endsRun(line: string): boolean {
  return line.includes('"run.') && ENDS_OF_RUNS.has(JSON.parse(line).event_type);
}
