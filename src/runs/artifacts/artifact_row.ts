/** Row types: what a program hands over as a row of a built-in artifact type, by its columns. */
import type { ArtifactType, DEFINITIONS, LEVELS, ValueKind } from "./definitions.ts";

/** The values of each kind, as a program hands them over. */
interface ValueOf {
  run_id: string;
  text: string;
  level: typeof LEVELS[number];
  object: Readonly<Record<string, unknown>> | string;
  whole: number | bigint;
  time: number | bigint;
  number: number;
  flag: boolean;
}

type ColumnsOf<Type extends ArtifactType> = NonNullable<typeof DEFINITIONS[Type]["declared"]>;
type OptionalOf<Of> = {
  [Name in keyof Of]: Of[Name] extends readonly [`${string}?` | "run_id", ...unknown[]] ? Name
    : never;
}[keyof Of];
type CellOf<Kind> = Kind extends `${infer Required extends ValueKind}?` ? ValueOf[Required] | null
  : Kind extends ValueKind ? ValueOf[Kind]
  : never;

/** A row of a built-in type, as `writeArtifact` takes it; open types take further columns. */
export type ArtifactRow<Type extends ArtifactType = ArtifactType> = Type extends ArtifactType ?
    & {
      -readonly [Name in Exclude<keyof ColumnsOf<Type>, OptionalOf<ColumnsOf<Type>>>]: CellOf<
        ColumnsOf<Type>[Name] extends readonly [infer Kind, ...unknown[]] ? Kind : never
      >;
    }
    & {
      -readonly [Name in OptionalOf<ColumnsOf<Type>>]?: CellOf<
        ColumnsOf<Type>[Name] extends readonly [infer Kind, ...unknown[]] ? Kind : never
      >;
    }
  : never;
