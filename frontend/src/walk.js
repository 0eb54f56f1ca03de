/** A walk: the state after each of its steps. */

import { Reader } from "./tables.js";

/** @typedef {import("./document").Row} Row */
/** @typedef {import("./document").WalkEntry} WalkEntry */
/** @typedef {import("./document").WalkDocument} WalkDocument */

export const NUMBER = 0, ACTOR = 1, OPERATION = 2, ANSWER = 3, WAY = 4, AT = 5, BEGUN = 6, ANSWERED = 7, IS_WAIT = 8,
  AFTER = 9, WOKEN_BY = 10, CELLS = 11, PLACES = 12, VIEWS = 13, LEFT_OUT = 14;

/**
 * What there is after a step: by number of a cell, an actor or a view, the number of its value or place.
 * @typedef {{cells: Map<number, number>, places: Map<number, number>, views: Map<number, number>}} State
 */

export class Walk {
  /** @param {WalkEntry} entry @param {WalkDocument} walk @param {Reader} reader */
  constructor(entry, walk, reader) {
    this.entry = entry;
    this.walk = walk;
    this.reader = reader;
    this.rows = walk.steps;
    this.decisive = new Set(walk.decisive);
    this.isTimed = entry.kind === "run" || entry.kind === "example";
    this.lanes = walk.actors.map((number) => reader.text(number));
    /** @type {Map<number, number>} place of a row by the number of its step */
    this.placeOf = new Map(this.rows.map((row, place) => [row[NUMBER], place]));
    this.cellsEver = new Set([
      ...walk.begin.cells.map(([cell]) => cell),
      ...this.rows.flatMap((row) => row[CELLS].map(([cell]) => cell)),
    ]);
  }

  /** How many positions there are: the beginning, and one after each row. */
  get positions() {
    return this.rows.length + 1;
  }

  /** The row that leads to a position; `undefined`: the beginning. @param {number} position @returns {Row | undefined} */
  rowAt(position) {
    return this.rows[position - 1];
  }

  /** The number of the step at a position; 0: the beginning. @param {number} position */
  numberAt(position) {
    return position === 0 ? 0 : this.rows[position - 1][NUMBER];
  }

  /** The position after a step, or the next one that is there. @param {number} number */
  positionOf(number) {
    if (number <= 0) return 0;
    const place = this.rows.findIndex((row) => row[NUMBER] >= number);
    return place < 0 ? this.rows.length : place + 1;
  }

  /** @param {number} position @returns {State} */
  stateAt(position) {
    const begin = this.walk.begin;
    const cells = new Map(), places = new Map(), views = new Map();
    put(cells, begin.cells);
    put(places, begin.places);
    put(views, begin.views);
    for (const row of this.rows.slice(0, position)) {
      put(cells, row[CELLS]);
      put(places, row[PLACES]);
      put(views, row[VIEWS]);
    }
    return { cells, places, views };
  }

  /** The last position not after an instant. @param {number} us */
  positionAt(us) {
    let position = 0;
    while (position < this.rows.length && (this.rows[position][AT] ?? 0) <= us) position += 1;
    return position;
  }

  /** What a step is, in a line. @param {Row | undefined} row */
  told(row) {
    if (row === undefined) return "the beginning";
    if (row[LEFT_OUT]) return `${row[LEFT_OUT].toLocaleString("en")} steps left out`;
    const way = row[WAY] === null ? "" : ` [${this.reader.text(row[WAY])}]`;
    const answer = this.reader.text(row[ANSWER]);
    return `${this.reader.text(row[ACTOR])}: ${this.reader.text(row[OPERATION])}${way}${answer ? `: ${answer}` : ""}`;
  }
}

/** @param {Map<number, number>} map @param {import("./document").Pair[]} pairs */
function put(map, pairs) {
  for (const [key, value] of pairs) {
    if (value === null) map.delete(key);
    else map.set(key, value);
  }
}

/** The first position at which two walks differ; `null`: they do not. @param {Walk} one @param {Walk} other */
export function firstDifference(one, other) {
  const length = Math.min(one.rows.length, other.rows.length);
  for (let place = 0; place < length; place += 1) {
    const a = one.rows[place], b = other.rows[place];
    for (const column of [ACTOR, OPERATION, ANSWER, AT]) {
      if (a[column] !== b[column]) return place + 1;
    }
  }
  return one.rows.length === other.rows.length ? null : length + 1;
}

/** Where another walk is when one is at a position: both move together. @param {Walk} one @param {Walk} other @param {number} position */
export function follow(one, other, position) {
  const difference = firstDifference(one, other);
  if (difference === null || position < difference) return Math.min(position, other.rows.length);
  const row = one.rowAt(position);
  if (one.isTimed && other.isTimed && row && row[AT] !== null) return Math.max(other.positionAt(row[AT]), difference - 1);
  return Math.min(position, other.rows.length);
}
