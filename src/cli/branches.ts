/** Tree drawing: the lines that lead to each item of a tree, told in the order of its lines. */
import { tree_depth_drawn_max } from "../base/limits.ts";

/** Draws one tree. */
export class Branches {
  /** For each depth, whether a line goes on below. */
  readonly #open: boolean[] = [];

  /** What stands before an item; `is_last`: no other follows at its depth below the same one. */
  before(depth: number, is_last: boolean): string {
    this.#open[depth] = !is_last;
    this.#open.length = depth + 1;
    if (depth === 0) return "";
    const elbow = is_last ? "└─ " : "├─ ";
    if (depth > tree_depth_drawn_max) return `(${depth}) ${elbow}`;
    const lines = this.#open.slice(1, depth).map((goes_on) => goes_on ? "│  " : "   ");
    return lines.join("") + elbow;
  }
}
