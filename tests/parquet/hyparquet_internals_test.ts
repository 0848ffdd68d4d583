/** What this program takes from inside the Parquet libraries, with the versions for which it was tried. */
import { assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parquetMetadata, type RowGroup } from "hyparquet";
import { parquetHeader } from "hyparquet/src/column.js";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { PROJECT } from "../harness.ts";

/** Take another version only when the tests below hold for it, and for the reason that each gives. */
const PINNED = {
  "hyparquet": "npm:hyparquet@1.31.5",
  "hyparquet/src/column.js": "npm:hyparquet@1.31.5/src/column.js",
  "hyparquet-writer": "npm:hyparquet-writer@0.17.0",
};

Deno.test("the Parquet libraries are pinned, and one file inside of them is imported", () => {
  const { imports } = JSON.parse(Deno.readTextFileSync(join(PROJECT, "deno.json")));
  const found = Object.entries(imports).filter(([name]) => name.startsWith("hyparquet"));
  assertEquals(Object.fromEntries(found), PINNED);
});

/** Thrift's compact protocol: field numbers by steps, numbers in zigzag, 0 at a structure's end. */
const DATA_PAGE = [0x15, 0, 0x15, 80, 0x15, 40, 0x2c, 0x15, 14, 0x15, 0, 0x15, 6, 0x15, 6, 0, 0];
const DICTIONARY_PAGE = [0x15, 4, 0x15, 80, 0x15, 40, 0x4c, 0x15, 14, 0x15, 0, 0, 0];
const DATA_PAGE_V2 = [0x15, 6, 0x15, 80, 0x15, 40, 0x5c, 0x15, 14, 0x15, 2, 0x15, 12, 0x15, 16]
  .concat([0x15, 4, 0x15, 0, 0, 0]);

Deno.test("parquetHeader reads a page's header: else no page is checked, and no packed one read", () => {
  const read = (bytes: number[]) => {
    const reader = { view: new DataView(Uint8Array.of(9, ...bytes, 9).buffer), offset: 1 };
    const header = parquetHeader(reader);
    assertEquals(reader.offset, 1 + bytes.length, "it moves to where the page's values begin");
    assertEquals([header.uncompressed_page_size, header.compressed_page_size], [40, 20]);
    return header;
  };
  const { type, data_page_header: data } = read(DATA_PAGE);
  assertEquals([type, data?.num_values, data?.encoding], ["DATA_PAGE", 7, "PLAIN"]);
  assertEquals("num_nulls" in data!, false, "by this a page of the first version is known");
  const { type: dictionary, dictionary_page_header } = read(DICTIONARY_PAGE);
  assertEquals([dictionary, dictionary_page_header?.num_values], ["DICTIONARY_PAGE", 7]);
  const { type: second, data_page_header_v2: v2 } = read(DATA_PAGE_V2);
  assertEquals([second, v2?.num_values, v2?.num_nulls, v2?.num_rows], ["DATA_PAGE_V2", 7, 1, 6]);
  const levels = [v2?.definition_levels_byte_length, v2?.repetition_levels_byte_length];
  assertEquals([v2?.encoding, ...levels], ["RLE_DICTIONARY", 2, 0]);
});

Deno.test("a ParquetWriter ends a file with the row groups it was given: else packed parts have none", () => {
  const writer = new ByteWriter();
  const schema = [
    { name: "root", num_children: 1 },
    { name: "n", type: "INT32" as const, repetition_type: "REQUIRED" as const },
  ];
  const parquet = new ParquetWriter({ writer, schema });
  assertEquals(writer.getBytes(), new TextEncoder().encode("PAR1"), "it begins the file");
  const group: RowGroup = { columns: [], total_byte_size: 0n, num_rows: 7n };
  parquet.row_groups.push(group);
  parquet.num_rows += 7n;
  parquet.finish();
  const { num_rows, row_groups } = parquetMetadata(writer.getBuffer());
  assertEquals([num_rows, row_groups.map((each) => each.num_rows)], [7n, [7n]]);
});
