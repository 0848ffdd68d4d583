/**
 * Thompson NFA: a regular expression matched in one pass over a text, in time bounded by the product of
 * their lengths. The subset is that of JSON Schema's `pattern` (ECMAScript, flag u) without back references
 * and lookaround, which no automaton can do; the answer is that of `RegExp.test`.
 */
import { quoted } from "../../base/error.ts";
import { pattern_nesting_max, pattern_states_max, pattern_steps_max } from "../../base/limits.ts";

/** A pattern that is no regular expression, or one outside of the subset; the message says why. */
export class UnusablePattern extends Error {
  constructor(reason: string, readonly is_expression: boolean) {
    super(reason);
  }
}

export interface Pattern {
  readonly text: string;
  /** Whether it matches anywhere in a text. Throws where the text `isTooLong`. */
  test(text: string): boolean;
  /** Whether a text would take more than `pattern_steps_max`. */
  isTooLong(text: string): boolean;
  /** How many steps were taken so far, for tests that count them. */
  readonly steps: number;
}

export function compilePattern(source: string): Pattern {
  let expression: RegExp;
  try {
    expression = new RegExp(source, "u");
  } catch {
    throw new UnusablePattern("it is no regular expression", false);
  }
  return new Automaton(String(expression), new Parser(source).parse());
}

type Assertion = "start" | "end" | "boundary" | "no boundary";

/** A pattern's parts. A repetition without end has `max` Infinity. */
type Node =
  | { kind: "one"; matches: (code: number) => boolean }
  | { kind: "assert"; assertion: Assertion }
  | { kind: "all" | "any"; nodes: Node[] }
  | { kind: "repeat"; node: Node; min: number; max: number };

