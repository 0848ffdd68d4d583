/**
 * Secret scanner: what looks like a key or a password, in names of files, lines of code, command lines
 * and URLs. It rather masks too much: code can be had again, a secret that got out cannot.
 */
import { basename } from "@std/path";

/** Stands for what was masked. */
export const MASK = "[masked]";

const SECRET_FOLDER = /^(\.env.*|credentials.*|secrets?|\.ssh|\.aws|\.gnupg|\.kube|\.docker)$/i;
const SECRET_FILE =
  /^(id_.*|.*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|asc|gpg)|secrets?\..*|\.netrc|_netrc|\.npmrc|\.pypirc|\.pgpass|\.htpasswd|\.git-credentials|.*wallet.*\.(json|dat)|keypair.*)$/i;

/** Whether a file's name says that secrets are in it; its folders are looked at too. */
export function isSecretName(path: string): boolean {
  return path.split("/").some((step) => SECRET_FOLDER.test(step)) ||
    SECRET_FILE.test(basename(path)) || maskPath(path) !== path;
}

/** A path without the names in it that are secrets themselves. */
export function maskPath(path: string): string {
  return path.split("/").map((step) => new SecretLines().isSecret(step) ? MASK : step).join("/");
}

/** Keys that are known by their form alone. */
const KNOWN_KEY = new RegExp(
  [
    /\b(AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[0-9A-Z]{16}\b/,
    /\bgh[pousr]_[0-9A-Za-z]{20,}|\bgithub_pat_[0-9A-Za-z_]{20,}|\bglpat-[0-9A-Za-z_-]{16,}/,
    /\bxox[abeoprs]-[0-9A-Za-z-]{10,}|\bxapp-[0-9A-Za-z-]{10,}/,
    /\bAIza[0-9A-Za-z_-]{30,}|\bya29\.[0-9A-Za-z_-]{20,}|\bGOCSPX-[0-9A-Za-z_-]{20,}/,
    /\b(sk|pk|rk)_(live|test)_[0-9A-Za-z]{10,}|\bwhsec_[0-9A-Za-z]{10,}/,
    /\bsk-(ant-|proj-|or-)?[0-9A-Za-z_-]{20,}|\bhf_[0-9A-Za-z]{20,}|\br8_[0-9A-Za-z]{20,}/,
    /\bnpm_[0-9A-Za-z]{30,}|\bpypi-[0-9A-Za-z_-]{30,}|\bdop_v1_[0-9a-f]{30,}/,
    /\bSG\.[0-9A-Za-z_-]{16,80}\.[0-9A-Za-z_-]{16}|\bkey-[0-9a-f]{32}\b|\bSK[0-9a-f]{32}\b/,
    /\beyJ[0-9A-Za-z_-]{8,160}\.eyJ[0-9A-Za-z_-]{8}/,
    /\b[0-9]{8,10}:[0-9A-Za-z_-]{35}\b/,
    /hooks\.slack\.com\/services\/\w|discord(app)?\.com\/api\/webhooks\/\d/,
    /\b(infura\.io|alchemy\.com|alchemyapi\.io|quiknode\.pro|ankr\.com)\/([\w-]{1,20}\/){0,3}[0-9A-Za-z_-]{20}/,
    /\b(AccountKey|SharedAccessKey|sig)=[0-9A-Za-z+/%]{20,}/,
    /-----BEGIN [A-Z0-9 ]*PRIVATE KEY/,
  ].map(({ source }) => source).join("|"),
);

const SECRET_WORD = /key|token|secret|passw|passphrase|pwd|credential|auth|bearer|mnemonic/i;
/** A password need not look like one: what is given to it as a text is enough. */
const GIVEN_PASSWORDS = new RegExp(
  [
    // password = "…", "api_key": "…", set_password("…")
    /(passw(or)?d|passphrase|pwd|secret|mnemonic|(api|access|auth|private)_?(key|token))\w{0,40}["'\]]{0,3}\s{0,9}(=|:|=>|,|\()\s{0,9}[brfu]{0,2}(["'`])[^"'`\s]{4}/,
    /mnemonic\w{0,40}["'\]]{0,3}\s{0,9}[=:]\s{0,9}["'`]\w/,
    /auth\w{0,40}\s{0,9}=\s{0,9}\(\s{0,9}["'][^"']{1,80}["']\s{0,9},\s{0,9}["'][^"'\s]{3}/,
    /\b(pwd|password)\s{0,3}=\s{0,3}[^;'"\s(){},$]{4,80};/,
    /\bmachine \S{1,80} login \S{1,80} password \S/,
    /\bauthorization["']?\s{0,3}[:=,]\s{0,3}["']?\w{1,20} [\w.~+/=-]{6}|\bbearer [\w.~+/=-]{12}/,
  ].map(({ source }) => source).join("|"),
  "i",
);
const GIVEN_USER = /\s(-u|--user) \w[\w.-]{0,80}:\S{4}/;
/** In a file of settings texts have no quotes; what may be code has the name of a value there. */
const SET_PASSWORD =
  /^\s*(export\s+)?[\w.-]{0,60}(passw(or)?d|passphrase|pwd|secret|token|(api|access|private)_?key)(\s{0,9}[=:]\s{0,9})([^\s"'(){}[\],;.$<]{6,})\s*$/i;

function setsPassword(line: string): boolean {
  const [, , , , , sign, value] = SET_PASSWORD.exec(line) ?? [];
  if (value === undefined) return false;
  const is_name = /^[A-Za-z_]+$/.test(value) && /\s=/.test(sign);
  const is_type = /^[A-Z][A-Za-z]*$/.test(value) && sign.includes(":");
  return !is_name && !is_type;
}

/** Digests stand beside keys in many files, and are none. */
const DIGEST =
  /\b(sha\d+[-:=]|(checksum|integrity|digest|hash|commit)"?\s*[:=]\s*"?)[\w+/=]{20,}/gi;
const WORD_OF_KEY = /[A-Za-z0-9+/=_-]{12,}/g;
const PIECE_CHARS_MIN = 10;
/** Letters of both cases and figures change places this often in random text, words of a name less. */
const CHANGES_OF_RANDOM = 0.25;
const HEX = /^(0x)?(?=.*[a-f])(?=.*\d)[0-9a-f]{32,}$/i;

/** Whether a word is likely drawn at random: how often its characters change their kind says so. */
function isRandom(word: string): boolean {
  return word.split(/[_\-=+/]/).some((piece) => {
    if (piece.length < PIECE_CHARS_MIN) return false;
    if (HEX.test(piece)) return true;
    let changes = 0;
    for (let at = 1; at < piece.length; at++) {
      if (kindOf(piece.charCodeAt(at)) !== kindOf(piece.charCodeAt(at - 1))) changes++;
    }
    return changes / (piece.length - 1) >= CHANGES_OF_RANDOM;
  });
}

function kindOf(code: number): number {
  return code <= 57 ? 0 : code <= 90 ? 1 : 2;
}

/** What follows a scheme and stands before the host; `git@` is in every URL of the kind. */
const URL_USER = /\b([a-z][a-z0-9+.-]{0,20}:\/\/)(?!git@)[^\s/?#@"'`<>]{1,400}@/gi;
const SCP_USER = /^(?!git@)[\w.+-]+@(?=[\w.-]+:(?!\/\/))/;

/** Judges lines one after another: a key may stand a line below the word that says so. */
export class SecretLines {
  #is_in_block = false;
  #after_word = false;

  /** Lines of lock files are full of digests: there, only keys of a known form are masked. */
  constructor(readonly is_lock_file = false) {}

  /** Whether a line has to be masked. */
  isSecret(line: string): boolean {
    if (/-----BEGIN [A-Z0-9 ]*PRIVATE KEY/.test(line)) this.#is_in_block = true;
    if (this.#is_in_block) {
      if (/-----END /.test(line)) this.#is_in_block = false;
      return true;
    }
    if (KNOWN_KEY.test(line) || (line.includes("://") && line.search(URL_USER) >= 0)) return true;
    if (this.is_lock_file) return false;
    const was_after_word = this.#after_word;
    this.#after_word = SECRET_WORD.test(line);
    // Most lines of most files end here.
    if (!this.#after_word && !was_after_word) return GIVEN_USER.test(line);
    let is_random = false;
    const rest = line.replace(DIGEST, "").replace(WORD_OF_KEY, (word) => {
      if (!isRandom(word)) return word;
      is_random = true;
      return "";
    });
    // A word for it that stands in the random text itself says nothing.
    this.#after_word = SECRET_WORD.test(rest);
    if (is_random && (this.#after_word || was_after_word)) return true;
    return GIVEN_PASSWORDS.test(line) || GIVEN_USER.test(line) || setsPassword(line);
  }
}

/** A text without the users of its URLs, and without keys; how much of it was masked is counted. */
export function maskUrl(url: string): { text: string; masked: number } {
  return counting((mask) => {
    const without_user = url.replace(URL_USER, (_, scheme) => `${scheme}${mask()}@`)
      .replace(SCP_USER, () => `${mask()}@`)
      .replace(
        /([?&][^=&#]{0,40}(key|token|secret|passw|auth|sig)[^=&#]{0,40}=)[^&#\s]+/gi,
        (_, name) => {
          return `${name}${mask()}`;
        },
      );
    return KNOWN_KEY.test(without_user) ? mask() : without_user;
  });
}

const SECRET_OPTION =
  /^(?!.*(sort|group|primary|partition|join|row|cache|order)[-_]?key$|.*(low|high|band|all|first|single|multi|two)[-_]pass$)-{0,2}([\w.-]*(key|token|(secret|passw(or)?d|passphrase|pwd|credential)s?|auth|mnemonic)|([\w.-]*[-_.])?(pass|pw))$/i;
/** Programs that take a password behind a short option, with a blank between or without. */
const SHORT_OPTIONS: readonly [program: RegExp, option: string][] = [
  [/^(mysql\w*|mariadb[\w-]*|sshpass|mongo\w*|7z\w*|docker|podman|az)$/, "-p"],
  [/^redis-cli$/, "-a"],
  [/^ldap\w+$/, "-w"],
  [/^(un)?zip$/, "-P"],
];
/** What such an option is followed by that is no password: another option, and a pair of ports. */
const OF_SHORT_OPTION = /^-|^[\d.]*:?\d+:\d+$/;
/** What `-p` is followed by elsewhere: ports, and files of parameters. */
const NO_PASSWORD =
  /^(-|\d+([:.]\d+)*$|.*\.(json|ndjson|jsonl|ya?ml|toml|ini|cfg|csv|parquet|py|ts|js|r|sql|txt)$)/i;
/** `-pWORD`, and no long option behind one dash: those are small letters. */
const JOINED = /^(-p)(?=.*[A-Z\d!@#$%^&*])(?![a-z-]+[=:])(.+)$/;
/** `--token 3`: a position or a count. */
const NUMBER = /^-?\d{1,7}(\.\d+)?$/;
const OPTION = /^(-{0,2}[\w.-]+)([=:])([\s\S]+)$/;

/** A command line without its secrets: values of options that say so, keys, users of URLs. */
export function maskWords(words: readonly string[]): { words: string[]; masked: number } {
  let masked = 0;
  const mask = () => {
    masked++;
    return MASK;
  };
  const maskValue = (word: string): string => {
    const [, name, sign, value] = OPTION.exec(word) ?? [];
    // The name of an option may stay.
    const has_name = value !== undefined && !value.startsWith("//");
    if (has_name && SECRET_OPTION.test(name) && !NUMBER.test(value)) {
      return `${name}${sign}${mask()}`;
    }
    if (has_name && name.startsWith("-")) return `${name}${sign}${maskValue(value)}`;
    const url = maskUrl(word);
    masked += url.masked;
    if (url.masked > 0) return url.text;
    const lines = new SecretLines();
    const inner = word.trim().split(/\s+/);
    const is_secret = word.split("\n").some((line) => lines.isSecret(line)) ||
      (inner.length > 1 && maskWords(inner).masked > 0);
    if (!is_secret) return word;
    return has_name ? `${name}${sign}${mask()}` : mask();
  };
  let short_option: string | undefined;
  let has_password = false;
  const shown = words.map((word, index) => {
    const before = words[index - 1] ?? "";
    const of_program = SHORT_OPTIONS.find(([program]) => program.test(basename(word)))?.[1];
    if (of_program) has_password = false;
    short_option = of_program ?? short_option;
    // The first number there is a password; a later one may be the port of a program behind it.
    const is_first = before === short_option && !has_password && !OF_SHORT_OPTION.test(word);
    const is_short = is_first ||
      ((before === "-p" || before === short_option) && !NO_PASSWORD.test(word));
    const [, option, joined] = JOINED.exec(word) ?? [];
    const is_joined = short_option !== undefined && word.startsWith(short_option) &&
      word !== short_option;
    if (is_joined || is_short) has_password = true;
    if (is_joined || (joined !== undefined && !NO_PASSWORD.test(joined))) {
      return `${is_joined ? short_option : option}${mask()}`;
    }
    const is_value = before.startsWith("-") && SECRET_OPTION.test(before) &&
      !word.startsWith("--") && !NUMBER.test(word);
    const is_user = /^(-u|--(proxy-)?user)$/.test(before) && /^[^/]+:./.test(word);
    return is_value || is_user || is_short ? mask() : maskValue(word);
  });
  return { words: shown, masked };
}

function counting(body: (mask: () => string) => string): { text: string; masked: number } {
  let masked = 0;
  const text = body(() => {
    masked++;
    return MASK;
  });
  return { text, masked };
}
