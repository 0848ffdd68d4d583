/**
 * Lookup of artifact types: the built-in ones, and those that a ledger's registry adds. Everything that
 * reads or writes artifacts gets it handed down, so that own types are treated as ours are.
 */
import { LedgerError, quoted } from "../../base/error.ts";
import { nearest } from "../../base/nearest.ts";
import {
  ARTIFACT_TYPES,
  type ArtifactDefinition,
  artifactDefinition,
  isArtifactType,
} from "./definitions.ts";

/** Runs of these types have every column of the summary; others have those that they have. */
const FULL_SUMMARIES: ReadonlySet<string> = new Set(["path-only", "policy"]);

function freeSummary(): ArtifactDefinition {
  const summary = artifactDefinition("summary");
  const columns = summary.columns.map((column) => ({
    ...column,
    nullable: column.kind !== "run_id",
  }));
  return { ...summary, columns, is_sparse: true };
}

/** The artifact types that a ledger knows. */
export class ArtifactTypes {
  constructor(
    readonly registered: ReadonlyMap<string, ArtifactDefinition> = new Map(),
    /** Types that stand in the registry and cannot be used, and why. */
    readonly unusable: ReadonlyMap<string, string> = new Map(),
  ) {}

  /** All names, the built-in ones first. */
  names(): string[] {
    return [...ARTIFACT_TYPES, ...this.registered.keys()];
  }

  all(): ArtifactDefinition[] {
    return [...ARTIFACT_TYPES.map(artifactDefinition), ...this.registered.values()];
  }

  /** With the type of a run, what an artifact of such a run has to be. */
  find(type: string, run_type?: string): ArtifactDefinition | undefined {
    if (type === "summary" && run_type !== undefined && !FULL_SUMMARIES.has(run_type)) {
      return freeSummary();
    }
    return isArtifactType(type) ? artifactDefinition(type) : this.registered.get(type);
  }

  /** The same; throws where there is no such type. */
  of(type: string, run_type?: string): ArtifactDefinition {
    const definition = this.find(type, run_type);
    if (definition) return definition;
    const reason = this.unusable.get(type);
    if (reason !== undefined) {
      throw new LedgerError({
        code: "invalid",
        message: `cannot use the artifact type ${quoted(type)} as it is registered: ${reason}`,
        hint: "a later version of ledger may have registered it: use that version",
      });
    }
    const names = this.names();
    const meant = nearest(type, names);
    throw new LedgerError({
      code: "invalid",
      message: `there is no artifact type ${quoted(type)}`,
      hint: meant ? `is ${quoted(meant)} meant?` : `artifact types are ${names.join(", ")}`,
    });
  }
}

/** Those of a ledger whose registry adds none. */
export const BUILT_IN_TYPES = new ArtifactTypes();
