/** A reason why the executable cannot be built, told without a stack trace. */
export class BuildFailure extends Error {
  constructor(
    message: string,
    /** What to do about it. */
    readonly hint: string,
  ) {
    super(message);
    this.name = "BuildFailure";
  }
}
