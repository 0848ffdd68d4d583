/** What is wrong with a request, as the status that answers it. */

/** Thrown while a request is read; the client is told it in a sentence, and the connection ends. */
export class RequestProblem extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
    this.name = "RequestProblem";
  }
}
