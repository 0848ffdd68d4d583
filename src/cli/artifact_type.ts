/** The word on a command line that names a type of artifact. */
import { quoted } from "../base/error.ts";
import { nearest } from "../base/nearest.ts";
import {
  ARTIFACT_TYPES,
  type ArtifactType,
  isArtifactType,
} from "../runs/artifacts/definitions.ts";
import type { Command } from "./command.ts";
import { usage } from "./parse.ts";

/** The type that was typed; throws when there is none of that name. */
export function artifactType(command: Command, typed: string): ArtifactType {
  if (isArtifactType(typed)) return typed;
  const near = nearest(typed, ARTIFACT_TYPES);
  throw usage(
    command,
    `${quoted(typed)} is no type of artifact; ` +
      (near ? `did you mean ${near}?` : `there are ${ARTIFACT_TYPES.join(", ")}`),
  );
}
