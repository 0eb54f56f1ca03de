/** The world at an instant: views, the cells of each store, and where each actor is in its code. */

import { useState } from "preact/hooks";
import { Value } from "./Value.jsx";

/** @typedef {import("./walk.js").State} State */
/** @typedef {import("./tables.js").Reader} Reader */
/** @typedef {import("./document").Cell} Cell */

const FAMILY_MIN = 8;

/**
 * @param {{
 *   reader: Reader, cells: Cell[], state: State, before: State | null, next: Set<number>, ever: Set<number>,
 *   other?: State | null, label: string, acting: string, nextActing: string, isEnded?: (actor: string) => boolean,
 * }} props
 */
export function World({ reader, cells, state, before, next, ever, other = null, label, acting, nextActing }) {
  const groups = grouped(cells, ever);
  return (
    <section class="world" aria-label={label}>
      <div class="stores">
        {state.views.size > 0 && <Views reader={reader} state={state} before={before} />}
        {groups.map(([store, members]) => (
          <Store key={store} store={store} members={members} reader={reader} state={state} before={before} next={next} other={other} />
        ))}
      </div>
      <Actors reader={reader} state={state} before={before} acting={acting} nextActing={nextActing} />
    </section>
  );
}

/** @param {{reader: Reader, state: State, before: State | null}} props */
function Views({ reader, state, before }) {
  return (
    <div class="store views">
      <h3 class="store-name">views</h3>
      <dl>
        {[...state.views].map(([name, value]) => {
          const was = before?.views.get(name);
          const isChanged = before !== null && was !== value;
          return (
            <div class={`cell${isChanged ? " changed" : ""}`} key={name} data-view={reader.text(name)}>
              <dt>{reader.text(name)}</dt>
              <dd><Value value={reader.value(value)} before={reader.value(was ?? null)} isChanged={isChanged} /></dd>
            </div>
          );
        })}
      </dl>
    </div>
  );
}

/** @typedef {{name: string, numbers: number[]}} MemberOf */

/** @param {{store: string, members: MemberOf[], reader: Reader, state: State, before: State | null, next: Set<number>, other: State | null}} props */
function Store({ store, members, reader, state, before, next, other }) {
  // What is absent, and is not about to change, takes a line for all of it.
  const isQuiet = (/** @type {MemberOf} */ { numbers }) => numbers.every((each) => !state.cells.has(each) && !before?.cells.has(each) && !next.has(each) && !other?.cells.has(each));
  const quiet = members.filter(isQuiet);
  return (
    <div class="store">
      <h3 class="store-name">{store}</h3>
      <dl>
        {members.filter((each) => !isQuiet(each)).map((member) => (
          <Member key={member.name} member={member} reader={reader} state={state} before={before} next={next} other={other} />
        ))}
      </dl>
      {quiet.length > 0 && <p class="quiet"><span class="absent">absent:</span> {quiet.map(({ name, numbers }) => (
        <span class="gone" key={name} data-cell={numbers.length > 1 ? undefined : name} data-absent>{name}</span>
      ))}</p>}
    </div>
  );
}

/** @param {{member: MemberOf, reader: Reader, state: State, before: State | null, next: Set<number>, other: State | null}} props */
function Member({ member, reader, state, before, next, other }) {
  const { name, numbers } = member;
  const isFamily = numbers.length > 1;
  const isChanged = before !== null && numbers.some((each) => before.cells.get(each) !== state.cells.get(each));
  const isNext = numbers.some((each) => next.has(each));
  const isOther = other !== null && numbers.some((each) => other.cells.get(each) !== state.cells.get(each));
  const marks = [isChanged && "changed", isNext && "next", isOther && "differs"].filter(Boolean);
  const [number] = numbers;
  const value = state.cells.get(number), was = before?.cells.get(number);
  return (
    <div class={["cell", ...marks, !isFamily && value === undefined && "gone"].filter(Boolean).join(" ")} data-cell={isFamily ? undefined : name}>
      <dt title={name}>
        {name}
        {isChanged && <span class="tag">{!isFamily && was !== undefined && value === undefined ? "deleted" : "changed"}</span>}
        {isNext && <span class="tag soon">next</span>}
        {isOther && <span class="tag apart">differs</span>}
      </dt>
      <dd>
        {isFamily
          ? <Family numbers={numbers} reader={reader} state={state} before={before} />
          : <Value value={reader.value(value ?? null)} before={reader.value(was ?? null)} isChanged={isChanged && value !== undefined} />}
        {!isFamily && isChanged && value === undefined && was !== undefined && <del><Value value={reader.value(was)} /></del>}
      </dd>
    </div>
  );
}

/** Cells that differ by a number in their names, told together. @param {{numbers: number[], reader: Reader, state: State, before: State | null}} props */
function Family({ numbers, reader, state, before }) {
  /** @type {Map<string, {count: number, isNew: boolean}>} */
  const counts = new Map();
  for (const each of numbers) {
    const value = state.cells.get(each);
    const text = value === undefined ? "absent" : JSON.stringify(reader.value(value));
    const found = counts.get(text) ?? { count: 0, isNew: false };
    counts.set(text, { count: found.count + 1, isNew: found.isNew || (before !== null && before.cells.get(each) !== value) });
  }
  return (
    <span class="list">
      {[...counts].map(([text, { count, isNew }]) => (
        isNew ? <mark class="chip" key={text}>{count} × {text}</mark> : <span class="chip" key={text}>{count} × {text}</span>
      ))}
    </span>
  );
}

