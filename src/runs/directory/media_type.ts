/** Media types: told by a file's first bytes, and where these say nothing, by its name. */
import type { FileKind } from "../manifest/attached.ts";

/** How files begin that say what they are; `?` stands for any byte. */
const SIGNATURES: readonly (readonly [media_type: string, beginning: string])[] = [
  ["image/png", "\x89PNG\r\n\x1a\n"],
  ["image/jpeg", "\xff\xd8\xff"],
  ["image/gif", "GIF8"],
  ["image/webp", "RIFF????WEBP"],
  ["application/pdf", "%PDF-"],
  ["application/vnd.apache.parquet", "PAR1"],
  ["application/gzip", "\x1f\x8b"],
  ["application/x-hdf5", "\x89HDF\r\n\x1a\n"],
];

/** So many bytes tell all of them. */
export const SIGNATURE_BYTES = Math.max(...SIGNATURES.map(([, beginning]) => beginning.length));

const OF_EXTENSIONS: Readonly<Record<string, string>> = {
  csv: "text/csv",
  htm: "text/html",
  html: "text/html",
  ipynb: "application/x-ipynb+json",
  json: "application/json",
  log: "text/plain",
  md: "text/markdown",
  ndjson: "application/x-ndjson",
  py: "text/x-python",
  svg: "image/svg+xml",
  toml: "application/toml",
  txt: "text/plain",
  yaml: "application/yaml",
  yml: "application/yaml",
  zip: "application/zip",
};

const UNKNOWN = "application/octet-stream";

const MODELS =
  /\.(bin|cbm|ckpt|h5|joblib|keras|lgb|mlmodel|onnx|pickle|pkl|pt|pth|safetensors|tflite|ubj)$/i;

/** What a file is, by its first bytes and its name. */
export function mediaTypeOf(name: string, beginning: Uint8Array): string {
  const signed = SIGNATURES.find(([, signature]) => beginsWith(beginning, signature));
  return signed?.[0] ?? OF_EXTENSIONS[/\.([a-z0-9]+)$/i.exec(name)?.[1].toLowerCase() ?? ""] ??
    UNKNOWN;
}

function beginsWith(bytes: Uint8Array, signature: string): boolean {
  return Array.from(signature).every((letter, at) =>
    letter === "?" ? at < bytes.length : bytes[at] === letter.charCodeAt(0)
  );
}

/** What a file is for, where its caller does not say. */
export function kindOfFile(name: string, media_type: string): FileKind {
  if (media_type.startsWith("image/")) return "plot";
  if (media_type === "application/x-ipynb+json") return "notebook";
  return MODELS.test(name) ? "model" : "other";
}
