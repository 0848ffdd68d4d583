/** What looks like a secret, and what does not. */
import { assertEquals } from "@std/assert";
import { isSecretName, maskUrl, maskWords, SecretLines } from "../../src/runs/evidence/secrets.ts";

const isSecret = (text: string) => {
  const lines = new SecretLines();
  return text.split("\n").map((line) => lines.isSecret(line)).some(Boolean);
};

Deno.test("keys by their form, high entropy beside a word for it, and given passwords are secrets", () => {
  const secrets = [
    'aws = "AKIAIOSFODNN7EXAMPLE"',
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
    'api_key = "9f86d081884c7d659a2feaa0c55ad015"',
    'api_key = (\n  "9f86d081884c7d659a2feaa0c55ad015"',
    '  "token": "dGhpc2lzYXNlY3JldDEyMw"',
    "token: 550e8400-e29b-41d4-a716-446655440000",
    "PRIVATE_KEY=0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318",
    'password = "hunter2"',
    "  password: correct-horse-battery",
    "PASSWORD=hunter2",
    "pwd: hunter22",
    "export TOKEN=abcdefghij",
    "set_password('hunter22')",
    "auth = ('bob', 'hunter22')",
    "os.environ['API_TOKEN'] = 'abcdefgh1234'",
    "conn = 'Server=x;Uid=sa;Pwd=Sup3rS3cret;'",
    "machine h login bob password hunter22",
    "curl -u bob:hunter22 https://h",
    "curl -H 'Authorization: Bearer abcDEF123456ghiJKL'",
    'db = "postgres://bob:pw@host/db"',
    "rpc = https://mainnet.infura.io/v3/abcdefabcdefabcdef12",
    "token='1234567890:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw'",
    'mnemonic = "legal winner thank year wave sausage"',
    "-----BEGIN OPENSSH PRIVATE KEY-----",
  ];
  assertEquals(secrets.filter((text) => !isSecret(text)), []);
});

Deno.test("code that names keys and tokens, and digests beside them, are none", () => {
  const plain = [
    "for key in sorted(portfolio_weights_by_sector_2024):",
    'token = "BTC-USD"',
    "key=lambda row: row.timestampMilliseconds2024",
    'secret = os.environ["SECRET"]',
    "password = getpass.getpass('Password: ')",
    "self.token_count += calculateMovingAverage20(prices)",
    `"integrity": "sha512-oxVHkHR/EJf2CNXnWxRLW6mg7JyCCUcG0DtEGmL2ctUo1PNTin1PUil+r/+4r5M==", // key`,
    "token_count = 12345678",
    "self.api_key = api_key",
    "secret: SecretStr",
    "TOKEN=$TOKEN",
    "# the secret is to hold winners",
    "sort_key = 'close_price'",
  ];
  assertEquals(plain.filter(isSecret), []);
  const lock_file = new SecretLines(true);
  assertEquals(lock_file.isSecret(`keyring-1.whl = "${"ab12".repeat(16)}"`), false);
  assertEquals(lock_file.isSecret('"https://bob:pw@h/keyring.whl"'), true);
});

Deno.test("all of a private key is masked, and no more", () => {
  const lines = [
    "a",
    "-----BEGIN RSA PRIVATE KEY-----",
    "xx",
    "-----END RSA PRIVATE KEY-----",
    "b",
  ];
  const secrets = new SecretLines();
  assertEquals(lines.map((line) => secrets.isSecret(line)), [false, true, true, true, false]);
});

Deno.test("names of files say secrets", () => {
  const names = [
    ...[".env", ".env.local", ".envrc", "a/id_rsa", "x/credentials.json", "k.pem", "s.key"],
    ...[".aws/config", "conf/secrets.yml", ".netrc", "AKIAIOSFODNN7EXAMPLE.txt"],
  ];
  assertEquals(names.filter((name) => !isSecretName(name)), []);
  const plain = ["idle.py", "monkey.py", "environment.yml", "src/keys.py", "tokens.csv"];
  assertEquals(plain.filter(isSecretName), []);
});

Deno.test("users of URLs and values of options are masked, numbers and columns are not", () => {
  assertEquals(maskUrl("https://bob:tok@h/x.git").text, "https://[masked]@h/x.git");
  assertEquals(maskUrl("git@github.com:x/y.git"), { text: "git@github.com:x/y.git", masked: 0 });
  assertEquals(maskUrl("alice@h:x.git"), { text: "[masked]@h:x.git", masked: 1 });
  assertEquals(maskUrl("https://h/x?api-key=abc&y=1").text, "https://h/x?api-key=[masked]&y=1");
  const given: Record<string, string> = {
    "--token 12": "--token 12",
    "--token abc": "--token [masked]",
    "--token --next": "--token --next",
    "--sort-key=close": "--sort-key=close",
    "--header=X-Api-Key:abc": "--header=X-Api-Key:[masked]",
    "-u bob:pw": "-u [masked]",
    "TOKEN=abc": "TOKEN=[masked]",
    "--lr=0.1 --max-tokens 2048 --key close": "--lr=0.1 --max-tokens 2048 --key [masked]",
    "mysql://root:pw@h/d": "mysql://[masked]@h/d",
    "--password hunter": "--password [masked]",
    "--password=hunter": "--password=[masked]",
    "--pass hunter DB_PASS=hunter --pw=hunter": "--pass [masked] DB_PASS=[masked] --pw=[masked]",
    "--low-pass slow --band-pass=wide": "--low-pass slow --band-pass=wide",
    "-p hunter": "-p [masked]",
    "-p 8080 -p 8080:80 -p a/params.json -p --next":
      "-p 8080 -p 8080:80 -p a/params.json -p --next",
    "-pS3cret -phunter=2": "-p[masked] -phunter=2",
    "-policy fixed -params=3 -period 5": "-policy fixed -params=3 -period 5",
    "mysql -uroot -phunter db": "mysql -uroot -p[masked] db",
    "/usr/bin/sshpass -phunter ssh h -p 22": "/usr/bin/sshpass -p[masked] ssh h -p 22",
    "sshpass -p 20240101 ssh h -p 22": "sshpass -p [masked] ssh h -p 22",
    "redis-cli -a 123456 get x": "redis-cli -a [masked] get x",
    "docker run -p 8080:80 -p 127.0.0.1:1:2 x": "docker run -p 8080:80 -p 127.0.0.1:1:2 x",
    "redis-cli -a hunter get x": "redis-cli -a [masked] get x",
    "ldapsearch -w hunter -x": "ldapsearch -w [masked] -x",
    "zip -P hunter a.zip a": "zip -P [masked] a.zip a",
    "openssl rsa -passin pass:hunter": "openssl rsa -passin pass:[masked]",
  };
  for (const [line, shown] of Object.entries(given)) {
    assertEquals(maskWords(line.split(" ")).words.join(" "), shown);
  }
  assertEquals(maskWords(["sh", "-c", "mysql -phunter db | wc"]).words, ["sh", "-c", "[masked]"]);
});
