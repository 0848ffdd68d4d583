/** What stands on a page, read back out of its HTML. */

const ENTITIES: Readonly<Record<string, string>> = {
  "&amp;": "&",
  "&lt;": "<",
  "&gt;": ">",
  "&quot;": '"',
  "&#39;": "'",
};

/** The text of some HTML. */
export function textIn(html: string): string {
  return html.replace(/<[^>]*>/g, "").replace(/\s+/g, " ").trim()
    .replace(/&(?:amp|lt|gt|quot|#39);/g, (name) => ENTITIES[name]);
}

/** A cell: its exact number where it has one, else its text. */
function cellOf(html: string): string | number {
  const value = /<data value="([^"]*)">/.exec(html)?.[1];
  return value === undefined ? textIn(html) : Number(value);
}

/** The rows of the first table with a caption, each a record by the headings of the columns. */
export function tableIn(page: string, caption: string): Record<string, string | number>[] {
  const begin = page.indexOf(`<caption>${caption}</caption>`);
  if (begin < 0) throw new Error(`there is no table ${caption}`);
  const table = page.slice(begin, page.indexOf("</table>", begin));
  const rows = [...table.matchAll(/<tr>([\s\S]*?)<\/tr>/g)].map(([, row]) =>
    [...row.matchAll(/<t[hd][^>]*>([\s\S]*?)<\/t[hd]>/g)].map(([, cell]) => cellOf(cell))
  );
  const [titles, ...cells] = rows;
  return cells.map((row) => Object.fromEntries(row.map((cell, at) => [String(titles[at]), cell])));
}

/** What a list of facts or tiles says, by the name of each fact; the first list after some texts. */
export function factsAfter(page: string, ...texts: string[]): Record<string, string | number> {
  let at = 0;
  for (const text of texts) at = page.indexOf(text, at);
  const begin = page.indexOf("<dl", at);
  const list = page.slice(begin, page.indexOf("</dl>", begin));
  const facts = [...list.matchAll(/<dt>([\s\S]*?)<\/dt>\s*<dd>([\s\S]*?)<\/dd>/g)];
  return Object.fromEntries(facts.map(([, name, value]) => [textIn(name), cellOf(value)]));
}

/** One section. */
export function sectionIn(page: string, id: string): string {
  const begin = page.indexOf(`<section id="${id}"`);
  return page.slice(begin, page.indexOf("</section>", begin));
}

/** The questions that a section offers, as they are typed. */
export function asksIn(section: string): string[] {
  return [...section.matchAll(/<pre[^>]*><code>([\s\S]*?)<\/code><\/pre>/g)]
    .map(([, line]) => textIn(line));
}

/** The SQL of a question, as a shell would hand it over. */
export function sqlOf(line: string): string {
  const [, double, single] = /(?:"([^"]*)"|'((?:[^']|'\\'')*)')$/.exec(line) ?? [];
  return double ?? single.replaceAll(`'\\''`, "'");
}
