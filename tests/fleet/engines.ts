/**
 * Engines that others wrote, as the tests run them: their packages in a folder (LEDGER_TEST_ENGINES, or one below
 * `dist/.cache` that the full suite fills), and one process each that runs the lines which `fleet sql` prints,
 * and then answers questions.
 */
import { join } from "@std/path";
import type { Engine } from "../../src/fleet/engines.ts";
import { systemFiles } from "../../src/base/files/system_files.ts";
import { works } from "../journeys/recipes/recipes.ts";
import { IS_FULL, PROJECT } from "../harness.ts";

const CACHE = join(PROJECT, "dist/.cache");
const FOLDER = Deno.env.get("LEDGER_TEST_ENGINES") ?? join(CACHE, "engines");
const PYTHON = join(FOLDER, "python");
const DUCKDB = join(PYTHON, "bin/duckdb");
const JARS = join(FOLDER, "jars");
/** DuckDB keeps its extensions below the home of who runs it. */
const HOME = join(FOLDER, "home");

const PACKAGES = [
  "chdb==4.4.0",
  "deltalake==1.6.6",
  "duckdb-cli==1.5.5",
  "duckdb-extension-delta==1.5.5",
  "duckdb-extension-httpfs==1.5.5",
  "polars==2.1.0",
  "pyspark==4.0.1",
];

/** Of the SDK of S3 only what the file system of Hadoop calls: all of it is half a gigabyte. */
const JAR_VERSIONS: readonly [group: string, name: string, version: string][] = [
  ["io.delta", "delta-spark_2.13", "4.0.0"],
  ["org.apache.hadoop", "hadoop-aws", "3.4.1"],
  ["software.amazon.awssdk", "s3", "2.57.8"],
  ["software.amazon.awssdk", "s3-transfer-manager", "2.57.8"],
  ["software.amazon.awssdk", "sts", "2.57.8"],
  ["software.amazon.awssdk", "apache-client", "2.57.8"],
];
/** Spark has these itself, in other versions; `bundle` is all of the SDK. */
const LEFT_OUT: readonly [group: string, name: string][] = [
  ["org.slf4j", "*"],
  ["io.netty", "*"],
  ["org.scala-lang", "*"],
  ["software.amazon.awssdk", "bundle"],
];

/** Two engines, of what a newcomer can install in a minute. */
export const ENGINES_BY_PIP = `python3 -m venv ${PYTHON} && ${join(PYTHON, "bin/pip")} install ` +
  PACKAGES.filter((name) => /^(chdb|polars|deltalake)=/.test(name)).join(" ");

if (IS_FULL) install();

/** Which engines can be run here. */
export const HAS_ENGINE: Readonly<Record<Engine, boolean>> = {
  polars: pythonWith("polars", "deltalake") !== undefined,
  duckdb: isThere(DUCKDB) && isThere(join(HOME, ".duckdb")),
  clickhouse: pythonWith("chdb") !== undefined,
  spark: pythonWith("pyspark") !== undefined && isThere(JARS) && works("java", ["-version"]),
};

/** Fills the folder with what is missing of it. What cannot be had is said, and left out. */
function install(): void {
  Deno.mkdirSync(HOME, { recursive: true });
  const step = (what: string, is_there: boolean, program: string, args: string[]) => {
    if (!is_there && !works(program, args)) console.log(`left out: ${what} for other engines`);
  };
  const python = join(PYTHON, "bin/python3");
  step("a venv", isThere(python), "python3", ["-m", "venv", PYTHON]);
  const names = ["chdb", "deltalake", "duckdb_extension_delta", "polars", "pyspark"];
  const pip = ["-m", "pip", "install", "-q", "--disable-pip-version-check", ...PACKAGES];
  step("packages of PyPI", pythonWith(...names) === PYTHON, python, pip);
  for (const name of ["delta", "httpfs"]) {
    const load = `INSTALL '${extensionFile(name)}'; LOAD ${name}`;
    const args = ["-c", `HOME='${HOME}' '${DUCKDB}' -unsigned -c "${load}"`];
    step(`DuckDB's ${name}`, false, "sh", args);
  }
  if (!isThere(JARS)) installJars();
}