/** Cells by store, those of one family together. @param {Cell[]} cells @param {Set<number>} ever @returns {[string, MemberOf[]][]} */
function grouped(cells, ever) {
  /** @type {Map<string, Map<string, MemberOf>>} */
  const stores = new Map();
  const numbers = [...ever].sort((a, b) => cells[a].order - cells[b].order || a - b);
  /** @type {Map<string, number>} */
  const families = new Map();
  for (const number of numbers) {
    const family = familyOf(cells[number].cell);
    families.set(family, (families.get(family) ?? 0) + 1);
  }
  for (const number of numbers) {
    const { cell, store } = cells[number];
    const family = familyOf(cell);
    const name = (families.get(family) ?? 0) >= FAMILY_MIN ? family : cell;
    const members = stores.get(store) ?? new Map();
    stores.set(store, members);
    const member = members.get(name) ?? { name, numbers: [] };
    members.set(name, member);
    member.numbers.push(number);
  }
  return [...stores].map(([store, members]) => [store, [...members.values()]]);
}

/** @param {string} name of a cell or an actor */
function familyOf(name) {
  return name.replace(/\d+| [a-z]+$/g, "*");
}

const ACTORS_MAX = 14;

/** @param {{reader: Reader, state: State, before: State | null, acting: string, nextActing: string}} props */
function Actors({ reader, state, before, acting, nextActing }) {
  const [isAll, showAll] = useState(false);
  const all = [...state.places].map(([name, place]) => ({ number: name, name: reader.text(name), place }));
  const told = (/** @type {{name: string, place: number}} */ each) => each.name === acting || each.name === nextActing || reader.tables.places[each.place].length > 0;
  const some = all.length <= ACTORS_MAX ? all : all.filter(told).slice(0, ACTORS_MAX);
  const shown = isAll ? all : some;
  const hasEnded = (/** @type {{number: number, place: number}} */ each) => reader.tables.places[each.place].length === 0 && (before === null || before.places.get(each.number) === each.place);
  const ended = shown.filter(hasEnded);
  return (
    <div class="store actors">
      <h3 class="store-name">where each actor is in its code</h3>
      <ul>
        {alike(shown.filter((each) => !hasEnded(each)), before, nextActing).map(({ names, place, isChanged, isNext }) => (
          <Actor key={names[0]} reader={reader} names={names} place={place} isChanged={isChanged} isNext={isNext} />
        ))}
      </ul>
      {ended.length > 0 && <p class="quiet"><span class="absent">ended:</span> {ended.map(({ name }) => <span class="gone" key={name} data-actor={name}>{name}</span>)}</p>}
      {some.length < all.length && (
        <button type="button" class="plain" onClick={() => showAll(!isAll)}>
          {isAll ? "show fewer" : `show all ${all.length.toLocaleString("en")}, those that have ended too`}
        </button>
      )}
    </div>
  );
}

/**
 * Actors of a kind that are at one place, together; who moves is told alone.
 * @param {{number: number, name: string, place: number}[]} actors @param {State | null} before @param {string} nextActing
 */
function alike(actors, before, nextActing) {
  /** @type {Map<string, {names: string[], place: number, isChanged: boolean, isNext: boolean}>} */
  const groups = new Map();
  for (const { number, name, place } of actors) {
    const isChanged = before !== null && before.places.get(number) !== place, isNext = name === nextActing;
    const key = isChanged || isNext ? name : `${familyOf(name)} ${place}`;
    const group = groups.get(key) ?? { names: [], place, isChanged, isNext };
    groups.set(key, group);
    group.names.push(name);
  }
  return [...groups.values()];
}

/** @param {{reader: Reader, names: string[], place: number, isChanged: boolean, isNext: boolean}} props */
function Actor({ reader, names, place, isChanged, isNext }) {
  const lanes = reader.tables.places[place];
  const classes = ["actor", isChanged && "changed", isNext && "next"].filter(Boolean).join(" ");
  return (
    <li class={classes}>
      {names.map((name, at) => <b key={name}>{at > 0 && ", "}<span data-actor={name}>{name}</span></b>)}
      {lanes.length === 0 && <span class="absent"> has ended</span>}
      {lanes.map(([lane, awaits, lines], number) => <Place key={`${lane}${number}`} reader={reader} lane={lane} awaits={awaits} lines={lines} />)}
    </li>
  );
}

/** @param {{reader: Reader, lane: string, awaits: number, lines: [number, number][]}} props */
function Place({ reader, lane, awaits, lines }) {
  const last = lines.at(-1);
  const where = last && reader.tables.sources[last[0]];
  const line = last && where ? where.lines[last[1] - where.first] ?? "" : "";
  return (
    <details class="place">
      <summary>
        {lane && <span class="lane">{lane.slice(1)}</span>}
        <span class="awaits">awaits {reader.text(awaits)}</span>
        {where && last && <span class="where">{where.file}:{last[1]}</span>}
        <code>{line.trim()}</code>
      </summary>
      {lines.map(([source, number], depth) => <Listing key={depth} source={reader.tables.sources[source]} number={number} />)}
    </details>
  );
}

/** @param {{source: import("./document").Source, number: number}} props */
function Listing({ source, number }) {
  const at = number - source.first;
  const from = Math.max(at - 4, 0);
  return (
    <figure class="listing">
      <figcaption>{source.file}: {source.function}</figcaption>
      <pre tabIndex={0}>{source.lines.slice(from, at + 5).map((text, place) => (
        <span key={place} class={from + place === at ? "here" : ""}>{String(source.first + from + place).padStart(4)}  {text}{"\n"}</span>
      ))}</pre>
    </figure>
  );
}
