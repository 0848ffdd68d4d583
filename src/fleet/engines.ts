/**
 * Views of other engines: for each, the lines with which it reads a fleet's tables, and `events_once`, in which
 * an event that stands in two places counts once. They hold no key: an engine takes it from its environment.
 */
import { literal } from "../duckdb/sandbox.ts";
import { addressText, type FleetAddress } from "./address.ts";
import { DEFAULT_REGION } from "./keys.ts";
import { LAKE_TABLES } from "./lake/lake.ts";
import { tableFolder } from "./lake/table.ts";

/** Engines whose lines are tried. */
export const ENGINES = ["spark", "clickhouse", "duckdb", "polars"] as const;

/** An engine that reads the tables of a fleet. */
export type Engine = typeof ENGINES[number];

const NAMES = LAKE_TABLES.map(({ name }) => name);
/** Where an event stands; a copy that does not count is named so in `duplicates`. */
const PLACE = ["box", "log_day", "log_part", "log_offset"];
const QUESTION = "SELECT box, count(*) AS events FROM events_once GROUP BY box ORDER BY box";

const LINES: Readonly<Record<Engine, (address: FleetAddress) => string>> = {
  spark: (address) =>
    `# Spark 4.0 and Delta Lake 4.0, as a script:
#   spark-submit --packages io.delta:delta-spark_2.13:4.0.0,org.apache.hadoop:hadoop-aws:3.4.1 FILE
# Keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the driver's environment.
import os
from pyspark.sql import SparkSession

builder = SparkSession.builder.appName("fleet")
for name, value in {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.hadoop.fs.s3a.endpoint": ${python(address.endpoint)},
    "spark.hadoop.fs.s3a.endpoint.region": ${PYTHON_REGION},
    "spark.hadoop.fs.s3a.path.style.access": "true",
    "spark.hadoop.fs.s3a.connection.ssl.enabled": "${hasTls(address)}",
}.items():
    builder = builder.config(name, value)
spark = builder.getOrCreate()

for table in ${python(NAMES)}:
    path = f"s3a://${pathOf(address, "{table}")}"
    spark.read.format("delta").load(path).createOrReplaceTempView(table)
spark.sql("""
CREATE OR REPLACE TEMP VIEW events_once AS
SELECT * FROM events LEFT ANTI JOIN duplicates USING (${PLACE.join(", ")})
""")

spark.sql("${QUESTION}").show()
# A script ends with spark.stop().
`,
  clickhouse: (address) =>
    `-- ClickHouse 26, such as clickhouse local. Keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
-- AWS_SESSION_TOKEN in the environment of its process.
${
      views((name) => {
        const url = `${address.endpoint}/${pathOf(address, name)}/`;
        return `SELECT * FROM deltaLake(${literal(url)})`;
      })
    }CREATE OR REPLACE VIEW events_once AS
SELECT e.* FROM events AS e LEFT ANTI JOIN duplicates AS d USING (${PLACE.join(", ")});

${QUESTION};
`,
  duckdb: (address) =>
    `-- DuckDB 1.5, its command line. Keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in
-- its environment; clients in other languages have no getenv(): bind or write the keys there.
INSTALL delta; LOAD delta;
INSTALL httpfs; LOAD httpfs;
-- They wait for the store: more threads than cores.
SET threads = 8;
CREATE OR REPLACE SECRET fleet (
  TYPE s3, SCOPE ${literal(addressText(address))}, URL_STYLE 'path',
  ENDPOINT ${literal(new URL(address.endpoint).host)}, USE_SSL ${hasTls(address)},
  REGION coalesce(nullif(getenv('AWS_REGION'), ''), '${DEFAULT_REGION}'),
  KEY_ID getenv('AWS_ACCESS_KEY_ID'), SECRET getenv('AWS_SECRET_ACCESS_KEY'),
  SESSION_TOKEN getenv('AWS_SESSION_TOKEN')
);
${
      views((name) => `FROM delta_scan(${literal(`s3://${pathOf(address, name)}`)})`)
    }CREATE OR REPLACE VIEW events_once AS
FROM events ANTI JOIN duplicates USING (${PLACE.join(", ")});

${QUESTION};
`,
  polars: (address) =>
    `# Polars 2 and deltalake 1.6. Keys: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN in the
# environment.
import os
import polars as pl

options = {
    "AWS_ENDPOINT_URL": ${python(address.endpoint)},
    "AWS_REGION": ${PYTHON_REGION},
    "AWS_ALLOW_HTTP": "${!hasTls(address)}",
}
tables = {
    table: pl.scan_delta(f"s3://${pathOf(address, "{table}")}", storage_options=options)
    for table in ${python(NAMES)}
}
tables["events_once"] = tables["events"].join(
    tables["duplicates"], on=${python(PLACE)}, how="anti"
)

fleet = pl.SQLContext(tables)
print(fleet.execute("${QUESTION}").collect())
`,
};

/** The lines with which an engine reads a fleet's tables, and a question at their end. */
export function linesFor(engine: Engine, address: FleetAddress): string {
  return LINES[engine](address);
}

/** A table's folder, as a path that begins with its bucket. */
function pathOf({ bucket, prefix }: FleetAddress, table: string): string {
  return `${bucket}/${prefix}${tableFolder(table).replace(/\/$/, "")}`;
}

/** A view of each table. */
function views(select: (table: string) => string): string {
  return NAMES.map((name) => `CREATE OR REPLACE VIEW ${name} AS ${select(name)};\n`).join("");
}

function hasTls({ endpoint }: FleetAddress): boolean {
  return endpoint.startsWith("https:");
}

const PYTHON_REGION = `os.environ.get("AWS_REGION") or "${DEFAULT_REGION}"`;

/** Texts and lists of them are written in Python as in JSON. */
function python(value: string | readonly string[]): string {
  return JSON.stringify(value).replaceAll('","', '", "');
}
