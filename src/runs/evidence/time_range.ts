/** Running minimum and maximum of a column of times, which is not known to hold any but by its name. */
import { msPerUnit, spanOf, timeOfText, type TimeSpan } from "./time_column.ts";

const RETURN = 13, SPACE = 32, QUOTE = 34, ZERO = 48, NINE = 57;

const decoder = new TextDecoder();

/** Values that say that there is none. */
const EMPTY = new Set(["", "null", "NULL", "NaN", "nan", "NaT", "NA", "None"]);
/** A day, and the time of the day if there is one, up to the zone: so digits order as times do. */
const TEXT_TIME = /^\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:[.]\d{1,9})?)?)?(Z|[+-]\d\d:?\d\d)?$/;
const DAY_CHARS = 10;

/** The least and the greatest time of a column. */
export class TimeRange {
  /** Of numbers, as they stand there. */
  #least = Infinity;
  #greatest = -Infinity;
  #unit_ms?: number;
  /** Of texts that are like no other, in ms. */
  #from_ms = Infinity;
  #to_ms = -Infinity;
  /** Of texts like the first: their days and what stands behind these, as numbers. */
  #like?: Uint8Array;
  #digits_end = 0;
  #first_day = Infinity;
  #first_rest = Infinity;
  #last_day = -Infinity;
  #last_rest = -Infinity;
  /** Whether a value is no time: then nothing can be said of the column. */
  is_unclear = false;

  constructor(readonly name: string) {}

  /** Whether numbers can be added: the first said what they count. */
  get has_unit(): boolean {
    return this.#unit_ms !== undefined;
  }

  add(bytes: Uint8Array, from: number, to: number): void {
    while (to > from && isFrame(bytes[to - 1])) to--;
    while (from < to && isFrame(bytes[from])) from++;
    if (this.#like && this.#addLike(this.#like, bytes, from, to)) return;
    let value = 0;
    let at = from;
    for (; at < to; at++) {
      const digit = bytes[at] - ZERO;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at < to || at === from) this.#addText(decoder.decode(bytes.subarray(from, to)));
    else if (this.#unit_ms !== undefined) this.addNumber(value);
    else this.#addFirstNumber(value, decoder.decode(bytes.subarray(from, to)));
  }

  addNumber(value: number): void {
    if (value < this.#least) this.#least = value;
    if (value > this.#greatest) this.#greatest = value;
  }

  #addFirstNumber(value: number, text: string): void {
    const has_unit = msPerUnit(this.name, 0) !== undefined;
    const day_ms = has_unit ? NaN : timeOfText(text);
    if (text.length === 8 && day_ms >= 0) return this.#addTime(day_ms);
    this.#unit_ms = msPerUnit(this.name, value);
    if (this.#unit_ms === undefined) this.is_unclear = true;
    else this.addNumber(value);
  }

  #addTime(time_ms: number): void {
    if (Number.isNaN(time_ms)) this.is_unclear = true;
    this.#from_ms = Math.min(this.#from_ms, time_ms);
    this.#to_ms = Math.max(this.#to_ms, time_ms);
  }

  #addText(text: string): void {
    if (EMPTY.has(text)) return;
    if (/^-?\d+[.]\d+$/.test(text)) {
      this.#unit_ms ??= msPerUnit(this.name, Number(text));
      if (this.#unit_ms === undefined) this.is_unclear = true;
      return this.addNumber(Number(text));
    }
    this.#addTime(timeOfText(text));
    const like = TEXT_TIME.exec(text);
    if (!like || this.#like || this.is_unclear) return;
    this.#like = new TextEncoder().encode(text);
    this.#digits_end = text.length - (like[1] ?? "").length;
  }

  /** Whether the text differs from the first in its digits alone; then it is counted. */
  #addLike(like: Uint8Array, bytes: Uint8Array, from: number, to: number): boolean {
    if (to - from !== like.length) return false;
    let day = 0, rest = 0;
    for (let at = 0; at < like.length; at++) {
      const byte = bytes[from + at], other = like[at];
      if (at >= this.#digits_end || other < ZERO || other > NINE) {
        if (byte !== other) return false;
      } else if (byte < ZERO || byte > NINE) return false;
      else if (at < DAY_CHARS) day = day * 10 + byte - ZERO;
      else rest = rest * 10 + byte - ZERO;
    }
    if (day < this.#first_day || (day === this.#first_day && rest < this.#first_rest)) {
      this.#first_day = day;
      this.#first_rest = rest;
    }
    if (day > this.#last_day || (day === this.#last_day && rest > this.#last_rest)) {
      this.#last_day = day;
      this.#last_rest = rest;
    }
    return true;
  }

  /** A text like the first, with these digits, as a time. */
  #timeLike(day: number, rest: number): number {
    const like = decoder.decode(this.#like);
    const digits = like.slice(0, this.#digits_end).replace(/\D/g, "").length;
    const filled = [...`${day}`.padStart(8, "0"), ...`${rest}`.padStart(digits - 8, "0")];
    let at = 0;
    const text = like.slice(0, this.#digits_end).replace(/\d/g, () => filled[at++]);
    return timeOfText(text + like.slice(this.#digits_end));
  }

  /** Undefined where no value is a time, or one is something else. */
  span(): TimeSpan | undefined {
    if (this.is_unclear) return undefined;
    const ends: number[] = [];
    if (this.#unit_ms !== undefined) {
      ends.push(this.#least * this.#unit_ms, this.#greatest * this.#unit_ms);
    }
    if (this.#from_ms <= this.#to_ms) ends.push(this.#from_ms, this.#to_ms);
    if (this.#first_day <= this.#last_day) {
      ends.push(this.#timeLike(this.#first_day, this.#first_rest));
      ends.push(this.#timeLike(this.#last_day, this.#last_rest));
    }
    return ends.length === 0 ? undefined : spanOf(Math.min(...ends), Math.max(...ends));
  }
}

/** What may stand around a value. */
function isFrame(byte: number): boolean {
  return byte === QUOTE || byte === SPACE || byte === RETURN;
}
