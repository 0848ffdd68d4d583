/**
 * A program with `using` in every form that the language has. It prints what was used, disposed of
 * and thrown, in order: run from source and from the bundle, it has to print the same.
 */
import { fromElsewhere, lateFromElsewhere } from "./dependency.js";

const told: string[] = [];

class Resource implements Disposable, AsyncDisposable {
  constructor(readonly name: string, readonly fails = false) {}

  use(): this {
    told.push(`${this.name}: used`);
    return this;
  }

  [Symbol.dispose](): void {
    told.push(`${this.name}: disposed`);
    if (this.fails) throw new Error(`${this.name}: disposal failed`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    told.push(`${this.name}: disposal begun`);
    await Promise.resolve();
    told.push(`${this.name}: disposed later`);
    if (this.fails) throw new Error(`${this.name}: later disposal failed`);
  }
}

function make(name: string, fails = false): Resource {
  told.push(`${name}: made`);
  return new Resource(name, fails);
}

function makeSync(name: string): Disposable {
  return { [Symbol.dispose]: () => void told.push(`${name}: disposed`) };
}

/** What an error says, with what it suppressed. */
function words(error: unknown): string {
  if (error instanceof SuppressedError) {
    return `${words(error.error)} [suppressed: ${words(error.suppressed)}]`;
  }
  // What is wrong is the same; how the engine puts it is its own affair.
  return error instanceof TypeError ? "TypeError" : (error as Error).message;
}

const FORMS: Record<string, () => unknown> = {
  "used once"() {
    using resource = make("once");
    resource.use();
  },
  "used once, in an arrow": () => {
    using resource = make("arrow");
    resource.use();
  },
  "used twice"() {
    using resource = make("twice");
    resource.use();
    resource.use();
  },
  "never used"() {
    using _resource = make("never");
    told.push("the body");
  },
  "used in the value returned"() {
    using resource = make("returned");
    return resource.name.length;
  },
  "used in a condition"() {
    using resource = make("condition");
    if (resource.use()) told.push("the branch");
  },
  "in a block"() {
    {
      using resource = make("block");
      resource.use();
    }
    told.push("after the block");
  },
  "in a branch"() {
    if (told.length > 0) {
      using resource = make("branch");
      resource.use();
    }
    told.push("after the branch");
  },
  "in try, beside finally"() {
    try {
      using resource = make("try");
      resource.use();
    } finally {
      told.push("finally");
    }
  },
  "in catch"() {
    try {
      throw new Error("to be caught");
    } catch {
      using resource = make("catch");
      resource.use();
    }
  },
  "in a loop, with continue and break"() {
    for (let round = 0; round < 5; round++) {
      using resource = make(`round ${round}`);
      if (round === 1) continue;
      if (round === 3) break;
      resource.use();
    }
  },
  "of a loop"() {
    for (using resource of [make("of 1"), make("of 2")]) resource.use();
  },
  "out of two blocks at once"() {
    outer: for (const name of ["first", "second"]) {
      using resource = make(name);
      for (;;) {
        using inner = make(`inside ${name}`);
        inner.use();
        if (resource.use()) continue outer;
      }
    }
  },
  "in a case"() {
    switch (told.length > 0) {
      case true: {
        using resource = make("case");
        resource.use();
      }
    }
  },
  "several, from the last to the first"() {
    using first = make("several 1"), second = make("several 2");
    using third = make("several 3");
    first.use(), second.use(), third.use();
  },
  "one that depends on another"() {
    using first = make("base");
    using second = make(`${first.name} and more`);
    second.use();
  },
  "null and undefined"() {
    using nothing = null;
    using missing = undefined as Disposable | undefined;
    told.push(`${nothing} ${missing}`);
  },
  "in a closure that is called later"() {
    const later = () => {
      using resource = make("closure");
      return resource.use().name;
    };
    told.push(later());
  },
  "with a function below it"() {
    using resource = make("hoisted");
    told.push(below());
    function below(): string {
      return resource.use().name;
    }
  },
  "in a method, a constructor, an accessor and a static block"() {
    class Holder {
      static {
        using resource = make("static");
        resource.use();
      }
      constructor() {
        using resource = make("constructor");
        resource.use();
      }
      get name(): string {
        using resource = make("accessor");
        return resource.use().name;
      }
      #hidden(): void {
        using resource = make("private");
        resource.use();
      }
      method(): void {
        using resource = make("method");
        resource.use();
        this.#hidden();
      }
    }
    const holder = new Holder();
    holder.method();
    told.push(holder.name);
  },
  "in a generator that is left early"() {
    function* steps() {
      using resource = make("generator");
      yield resource.use();
      told.push("never come to");
    }
    for (const step of steps()) {
      told.push(step.name);
      break;
    }
  },
  "when the body throws"() {
    using resource = make("thrown over");
    resource.use();
    throw new Error("the body's");
  },
  "when the disposal throws"() {
    using resource = make("failing", true);
    resource.use();
  },
  "when both throw, twice"() {
    using first = make("failing 1", true);
    using second = make("failing 2", true);
    throw new Error(`after ${first.name} and ${second.name}`);
  },
  "when the second cannot be made"() {
    using first = make("made first");
    using second = unmakeable();
    told.push(`${first.name} ${second}`);
  },
  "when it is no resource"() {
    using first = make("before the wrong one");
    using wrong = {} as Disposable;
    told.push(`${first.name} ${wrong}`);
  },
  async "await, used once"() {
    await using resource = make("async once");
    resource.use();
  },
  async "await, never used"() {
    await using _resource = make("async never");
    told.push("the body");
  },
  "await, in an arrow": async () => {
    await using resource = make("async arrow");
    return resource.use().name;
  },
  async "await, in the value returned"() {
    await using resource = make("async returned");
    return await Promise.resolve(resource.name.length);
  },
  async "await, of what was awaited"() {
    await using resource = await Promise.resolve(make("awaited"));
    resource.use();
  },
  async "using, of what was awaited"() {
    using resource = await Promise.resolve(make("awaited, disposed at once"));
    resource.use();
  },
  async "await, of what has no later disposal"() {
    await using _resource = makeSync("only at once");
    told.push("the body");
  },
  async "await, of nothing"() {
    await using nothing = null;
    told.push(`${nothing}`);
  },
  async "await, in a block and a branch"() {
    {
      await using resource = make("async block");
      resource.use();
    }
    if (told.length > 0) {
      await using resource = make("async branch");
      resource.use();
    }
    told.push("after both");
  },
  async "await, of loops"() {
    for (await using resource of [make("async of 1"), make("async of 2")]) resource.use();
    for await (await using resource of [make("for await 1")]) resource.use();
    for await (using resource of [make("for await 2")]) resource.use();
  },
  async "await beside using"() {
    using first = make("mixed 1");
    await using second = make("mixed 2");
    using third = make("mixed 3");
    first.use(), second.use(), third.use();
  },
  async "await, when both throw"() {
    await using _first = make("async failing", true);
    throw new Error("the async body's");
  },
  async "await, in a generator that is left early"() {
    async function* steps() {
      await using resource = make("async generator");
      yield resource.use();
      told.push("never come to");
    }
    for await (const step of steps()) {
      told.push(step.name);
      break;
    }
  },
  "in a package"() {
    fromElsewhere(make);
  },
  async "await, in a package"() {
    await lateFromElsewhere(make);
  },
  async "in a module that is loaded late"() {
    const { late } = await import("./probe_late.ts");
    late(make);
  },
};

function unmakeable(): Disposable {
  throw new Error("cannot be made");
}

for (const [form, body] of Object.entries(FORMS)) {
  told.push(`-- ${form}`);
  try {
    told.push(`gives ${await body()}`);
  } catch (error) {
    told.push(`throws ${words(error)}`);
  }
}
told.push("-- at the top of a module");
{
  using resource = make("top block");
  resource.use();
}
using _bare = {
  [Symbol.dispose]: () => console.log([...told, "the top: disposed"].join("\n")),
};
await using last = make("top, awaited");
last.use();
