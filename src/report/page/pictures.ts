/** Pictures that were attached to runs. */
import { humanBytes } from "../../base/format.ts";
import type { ReportData, ReportPicture } from "../gather/data.ts";
import { Markup, markup, named, type Piece } from "./markup.ts";
import { leftOut, runCard, section } from "./section.ts";

/** Whether there is anything to show, or to say. */
export function hasPictures({ pictures }: ReportData): boolean {
  if (pictures.kind !== "there") return true;
  return pictures.value.pictures_total + pictures.value.unread.length > 0;
}

/** The section; a page without pictures has none. */
export function picturesSection(data: ReportData): Piece {
  if (!hasPictures(data)) return null;
  const lead = "Files that were attached to runs. Each is as it was when it was attached, by its " +
    "digest, or the page says what is wrong with it.";
  return section(
    "pictures",
    "Pictures",
    lead,
    data.pictures,
    ({ pictures, pictures_total, unread }) => [
      ...unread.map(({ run_id, problem }) =>
        markup`<p class="problem"><strong>Not shown:</strong> what is attached to ${
          named(run_id)
        }: ${problem.message}.</p>`
      ),
      markup`<div class="cards wide-cards">${
        [...Map.groupBy(pictures, ({ run_id }) => run_id).values()]
          .map((of_run) =>
            runCard(of_run[0], markup`<div class="pair">${of_run.map(figureOf)}</div>`)
          )
      }</div>`,
      leftOut(pictures.length, pictures_total, "$ pictures, those of the latest runs"),
    ],
  );
}

function figureOf({ name, media_type, bytes, base64, problem }: ReportPicture): Markup {
  // Letters, digits, + and / need no escaping, and there may be millions of them.
  const source = new Markup(`data:${media_type};base64,${base64}`);
  return markup`<figure><figcaption>${named(name)} ${humanBytes(bytes)}</figcaption>${
    base64 === undefined
      ? markup`<p class="problem"><strong>Not shown:</strong> ${problem}.</p>`
      : markup`<img src="${source}" alt="${name}">`
  }</figure>`;
}
