/** How reports look in a browser: on a phone and at a desk, by day and by night, and on paper. */
import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { makeReport } from "../../src/mod.ts";
import { type Lab, newLab } from "../runs/runs.ts";
import { type Browser, browserTest, type View } from "./chromium.ts";
import { fillHostile, fillLab, fillWithMany, ledgerAt, MADE_MS } from "./labs.ts";

const VIEWS: readonly View[] = [
  { width: 390, height: 844, scheme: "light" },
  { width: 390, height: 844, scheme: "dark" },
  { width: 1280, height: 900, scheme: "light" },
  { width: 1280, height: 900, scheme: "dark" },
];

const LABS: Readonly<Record<string, (lab: Lab) => Promise<unknown>>> = {
  "a lab": fillLab,
  "a thousand runs": (lab) => fillWithMany(lab, 1_000, 20),
  "hostile names": fillHostile,
  "next to nothing": async (lab) => {
    await using ledger = ledgerAt(lab, MADE_MS);
    await ledger.emitRunStarted({ run_id: "r1" });
    await ledger.sync();
  },
};

async function writeReport(lab: Lab): Promise<string> {
  await using ledger = ledgerAt(lab, MADE_MS);
  const { html, problems } = await makeReport(ledger);
  assertEquals(problems, []);
  const file = join(lab.path, "report.html");
  Deno.writeTextFileSync(file, html);
  return file;
}

/** Everything that is folded away is looked at too. */
const UNFOLD = `for (const fold of document.querySelectorAll("details")) fold.open = true`;

/** By how much the page is wider than its window, and what sticks out. */
const OVERFLOW = `(() => {
  const { scrollWidth, clientWidth } = document.documentElement;
  const out = [...document.querySelectorAll("body *")].filter((element) =>
    !element.closest(".scroll, .skip, svg") && element.getBoundingClientRect().right > clientWidth + 0.5
  ).map((element) => element.outerHTML.slice(0, 80));
  return { wider: scrollWidth - clientWidth, out: out.slice(0, 5) };
})()`;

/** Texts whose colour is too near to that of what is behind them, with the ratio. */
const PALE = `(() => {
  const parse = (text) => {
    const [r, g, b, a = 1] = text.match(/[\\d.]+/g).map(Number);
    return { r, g, b, a };
  };
  const linear = (part) => part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ({ r, g, b }) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const color = parse(getComputedStyle(at).backgroundColor);
      if (color.a === 1) return color;
      if (color.a !== 0) throw new Error("a background that shines through is not reckoned with");
    }
    throw new Error("the page has no background");
  };
  const pale = [];
  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const element = node.parentElement;
    if (node.data.trim() === "" || element.closest("title, desc, style")) continue;
    const style = getComputedStyle(element);
    if (style.visibility === "hidden" || element.getClientRects().length === 0) continue;
    texts++;
    const front = parse(element.closest("svg") ? style.fill : style.color);
    const [a, b] = [luminance(front), luminance(behind(element))].sort((a, b) => b - a);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) pale.push(ratio.toFixed(2) + " " + node.data.trim().slice(0, 40));
  }
  return { texts, pale: pale.slice(0, 5) };
})()`;

/** Labels on axes that lie over one another. */
const COLLISIONS = `(() => {
  const found = [];
  for (const chart of document.querySelectorAll("svg.chart")) {
    const labels = [...chart.querySelectorAll("text")].map((text) => [text, text.getBoundingClientRect()])
      .filter(([, box]) => box.width > 0);
    labels.forEach(([text, a], index) => {
      for (const [other, b] of labels.slice(index + 1)) {
        const across = Math.min(a.right, b.right) - Math.max(a.left, b.left);
        const down = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
        if (across > 1 && down > 4) found.push(chart.querySelector("title").textContent.slice(0, 40) + ": " + text.textContent + " / " + other.textContent);
      }
    });
  }
  return found.slice(0, 5);
})()`;

async function lookAt(browser: Browser, file: string, view: View): Promise<void> {
  const words = `${view.width} px, ${view.scheme}`;
  await browser.open(file, view);
  await browser.evaluate(UNFOLD);
  assertEquals(await browser.evaluate(OVERFLOW), { wider: 0, out: [] }, words);
  const { texts, pale } = await browser.evaluate<{ texts: number; pale: string[] }>(PALE);
  assert(texts > 20, `${words}: only ${texts} texts were looked at`);
  assertEquals(pale, [], words);
  assertEquals(await browser.evaluate(COLLISIONS), [], words);
}

