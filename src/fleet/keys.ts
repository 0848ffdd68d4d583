/**
 * Credentials of an object store: from the environment, or from a file that its owner alone may read. They
 * are never written, logged or quoted. The file is read again when the store refuses them: a key
 * that expires is replaced there while a shipper runs.
 */
import { LedgerError, quoted } from "../base/error.ts";
import { key_file_bytes_max } from "../base/limits.ts";
import type { World } from "../base/world.ts";

/** What a request is signed with. */
export interface StoreKeys {
  access_key_id: string;
  secret_access_key: string;
  session_token?: string;
  region: string;
}

const NAMES = {
  access_key_id: "AWS_ACCESS_KEY_ID",
  secret_access_key: "AWS_SECRET_ACCESS_KEY",
  session_token: "AWS_SESSION_TOKEN",
  region: "AWS_REGION",
} as const;
/** That of a store which does not ask for one. */
export const DEFAULT_REGION = "us-east-1";
const LINE = /^(?:export\s+)?([A-Za-z_]+)\s*=\s*(.*)$/;

/** Where the keys of one store come from. */
export class KeySource {
  constructor(
    readonly world: World,
    /** A key file; absent where the environment has them. */
    readonly path?: string,
  ) {}

  /** The keys as they are right now. */
  read(): StoreKeys {
    const value = this.path === undefined ? (name: string) => this.world.env(name) : this.#file();
    const [access_key_id, secret_access_key] = [NAMES.access_key_id, NAMES.secret_access_key]
      .map((name) => value(name) || this.#lacking(name));
    const session_token = value(NAMES.session_token) || undefined;
    return {
      access_key_id,
      secret_access_key,
      region: value(NAMES.region) || DEFAULT_REGION,
      ...(session_token === undefined ? {} : { session_token }),
    };
  }

  #lacking(name: string): never {
    throw new LedgerError({
      code: "usage",
      message: `there are no keys for the object store: ${name} is not ` +
        (this.path === undefined ? "in the environment" : `in ${this.path}`),
      hint: `set ${NAMES.access_key_id} and ${NAMES.secret_access_key}, or name a file that has ` +
        "them: --keys FILE",
    });
  }

  #file(): (name: string) => string | undefined {
    const path = this.path!;
    const { files } = this.world;
    const facts = files.facts(path);
    if (!facts?.is_file || facts.size_bytes > key_file_bytes_max) {
      throw new LedgerError({
        code: facts ? "invalid" : "not_found",
        message: facts ? `${quoted(path)} is no key file` : `there is no key file ${quoted(path)}`,
        where: { path },
        hint: `it holds lines such as ${NAMES.access_key_id}=…`,
      });
    }
    if (((facts.mode ?? 0) & 0o077) !== 0) {
      throw new LedgerError({
        code: "invalid",
        message: `the key file ${quoted(path)} can be read by others`,
        where: { path },
        hint: `chmod 600 ${path}`,
      });
    }
    const values = new Map<string, string>();
    const sections = new Set<string>();
    for (const text of files.readText(path).split(/\r?\n/)) {
      const line = text.trim();
      if (/^\[.*\]$/.test(line)) sections.add(line);
      const [, name, value] = LINE.exec(line) ?? [];
      if (name !== undefined) values.set(name.toUpperCase(), value.replace(/^(["'])(.*)\1$/, "$2"));
    }
    if (sections.size > 1) {
      throw new LedgerError({
        code: "invalid",
        message: `the key file ${quoted(path)} has ${sections.size} profiles`,
        where: { path },
        hint: "put the one that is meant into a file of its own",
      });
    }
    return (name) => values.get(name);
  }
}
