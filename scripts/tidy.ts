/** The part of the gate that runs no tests: form, lint, types, and documents that are up to date. */
const STEPS: readonly (readonly [string, readonly string[]])[] = [
  ["form", ["fmt", "--check", "--quiet"]],
  ["lint", ["lint", "--quiet"]],
  ["types", [
    "check",
    "--quiet",
    "main.ts",
    "src/mod.ts",
    "scripts/",
    "tests/",
    "fixtures/embedding/",
  ]],
  ["documents", ["run", "--quiet", "-A", "scripts/readme.ts", "--check"]],
];

for (const [name, args] of STEPS) {
  const { success } = await new Deno.Command(Deno.execPath(), { args: [...args] }).spawn().status;
  if (!success) {
    console.error(`tidy: ${name} is not in order (deno ${args.join(" ")})`);
    Deno.exit(1);
  }
  console.log(`tidy: ${name} ok`);
}
