/** Values of cells, with what changed marked inside. */

/** @typedef {import("./document").Plain} Plain */

const SHOWN_MAX = 30;
const FIELDS_MAX = 12;

/** @param {{value: Plain | undefined, before?: Plain | undefined, isChanged?: boolean}} props */
export function Value({ value, before, isChanged = false }) {
  if (value === undefined) return <span class="absent">absent</span>;
  if (Array.isArray(value)) {
    return <List value={value} before={isChanged && Array.isArray(before) ? before : undefined} isNew={isChanged && !Array.isArray(before)} />;
  }
  if (value !== null && typeof value === "object") {
    const old = isChanged && before && typeof before === "object" && !Array.isArray(before) ? before : undefined;
    return <Row value={value} before={old} isNew={isChanged && !old} />;
  }
  return isChanged ? <mark>{plain(value)}</mark> : <span>{plain(value)}</span>;
}

/** @param {{value: Plain[], before: Plain[] | undefined, isNew: boolean}} props */
function List({ value, before, isNew }) {
  const marks = before ? difference(before, value) : null;
  const shown = value.slice(0, SHOWN_MAX);
  const gone = marks ? before?.slice(marks.at, marks.at + marks.out) ?? [] : [];
  const items = shown.map((each, place) => {
    const isIn = isNew || (marks !== null && place >= marks.at && place < marks.at + marks.in);
    return isIn ? <mark class="chip" key={place}>{plain(each)}</mark> : <span class="chip" key={place}>{plain(each)}</span>;
  });
  items.splice(marks?.at ?? 0, 0, ...gone.slice(0, SHOWN_MAX).map((each, place) => <del class="chip" key={`gone-${place}`}>{plain(each)}</del>));
  return (
    <span class="list">
      {items.length ? items : <span class="absent">empty</span>}
      {value.length > SHOWN_MAX && <span class="more">and {(value.length - SHOWN_MAX).toLocaleString("en")} more</span>}
    </span>
  );
}

/** @param {{value: {[key: string]: Plain}, before: {[key: string]: Plain} | undefined, isNew: boolean}} props */
function Row({ value, before, isNew }) {
  const isIn = (/** @type {string} */ key) => isNew || (before !== undefined && plain(before[key] ?? null) !== plain(value[key]));
  const all = Object.keys(value);
  // Of very many what changed is what one looks for.
  const shown = all.length <= FIELDS_MAX ? all : [...all.slice(0, FIELDS_MAX), ...(isNew ? [] : all.slice(FIELDS_MAX).filter(isIn).slice(0, FIELDS_MAX))];
  return (
    <span class="row">
      {shown.map((key) => {
        const each = value[key];
        return (
          <span class="field" key={key}>
            <span class="key">{key}</span> {isIn(key) ? <mark>{plain(each)}</mark> : <span>{plain(each)}</span>}
          </span>
        );
      })}
      {shown.length < all.length && <span class="more">and {(all.length - shown.length).toLocaleString("en")} more</span>}
    </span>
  );
}

/** Where two lists differ: from `at` on `out` elements of the first gave way to `in`. @param {Plain[]} before @param {Plain[]} after */
function difference(before, after) {
  const same = (/** @type {Plain} */ a, /** @type {Plain} */ b) => plain(a) === plain(b);
  let at = 0;
  while (at < before.length && at < after.length && same(before[at], after[at])) at += 1;
  let end = 0;
  while (end < before.length - at && end < after.length - at && same(before[before.length - 1 - end], after[after.length - 1 - end])) end += 1;
  return { at, out: before.length - at - end, in: after.length - at - end };
}

/** A value in a line: `item 2, attempt 1`. @param {Plain} value @returns {string} */
export function plain(value) {
  if (Array.isArray(value)) return `[${value.map(plain).join(", ")}]`;
  if (value !== null && typeof value === "object") return Object.entries(value).map(([key, each]) => `${key} ${plain(each)}`).join(", ");
  return value === null ? "null" : String(value);
}