const QUANTIFIER = /[*+?]|\{(\d+)(,(\d*))?\}/y;
const LOOKAROUND = /\(\?<?[=!]/y;
const GROUP = /\((?!\?)|\(\?:|\(\?<[^=!>][^>]*>/y;
/** One escaped character or class; `\u` pairs of surrogates are one character. */
const ESCAPE =
  /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u\{[0-9a-fA-F]+\}|u[0-9a-fA-F]{4}|x[0-9a-fA-F]{2}|c[A-Za-z]|[pP]\{[^}]*\}|.)/suy;

class Parser {
  #at = 0;
  #depth = 0;

  constructor(readonly source: string) {}

  parse(): Node {
    const nodes = [this.#sequence()];
    while (this.#takes("|")) nodes.push(this.#sequence());
    return nodes.length === 1 ? nodes[0] : { kind: "any", nodes };
  }

  #sequence(): Node {
    const nodes: Node[] = [];
    while (this.#at < this.source.length && !"|)".includes(this.source[this.#at])) {
      nodes.push(this.#quantified(this.#atom()));
    }
    return { kind: "all", nodes };
  }

  #quantified(node: Node): Node {
    const found = this.#match(QUANTIFIER);
    if (!found) return node;
    // Whether the shortest or the longest is tried first does not change whether there is any.
    this.#takes("?");
    const [sign, from, comma, to] = found;
    const min = from !== undefined ? Number(from) : sign === "+" ? 1 : 0;
    const exact = comma === undefined ? min : to === "" ? Infinity : Number(to);
    const max = from !== undefined ? exact : sign === "?" ? 1 : Infinity;
    return { kind: "repeat", node, min, max };
  }

  #atom(): Node {
    const { source } = this;
    const sign = source[this.#at];
    if (sign === "^") return this.#assertion("start", 1);
    if (sign === "$") return this.#assertion("end", 1);
    if (sign === "(") return this.#group();
    if (sign === "[") return this.#one(this.#classEnd());
    if (sign === "\\") return this.#escape();
    return this.#one(this.#at + String.fromCodePoint(source.codePointAt(this.#at)!).length);
  }

  #escape(): Node {
    const next = this.source[this.#at + 1];
    if (next === "b") return this.#assertion("boundary", 2);
    if (next === "B") return this.#assertion("no boundary", 2);
    if (next === "k" || (next >= "1" && next <= "9")) {
      throw outside(`${quoted(`\\${next}`)} refers back to a group`);
    }
    ESCAPE.lastIndex = this.#at;
    return this.#one(this.#at + ESCAPE.exec(this.source)![0].length);
  }

  #group(): Node {
    if (!this.#match(GROUP)) {
      const around = this.#match(LOOKAROUND)?.[0];
      throw around === undefined
        ? outside(`${quoted("(?")} changes how the rest is read`)
        : outside(`${quoted(around)} looks ahead or behind`);
    }
    if (++this.#depth > pattern_nesting_max) {
      throw outside(`its groups nest more than ${pattern_nesting_max} deep`);
    }
    const node = this.parse();
    this.#depth--;
    this.#takes(")");
    return node;
  }

  #classEnd(): number {
    let at = this.#at + 1;
    while (this.source[at] !== "]") at += this.source[at] === "\\" ? 2 : 1;
    return at + 1;
  }

  #assertion(assertion: Assertion, length: number): Node {
    this.#at += length;
    return { kind: "assert", assertion };
  }

  #one(end: number): Node {
    const text = this.source.slice(this.#at, end);
    this.#at = end;
    return { kind: "one", matches: matcherOf(text) };
  }

  #takes(sign: string): boolean {
    if (this.source[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #match(expression: RegExp): RegExpExecArray | null {
    expression.lastIndex = this.#at;
    const found = expression.exec(this.source);
    if (found) this.#at = expression.lastIndex;
    return found;
  }
}

function outside(reason: string): UnusablePattern {
  return new UnusablePattern(`${reason}, which no pattern here may`, true);
}

const ASCII = 128;

/** Whether one character matches a piece of the pattern: the engine says so, since nothing in it repeats. */
function matcherOf(piece: string): (code: number) => boolean {
  if (/^[^\\[.]/.test(piece)) {
    const literal = piece.codePointAt(0)!;
    return (code) => code === literal;
  }
  const expression = new RegExp(`^${piece}$`, "u");
  const ascii = Array.from(
    { length: ASCII },
    (_, code) => expression.test(String.fromCharCode(code)),
  );
  return (code) => code < ASCII ? ascii[code] : expression.test(String.fromCodePoint(code));
}

/** What can be done in a state; all but `one` need no character. */
type State =
  | { kind: "one"; matches: (code: number) => boolean; next: number }
  | { kind: "assert"; assertion: Assertion; next: number }
  | { kind: "fork"; next: number; other: number }
  | { kind: "end" };

const END = 0;

/** The states of a pattern by their numbers, and the simulation of them on a text. */
class Automaton implements Pattern {
  steps = 0;
  readonly #states: State[] = [{ kind: "end" }];
  readonly #first: number;
  /** In which round a state was last reached. */
  readonly #seen: Float64Array;
  #round = 0;

  constructor(readonly text: string, node: Node) {
    const size = statesOf(node);
    if (size > pattern_states_max) {
      const found = size === Infinity ? "more than can be counted" : String(size);
      throw new UnusablePattern(
        `written out, it has ${found} states, and a pattern has at most ${pattern_states_max}`,
        true,
      );
    }
    this.#first = this.#build(node, END);
    this.#seen = new Float64Array(this.#states.length);
  }

  isTooLong(text: string): boolean {
    return text.length * this.#states.length > pattern_steps_max;
  }

  test(text: string): boolean {
    if (this.isTooLong(text)) throw new RangeError("a text that is too long for its pattern");
    let current: number[] = [];
    let before = -1;
    for (let at = 0;;) {
      const code = at < text.length ? text.codePointAt(at)! : -1;
      this.#round++;
      const reached: number[] = [];
      // A match may begin at any character.
      current.push(this.#first);
      for (const state of current) {
        if (this.#reach(state, before, code, reached)) return true;
      }
      if (code < 0) return false;
      current = [];
      for (const state of reached) {
        this.steps++;
        const { matches, next } = this.#states[state] as Extract<State, { kind: "one" }>;
        if (matches(code)) current.push(next);
      }
      before = code;
      at += code > 0xffff ? 2 : 1;
    }
  }

  /** Collects the states that wait for a character and are reached without one; true at the end state. */
  #reach(from: number, before: number, code: number, reached: number[]): boolean {
    const waiting = [from];
    for (let number = waiting.pop(); number !== undefined; number = waiting.pop()) {
      if (this.#seen[number] === this.#round) continue;
      this.#seen[number] = this.#round;
      this.steps++;
      const state = this.#states[number];
      if (state.kind === "end") return true;
      if (state.kind === "one") reached.push(number);
      else if (state.kind === "fork") waiting.push(state.next, state.other);
      else if (holds(state.assertion, before, code)) waiting.push(state.next);
    }
    return false;
  }

  #build(node: Node, next: number): number {
    switch (node.kind) {
      case "one":
      case "assert":
        return this.#add({ ...node, next });
      case "all":
        return node.nodes.reduceRight((after, inner) => this.#build(inner, after), next);
      case "any":
        return node.nodes.map((inner) => this.#build(inner, next))
          .reduceRight((other, first) => this.#add({ kind: "fork", next: first, other }));
      case "repeat":
        return this.#buildRepeat(node, next);
    }
  }

  #buildRepeat({ node, min, max }: Extract<Node, { kind: "repeat" }>, next: number): number {
    let begin = next;
    if (max === Infinity) {
      const loop: Extract<State, { kind: "fork" }> = { kind: "fork", next: END, other: next };
      begin = this.#add(loop);
      loop.next = this.#build(node, begin);
    }
    for (let count = min; max !== Infinity && count < max; count++) {
      begin = this.#add({ kind: "fork", next: this.#build(node, begin), other: next });
    }
    for (let count = 0; count < min; count++) begin = this.#build(node, begin);
    return begin;
  }

  #add(state: State): number {
    return this.#states.push(state) - 1;
  }
}

/** How many states a node takes, without building them; at least one, so that no repetition is free. */
function statesOf(node: Node): number {
  switch (node.kind) {
    case "one":
    case "assert":
      return 1;
    case "all":
      return Math.max(1, node.nodes.reduce((sum, inner) => sum + statesOf(inner), 0));
    case "any":
      return node.nodes.reduce((sum, inner) => sum + statesOf(inner) + 1, 0);
    case "repeat": {
      const copies = node.max === Infinity ? node.min + 1 : Math.max(node.max, 1);
      return (statesOf(node.node) + 1) * copies;
    }
  }
}

function holds(assertion: Assertion, before: number, code: number): boolean {
  if (assertion === "start") return before < 0;
  if (assertion === "end") return code < 0;
  return (isWordCharacter(before) !== isWordCharacter(code)) === (assertion === "boundary");
}

function isWordCharacter(code: number): boolean {
  return (code >= 48 && code <= 57) || (code >= 65 && code <= 90) || code === 95 ||
    (code >= 97 && code <= 122);
}
