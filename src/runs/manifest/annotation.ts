/** Validation of what people say of a run: short labels, notes, and a name that stands where an id does. */
import { LedgerError, quoted } from "../../base/error.ts";
import { escaped } from "../../base/format.ts";
import { label_chars_max, note_chars_max } from "../../base/limits.ts";
import { isOfKind } from "../../log/mod.ts";

/** How a word of the caller's own is formed: a run's type, a kind of link. */
export const OWN_WORD = /^[a-z0-9][a-z0-9._-]{0,63}$/;

/** What is said of a run; of what is absent nothing is said. */
export interface RunAnnotation {
  /** Are put on it, and taken off it. */
  tags?: readonly string[];
  tags_removed?: readonly string[];
  /** Stands beside its other notes. */
  note?: string;
  /** Stands for its id where no other run has it; an empty one takes the name back. */
  name?: string;
  pin?: boolean;
  /** The sweep that it belongs to; an empty one takes it out. */
  group?: string;
}

type Texts = "tags" | "tags_removed" | "note" | "name" | "group";

/** Throws what is wrong with an annotation. */
export function checkAnnotation(
  run_id: string,
  said: RunAnnotation,
  tried: "annotate" | "create" = "annotate",
): void {
  const { tags = [], tags_removed = [], note, name, group } = said;
  const refuse = (member: Texts, value: unknown, what: string, hint?: string): never => {
    throw new LedgerError({
      code: "invalid",
      message: `cannot ${tried} run ${quoted(run_id)}: ${member} ${quoted(value)} ${what}`,
      hint: hint ?? "nothing was written",
    });
  };
  for (const [member, texts] of Object.entries({ tags, tags_removed })) {
    for (const tag of texts) {
      const problem = labelProblem(tag);
      if (problem) refuse(member as Texts, tag, problem);
      if (tag.includes(",")) {
        refuse(member as Texts, tag, "has a comma", "name tags one by one: --tag a --tag b");
      }
    }
  }
  const both = tags.find((tag) => tags_removed.includes(tag));
  if (both !== undefined) refuse("tags", both, "is put on and taken off at once");
  if (note !== undefined && (note.trim() === "" || note.length > note_chars_max)) {
    const what = note.trim() === "" ? "says nothing" : `has ${note.length} characters`;
    refuse("note", escaped(note), what, `a note has 1 to ${note_chars_max} characters`);
  }
  const group_problem = group ? labelProblem(group) : undefined;
  if (group_problem) refuse("group", group, group_problem);
  if (name && (!isOfKind("run_id", name) || labelProblem(name))) {
    const what = labelProblem(name) ?? "has a slash, or is . or ..";
    refuse("name", name, what, "a name stands where an id can: it is formed like one");
  }
}

/** What is wrong with a tag, or the name of a group. */
export function labelProblem(label: string): string | undefined {
  if (label.trim() === "") return "says nothing";
  if (label !== label.trim()) return "begins or ends with a blank";
  if (/\p{Cc}/u.test(label)) return "has a control character";
  if (label.length > label_chars_max) return `has more than ${label_chars_max} characters`;
}