for (const [what, fill] of Object.entries(LABS)) {
  browserTest(
    `a report on ${what} fits, is legible and asks for nothing, on a phone and at a desk`,
    async (browser) => {
      using lab = newLab();
      await fill(lab);
      const file = await writeReport(lab);
      const dark: string[] = [];
      for (const view of VIEWS) {
        await lookAt(browser, file, view);
        const background = await browser.evaluate<string>(
          "getComputedStyle(document.body).backgroundColor",
        );
        if (view.scheme === "dark") dark.push(background);
        else assert(!dark.includes(background), "day and night look alike");
      }
      assertEquals(browser.complaints, []);
    },
  );
}

browserTest("what a look would find fault with is found", async (browser) => {
  using lab = newLab();
  const file = join(lab.path, "bad.html");
  Deno.writeTextFileSync(
    file,
    `<!DOCTYPE html><html lang="en"><body style="background:#fff;color:#999"><p>pale</p>
     <div style="width:2000px">wide</div><svg class="chart"><title>t</title><text x="0" y="20">one</text><text x="5" y="20">two</text></svg>
     <img src="http://127.0.0.1:9/x.png" alt=""><script>console.log("x"); missing();</script></body></html>`,
  );
  await browser.open(file, VIEWS[0]);
  const { wider } = await browser.evaluate<{ wider: number }>(OVERFLOW);
  assert(wider > 1_000);
  assertEquals((await browser.evaluate<{ pale: string[] }>(PALE)).pale[0], "2.85 pale");
  assertEquals((await browser.evaluate<string[]>(COLLISIONS)).length, 1);
  const kinds = new Set(browser.complaints.map(({ kind }) => kind));
  assertEquals([...kinds].sort(), ["console", "exception", "request"]);
});

browserTest(
  "the keyboard leads through the page, and what is drawn has a name",
  async (browser) => {
    using lab = newLab();
    await fillLab(lab);
    await browser.open(await writeReport(lab), VIEWS[2]);
    await browser.press("Tab", 9);
    const first = await browser.evaluate<string>("document.activeElement.textContent");
    assertEquals(first, "Skip to the report");
    assert(
      await browser.evaluate<number>("document.activeElement.getBoundingClientRect().left") >= 0,
      "the link is seen once it has the focus",
    );
    await browser.press("Enter", 13);
    assertEquals(await browser.evaluate("document.activeElement.id"), "main");
    const facts = await browser.evaluate<Record<string, unknown>>(`({
    landmarks: ["header", "nav", "main", "footer"].map((name) => document.querySelectorAll(name).length),
    headings: document.querySelectorAll("h1").length,
    jumps: [...document.querySelectorAll("h2, h3")].some((heading, at, all) => at === 0 && heading.tagName !== "H2"),
    ids: (() => { const ids = [...document.querySelectorAll("[id]")].map(({ id }) => id); return ids.length - new Set(ids).size; })(),
    targets: [...document.querySelectorAll("a[href^='#']")].filter((link) => !document.querySelector(link.getAttribute("href"))).length,
    unnamed: [...document.querySelectorAll("svg.chart")].filter((svg) => svg.getAttribute("role") !== "img" ||
      !svg.getAttribute("aria-labelledby").split(" ").every((id) => document.getElementById(id)?.textContent.trim())).length,
    charts: document.querySelectorAll("svg.chart").length,
    captionless: [...document.querySelectorAll("table")].filter((table) => !table.caption?.textContent.trim()).length,
    headless: [...document.querySelectorAll("th")].filter((th) => !th.scope).length,
  })`);
    assertEquals(facts, {
      landmarks: [1, 1, 1, 1],
      headings: 1,
      jumps: false,
      ids: 0,
      targets: 0,
      unnamed: 0,
      charts: 21,
      captionless: 0,
      headless: 0,
    });
  },
);

browserTest(
  "on paper the page is light, fits, and leaves out what only a screen can do",
  async (browser) => {
    using lab = newLab();
    await fillLab(lab);
    const file = await writeReport(lab);
    // The width of A4 without its margins.
    await browser.open(file, { width: 688, height: 970, scheme: "dark", is_print: true });
    assertEquals(await browser.evaluate(OVERFLOW), { wider: 0, out: [] });
    assertEquals(
      await browser.evaluate("getComputedStyle(document.body).backgroundColor"),
      "rgb(255, 255, 255)",
    );
    assertEquals((await browser.evaluate<{ pale: string[] }>(PALE)).pale, []);
    assertEquals(
      await browser.evaluate("getComputedStyle(document.querySelector('nav')).display"),
      "none",
    );
    const clipped =
      `[...document.querySelectorAll(".scroll")].filter((box) => box.scrollWidth > box.clientWidth + 1).length`;
    assertEquals(await browser.evaluate(clipped), 0, "no table is cut off");
    const pdf = new TextDecoder("latin1").decode(await browser.pdf());
    assert(pdf.startsWith("%PDF-"));
  },
);