function installJars(): void {
  const exclusions = LEFT_OUT.map(([group, name]) =>
    `<exclusion><groupId>${group}</groupId><artifactId>${name}</artifactId></exclusion>`
  ).join("");
  const dependencies = JAR_VERSIONS.map(([group, name, version]) =>
    `<dependency><groupId>${group}</groupId><artifactId>${name}</artifactId>` +
    `<version>${version}</version><exclusions>${exclusions}</exclusions></dependency>`
  ).join("\n");
  const pom = join(FOLDER, "pom.xml");
  Deno.writeTextFileSync(
    pom,
    `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tests</groupId><artifactId>jars</artifactId><version>1</version><packaging>pom</packaging>
<dependencies>${dependencies}</dependencies></project>\n`,
  );
  const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
  const fresh = `${JARS}.new`;
  if (works("mvn", ["-q", "-B", "-f", pom, goal, `-DoutputDirectory=${fresh}`])) {
    Deno.renameSync(fresh, JARS);
  } else console.log("left out: Spark, since Maven (mvn) does not bring its jars");
}

function extensionFile(name: string): string {
  const folder = join(sitePackages(PYTHON) ?? "", `duckdb_extension_${name}`, "extensions");
  const [version] = isThere(folder) ? [...Deno.readDirSync(folder)] : [];
  return join(folder, version?.name ?? "", `${name}.duckdb_extension`);
}

function isThere(path: string): boolean {
  return systemFiles().facts(path) !== undefined;
}

function sitePackages(venv: string): string | undefined {
  const lib = join(venv, "lib");
  const [python] = isThere(lib) ? [...Deno.readDirSync(lib)].map(({ name }) => name) : [];
  return python && join(lib, python, "site-packages");
}

/** The folder of a Python that has packages; looking takes no process. */
export function pythonWith(...packages: string[]): string | undefined {
  return [PYTHON, join(CACHE, "python")].find((venv) => {
    const found = sitePackages(venv);
    return found && packages.every((name) => isThere(join(found, name)));
  });
}

function pythonOf(...packages: string[]): string {
  return join(pythonWith(...packages) ?? "", "bin/python3");
}

const MARK = "@@answer ";

/** What a process is given, and what it is asked. */
interface Session {
  program: string;
  args: string[];
  stdin?: string;
  env?: Record<string, string>;
}

/** Of each engine: how it runs lines, and after them each question. An answer is a line: the mark, and JSON. */
const SESSIONS: Readonly<
  Record<Engine, (lines: string, questions: readonly string[], folder: string) => Session>
