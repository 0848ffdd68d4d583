import { assertEquals } from "@std/assert";
import { escaped, markup, named } from "../../src/report/page/markup.ts";
import { shellQuoted } from "../../src/base/format.ts";
import { Random } from "../laws/random.ts";
import { textIn } from "./page.ts";

Deno.test("whatever goes into HTML is text there, and reads as it was", () => {
  const hostile = `<script>alert("1")</script> & 'quoted' </code>`;
  const { text } = markup`<p title="${hostile}">${hostile}</p>`;
  assertEquals(text.match(/<[^>]*>/g)?.length, 2, text);
  assertEquals(text.includes("<script"), false);
  assertEquals(textIn(/>([\s\S]*)<\/p>/.exec(text)![1]), hostile);
});

Deno.test("pieces are put in as they are, lists one after another, and nothing as nothing", () => {
  const items = ["a<b", "c"].map((item) => markup`<li>${item}</li>`);
  assertEquals(
    markup`<ul>${items}${null}${undefined}${false}${0}</ul>`.text,
    "<ul><li>a&lt;b</li><li>c</li>0</ul>",
  );
});

Deno.test("what no page can show is shown as such", () => {
  assertEquals(escaped("a\u0000b\u001bc\ud800d\u0085"), "a\ufffdb\ufffdc\ufffdd\ufffd");
  assertEquals(escaped("tab\tand\nbreak"), "tab\tand\nbreak");
});

Deno.test("a name keeps its direction to itself, and a long one is cut between characters", () => {
  assertEquals(named("\u202eevil").text, "<bdi>\u202eevil</bdi>");
  assertEquals(textIn(named("😀".repeat(100), 10).text), "😀😀😀😀…");
});

Deno.test("a shell hands over what was quoted for it, whatever is in it", async () => {
  const random = new Random(7);
  const letters = ["'", '"', "$HOME", "`id`", "\\", "!", " ", "$(id)", "x", ";", "\n", "é"];
  for (const text of random.times(60, () => random.times(6, () => random.pick(letters)).join(""))) {
    const { stdout } = await new Deno.Command("bash", {
      args: ["--norc", "-c", `printf %s ${shellQuoted(text)}`],
    }).output();
    assertEquals(new TextDecoder().decode(stdout), text);
  }
});
