/** Inputs that broke a reader once, each with a line that says what it shows. */

/** An input that is tried at every run. */
export interface FuzzCase {
  /** Its target's name. */
  target: string;
  input: string | Uint8Array;
  shows: string;
}

export const FUZZ_CASES: readonly FuzzCase[] = [
  {
    target: "the registry",
    input: '{"registry_version":{"toString":true},"event_types":{}}',
    shows: "a version that is an object, and no text can be made of it",
  },
  {
    target: "the chain",
    input: '{"kind":"sealed","number":{"toString":""},"part":"day=2026-01-23/part-000001.jsonl",' +
      '"previous":"","seal":"x"}\n',
    shows: "a number that is an object, and no text can be made of it",
  },
  {
    target: "the seals of a day",
    input: '{"version":1,"parts":{"part-000001.jsonl":{"number":3,"previous":"4476","events":6,' +
      '"seal":"c239","lines":6,"bytes":918,"last_line_at":764,"first_ms":1,"last_ms":2,' +
      '"flaws":[null],"last_line_hash":"154-4471d36c","blocks":"Xq5BNg==","notes_sha256":"3348",' +
      '"sha256":"5eae413636cbb309dbc77dccb357f3dc9c648bfd75e8296ac7f73467a6929b46",' +
      '"sealed_at_ms":1773489600000}}}',
    shows: "a list of bad lines with nothing in it",
  },
  {
    target: "a manifest",
    input: '{"run_id":"r1","run_type":"policy","created_at":"2026-01-17","status":"completed",' +
      '"schema_version":{"manifest":1e+300}}',
    shows: "a version whose digits no number holds",
  },
  {
    target: "the list of a compacted month",
    input: '{"files":{"trades":{"path":"2026-01/_compacted/t.parquet","rows":1,"bytes":9,' +
      '"sha256":"a","runs":0.5}},"previous":[]}',
    shows: "runs that are a number",
  },
  {
    target: "the list of a compacted month",
    input: '{"files":{},"previous":[{}]}',
    shows: "a name that is an object",
  },
  {
    target: "a segment of traces",
    input:
      '[0,"s1","SIGNAL",1769169600000000,"c1","","source","",[{}],null,"1.0",1,"",{},null,9]\n',
    shows: "a stamp that is a list, and no number can be made of it",
  },
  {
    target: "a segment of traces",
    input: '[0,"s1","SIGNAL",1e999,"c1","","source","",0,null,"1.0",1,"",{},null,9]\n',
    shows: "a time that no number holds",
  },
  {
    target: "a line to emit",
    input: '{"event_type":[{"toString":5e-324}],"run_id":"r1"}',
    shows: "a type that is a list, and no text can be made of it",
  },
];