> = {
  duckdb: (lines, questions) => ({
    program: DUCKDB,
    args: ["-bail"],
    stdin: lines +
      questions.map((question) =>
        `.mode list\n.header off\nSELECT '${MARK}' || coalesce(to_json(list(q)), '[]') FROM (${question}) q;\n`
      ).join(""),
    env: { HOME },
  }),
  clickhouse: (lines, questions) => ({
    program: pythonOf("chdb"),
    args: [
      "-c",
      `import json, sys
from chdb import session
asked = json.load(sys.stdin)
chdb = session.Session()
chdb.query(asked["lines"])
for question in asked["questions"]:
    rows = str(chdb.query(question, "JSONEachRow")).splitlines()
    print("${MARK}" + json.dumps([json.loads(row) for row in rows]))
`,
    ],
    stdin: JSON.stringify({ lines, questions }),
  }),
  polars: (lines, questions) => ({
    program: pythonOf("polars", "deltalake"),
    args: ["-"],
    stdin: `${lines}
import hashlib, json
def digest(table, columns):
    count, total = 0, 0
    for row in tables[table].select(columns).collect().iter_rows():
        text = "|".join({None: "~", True: "true", False: "false"}[value] if value is None or
            isinstance(value, bool) else str(value) for value in row)
        count, total = count + 1, total + int(hashlib.md5(text.encode()).hexdigest()[:8], 16)
    return [{"count": str(count), "digest": str(total)}]
${
      questions.map((question) => `print("${MARK}" + json.dumps(${question}, default=str))\n`)
        .join("")
    }`,
  }),
  spark: (lines, questions, folder) => {
    const script = join(folder, "spark.py");
    Deno.writeTextFileSync(
      script,
      `${lines}
import json
def rows(question):
    return [row.asDict() for row in spark.sql(question).collect()]
try:
${
        questions.map((question) => {
          const code = /^[a-z]\w*\(/.test(question)
            ? question
            : `rows(${JSON.stringify(question)})`;
          return `    print("${MARK}" + json.dumps(${code}, default=str), flush=True)\n`;
        }).join("")
      }finally:
    spark.stop()
`,
    );
    const home = join(sitePackages(pythonWith("pyspark")!)!, "pyspark");
    const conf = {
      "spark.driver.host": "127.0.0.1",
      "spark.ui.enabled": "false",
      "spark.local.dir": folder,
      // Small sizes: by default a query is cut into 200 pieces, and a snapshot into 50.
      "spark.databricks.delta.snapshotPartitions": "2",
      "spark.sql.shuffle.partitions": "4",
      "spark.sql.sources.parallelPartitionDiscovery.parallelism": "4",
    };
    return {
      program: join(home, "bin/spark-submit"),
      args: [
        // Executors are processes of their own, as on many hosts.
        "--master",
        "local-cluster[2,1,1024]",
        ...Object.entries(conf).flatMap(([name, value]) => ["--conf", `${name}=${value}`]),
        script,
      ],
      env: {
        SPARK_HOME: home,
        SPARK_LOCAL_IP: "127.0.0.1",
        SPARK_DIST_CLASSPATH: `${JARS}/*`,
        SPARK_WORKER_DIR: folder,
        PYSPARK_PYTHON: pythonOf("pyspark"),
      },
    };
  },
};

/** Runs an engine's lines, and asks; the answer to each question. */
export async function ask(
  engine: Engine,
  lines: string,
  questions: readonly string[],
  { env, folder }: { env: Readonly<Record<string, string>>; folder: string },
): Promise<unknown[][]> {
  const session = SESSIONS[engine](lines, questions, folder);
  const child = new Deno.Command(session.program, {
    args: session.args,
    cwd: folder,
    env: { ...env, ...session.env },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(session.stdin ?? ""));
  await writer.close();
  const { code, stdout, stderr } = await child.output();
  const [said, complaints] = [stdout, stderr].map((bytes) => new TextDecoder().decode(bytes));
  const answers = said.split("\n").filter((line) => line.startsWith(MARK))
    .map((line) => JSON.parse(line.slice(MARK.length)));
  if (code === 0 && answers.length === questions.length) return answers;
  throw new Error(
    `${engine} ended with ${code}:\n${said.slice(-2_000)}\n${complaints.slice(-6_000)}`,
  );
}

/** The question for how many rows a table has, and the sum of their digests; of each engine in its own words. */
export const DIGEST_OF: Readonly<
  Record<Engine, (table: string, columns: readonly string[]) => string>
> = {
  duckdb: (table, columns) => {
    const texts = columns.map((name) => `coalesce("${name}"::varchar, '~')`);
    return `SELECT count(*)::varchar AS count,
      coalesce(sum(('0x' || substr(md5(concat_ws('|', ${texts})), 1, 8))::bigint), 0)::varchar AS digest
      FROM ${table}`;
  },
  clickhouse: (table, columns) => {
    const texts = columns.map((name) => `ifNull(toString(\`${name}\`), '~')`);
    return `SELECT toString(count()) AS count, toString(sum(reinterpretAsUInt32(reverse(substring(
      MD5(concatWithSeparator('|', ${texts})), 1, 4))))) AS digest FROM ${table}`;
  },
  polars: (table, columns) => `digest("${table}", ${JSON.stringify(columns)})`,
  spark: (table, columns) => {
    const texts = columns.map((name) => `coalesce(cast(\`${name}\` AS string), '~')`);
    return `SELECT cast(count(*) AS string) AS count, cast(coalesce(sum(cast(conv(substr(md5(
      concat_ws('|', ${texts})), 1, 8), 16, 10) AS bigint)), 0) AS string) AS digest FROM ${table}`;
  },
};
