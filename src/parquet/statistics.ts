/** Column statistics: what a footer says of a column's values, without a look at one of them. */
import type { ColumnMetaData } from "hyparquet";
import type { OpenFile } from "../base/files/seam.ts";
import { factsOf, readMetadata } from "./footer.ts";

interface ParquetStatistics {
  rows: number;
  columns: string[];
  /** The least and the greatest value of a column; undefined where a row group does not say. */
  rangeOf(column: string): readonly [least: unknown, greatest: unknown] | undefined;
}

/** Reads the footer of an open file; throws what is wrong with it. */
export function parquetStatistics(file: OpenFile): ParquetStatistics {
  const metadata = readMetadata(file);
  const { rows, columns } = factsOf(metadata);
  return {
    rows,
    columns: columns.map(({ name }) => name),
    rangeOf(column) {
      const chunks = metadata.row_groups.flatMap((group) =>
        group.columns.flatMap(({ meta_data }) =>
          meta_data?.path_in_schema.join("\0") === column ? [meta_data] : []
        )
      );
      const ranges = chunks.filter((chunk) => !isEmpty(chunk)).map(({ statistics }) => {
        return [statistics?.min_value ?? statistics?.min, statistics?.max_value ?? statistics?.max];
      });
      if (ranges.length === 0 || ranges.flat().includes(undefined)) return undefined;
      const [least, greatest] = [0, 1].map((end) => ranges.map((range) => range[end]!));
      return [
        least.reduce((a, b) => b < a ? b : a),
        greatest.reduce((a, b) => b > a ? b : a),
      ];
    },
  };
}

/** Whether a column has no value in its row group. */
function isEmpty({ num_values, statistics }: ColumnMetaData): boolean {
  return num_values === 0n || statistics?.null_count === num_values;
}
