/** Takes the lock of a day and holds it until its input ends: a process that does not go on. */
using file = Deno.openSync(Deno.args[0], { read: true, write: true, create: true });
file.lockSync(true);
console.log("held");
await Deno.stdin.read(new Uint8Array(1));
