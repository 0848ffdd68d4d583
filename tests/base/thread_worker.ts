/** A thread that answers with so many letters, or fails. */
import { LedgerError } from "../../src/base/error.ts";
import { doWork } from "../../src/base/thread.ts";

doWork((letters: number) => {
  if (letters < 0) {
    throw new LedgerError({ code: "usage", message: `${letters} letters`, hint: "ask for more" });
  }
  return { text: "é".repeat(letters) };
});
