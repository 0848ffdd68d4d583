/**
 * The values of `@duckdb/node-api` that this program uses. Importing this file loads 70 MB of
 * native code, so only `native.ts` does, and only when asked; everything else imports types.
 *
 * The names are listed because the package is CommonJS: a bundle keeps only those it can see.
 */
export {
  DuckDBArrayValue,
  DuckDBDecimalValue,
  DuckDBInstance,
  DuckDBListValue,
  DuckDBMapValue,
  DuckDBStructValue,
  DuckDBUnionValue,
  StatementType,
  version,
} from "@duckdb/node-api";
