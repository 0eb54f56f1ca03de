/** Reading the tables of a page: texts, values and places are known by their numbers. */

/** @typedef {import("./document").Tables} Tables */
/** @typedef {import("./document").Plain} Plain */

export class Reader {
  /** @param {Tables} tables */
  constructor(tables) {
    this.tables = tables;
    /** @type {(Plain | undefined)[]} */
    this.known = [];
  }

  /** @param {number | null} number */
  text(number) {
    return number === null ? "" : this.tables.texts[number];
  }

  /** A value; `undefined`: its cell is absent. @param {number | null} number @returns {Plain | undefined} */
  value(number) {
    if (number === null) return undefined;
    const chain = [];
    let at = number;
    // A value may differ from one that differs from another, and so on, a thousand times.
    while (this.known[at] === undefined) {
      const entry = this.tables.values[at];
      chain.push(at);
      if ("is" in entry) break;
      at = entry.of;
    }
    for (const each of chain.reverse()) this.known[each] = this.made(each);
    return this.known[number];
  }

  /** @param {number} number @returns {Plain} */
  made(number) {
    const entry = this.tables.values[number];
    if ("is" in entry) return entry.is;
    const base = /** @type {any} */ (this.known[entry.of]);
    if ("in" in entry) return [...base.slice(0, entry.at), ...entry.in, ...base.slice(entry.at + entry.out)];
    const made = { ...base, ...entry.put };
    for (const key of entry.drop) delete made[key];
    return made;
  }
}
