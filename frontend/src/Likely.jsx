/** How likely: shares with their intervals; of a sweep curves and heat maps. */

import { useState } from "preact/hooks";
import { Name, short } from "./Name.jsx";
import { useWidth } from "./Stepper.jsx";
import { named, percent, verdictWords } from "./format.js";

/** @typedef {import("./document").LikelyCell} LikelyCell */
/** @typedef {import("./document").Likely} LikelyOf */

/** @param {{likely: LikelyOf, walks: import("./document").WalkEntry[]}} props */
export function Likely({ likely, walks }) {
  return (
    <section id="likely" aria-labelledby="likely-title">
      <h2 id="likely-title">How likely</h2>
      <p>{likely.runs.toLocaleString("en")} runs under each policy, with latencies drawn anew in each, and the same for all policies. The thin line is the 95 % interval.</p>
      <div class="scroll" tabIndex={0} role="region" aria-label="Share of each verdict">
        <table class="likely">
          <thead><tr><th scope="col">policy</th><th scope="col">verdict</th><th scope="col" class="wide">share of the runs</th><th scope="col">one of them</th></tr></thead>
          <tbody>{likely.cells.flatMap((cell) => Object.entries(cell.verdicts).map(([verdict, share], place) => (
            <tr key={cell.policy.name + verdict}>
              {place === 0 && <th scope="row" rowSpan={Object.keys(cell.verdicts).length}><Name name={named(cell.policy)} /></th>}
              <td><span class={`verdict ${verdict === "ok" ? "good" : "bad"}`}>{verdictWords(verdict)}</span></td>
              <td class="wide"><Bar share={share} isGood={verdict === "ok"} /></td>
              <td><One walks={walks} policy={cell.policy.name} run={share.first_run} /></td>
            </tr>
          )))}</tbody>
        </table>
      </div>
      <p class="command">See such a run: <code>{likely.run_command} --run N --policy NAME</code>; more runs, and how it depends on a latency: <code>{likely.command} --vary …</code></p>
    </section>
  );
}

/** A run with a verdict: a link to it, where it is on the page. @param {{walks: import("./document").WalkEntry[], policy: string, run: number | null}} props */
function One({ walks, policy, run }) {
  const walk = walks.find((each) => each.id === `${policy}@${run}`);
  if (walk) return <a class="one" href={`#policy=${encodeURIComponent(walk.id)}`}><span class="through">step through </span>run {run}</a>;
  return <code>--run {run}</code>;
}

/** @param {{share: import("./document").Share, isGood: boolean}} props */
function Bar({ share, isGood }) {
  return (
    <span class="interval" title={between(share)}>
      <span class="track"><span class={`filled ${isGood ? "good" : "bad"}`} style={{ width: `${100 * share.share}%` }} />
        <span class="range" style={{ left: `${100 * share.low}%`, width: `${100 * (share.high - share.low)}%` }} /></span>
      <span class="value">{atMost(share)}</span>
    </span>
  );
}

/** A share; of none or all of the runs, how far from it the truth can be. @param {import("./document").Share} share */
const atMost = ({ share, low, high }) => (share === 0 ? `< ${percent(high)}` : share === 1 ? `> ${percent(low)}` : percent(share));

/** @param {import("./document").Share} share */
const between = (share) => `${percent(share.share)} of these runs; between ${percent(share.low)} and ${percent(share.high)}`;

/** A sweep: a curve for each policy along one axis, a heat map over two, a table without any. @param {{page: import("./document").SweepPage}} props */
export function Sweep({ page }) {
  const [verdict, choose] = useState(page.failures[0] ?? "ok");
  const policies = [...new Map(page.cells.map((cell) => [cell.policy.name, cell.policy])).values()];
  return (
    <section id="likely" aria-labelledby="likely-title">
      <h2 id="likely-title">How likely</h2>
      {page.axes.length > 0 && <>
        <p class="choices"><label>Verdict <select value={verdict} onChange={(event) => choose(event.currentTarget.value)}>
          {[...page.failures, "ok"].map((each) => <option key={each} value={each}>{verdictWords(each)}</option>)}
        </select></label></p>
        {page.axes.length === 1 && <Curves page={page} policies={policies} verdict={verdict} />}
        {page.axes.length === 2 && policies.map((policy) => <HeatMap key={policy.name} page={page} policy={policy} verdict={verdict} />)}
      </>}
      <SweepTable page={page} />
      <p class="command">Again: <code>{page.command}</code>; a run of it: <code>{page.run_command}</code></p>
    </section>
  );
}

const WIDE_MAX = 900, HIGH = 320, EDGE = 54;
/** How wide a character is, about; in pixels. */
const DIGIT = 7;

/** Which labels fit along a line, from left to right; the last always, as it says where the line ends. @param {number[]} middles @param {number[]} widths */
function fitting(middles, widths) {
  const last = middles.length - 1;
  let free = -Infinity;
  return middles.map((middle, place) => {
    const ends = place === last ? Infinity : middles[last] - widths[last] / 2 - DIGIT;
    const fits = middle - widths[place] / 2 >= free && (place === last || middle + widths[place] / 2 <= ends);
    if (fits) free = middle + widths[place] / 2 + DIGIT;
    return fits || place === last;
  });
}

/** @param {{page: import("./document").SweepPage, policies: import("./document").PolicyNames[], verdict: string}} props */
function Curves({ page, policies, verdict }) {
  const [axis] = page.axes;
  const [rested, rest] = useState("");
  const [room, frame] = useWidth();
  const wide = Math.min(room || 640, WIDE_MAX);
  const scaled = (/** @type {number} */ value) => (axis.is_log ? Math.log(value) : value);
  const numbers = axis.values.map((each) => scaled(each.number));
  const least = Math.min(...numbers), most = Math.max(...numbers);
  const at = (/** @type {number} */ place) => {
    const before = Math.floor(place), after = Math.min(before + 1, numbers.length - 1);
    return numbers[before] + (place - before) * (numbers[after] - numbers[before]);
  };
  const x = (/** @type {number} */ place) => EDGE + ((wide - EDGE - 24) * (at(Math.max(0, place)) - least)) / Math.max(most - least, 1e-9);
  const y = (/** @type {number} */ share) => HIGH - 50 - (HIGH - 64) * share;
  const middles = axis.values.map((_, place) => x(place)), labelled = fitting(middles, axis.values.map(({ text }) => DIGIT * text.length));
  const hasEdge = policies.some((policy) => linesOf(page, policy.name, verdict).length > 0);
  const cellAt = (/** @type {string} */ policy, /** @type {string} */ text) => page.cells.find((cell) => cell.policy.name === policy && cell.point[axis.name] === text);
  const shares = policies.map((policy) => axis.values.map((value) => cellAt(policy.name, value.text)?.verdicts[verdict] ?? NOTHING));
  /** Whose curves lie on that of a policy, at all of these places; itself among them. @type {(hue: number, places: number[]) => number[]} */
  const equals = (hue, places) => policies.map((_, other) => other).filter((other) => places.every((place) => shares[other][place].share === shares[hue][place].share));
  // A sweep that was interrupted has no runs at some places: nothing is drawn there.
  const everywhere = axis.values.map((_, place) => place).filter((place) => shares.every((own) => own[place] !== NOTHING));
  const beside = (/** @type {number} */ number) => everywhere.slice(number - 1, number + 1);
  const isShared = everywhere.some((_, number) => number > 0 && policies.some((_, hue) => equals(hue, beside(number)).length > 1));
  return (
    <figure class="curves">
      <div ref={frame}><svg width={wide} height={HIGH} viewBox={`0 0 ${wide} ${HIGH}`} role="img" aria-label={`Share of ${verdictWords(verdict)} along ${axis.name}; the numbers are in the table below`}>
        {[0, 0.25, 0.5, 0.75, 1].map((share) => <g key={share} class="axis"><line class="grid" x1={EDGE} x2={wide - 24} y1={y(share)} y2={y(share)} /><text x={EDGE - 14} y={y(share) + 4} text-anchor="end">{100 * share} %</text></g>)}
        {axis.values.map(({ text }, place) => labelled[place] && <text key={text} class="axis" x={middles[place]} y={HIGH - 28} text-anchor="middle">{text}</text>)}
        <text class="axis" x={(EDGE + wide - 24) / 2} y={HIGH - 8} text-anchor="middle">{short(axis.name)}</text>
        {[...new Set(policies.flatMap((policy) => linesOf(page, policy.name, verdict).map(([[number]]) => number)))].map((number) => (
          <line key={number} class="edge" x1={x(placeOn(axis, number) - 0.5)} x2={x(placeOn(axis, number) - 0.5)} y1={y(1)} y2={y(0)}><title>where the window opens</title></line>
        ))}
        {policies.map((policy, hue) => {
          const own = shares[hue];
          const area = [...everywhere.map((place) => `${x(place)} ${y(own[place].high)}`), ...everywhere.map((place) => `${x(place)} ${y(own[place].low)}`).reverse()].join("L");
          return (
            <g key={policy.name} class={`hue-${hue % 6}`}>
              {area && <path class="band" d={`M${area}Z`} />}
              {stretches(everywhere.length, (number) => equals(hue, beside(number))).map(({ places, alike }) => (
                <path key={places[0]} class="curve" d={`M${places.map((number) => `${x(everywhere[number])} ${y(own[everywhere[number]].share)}`).join("L")}`} style={dashes(alike, hue)} />
              ))}
              {everywhere.map((place) => {
                const alike = equals(hue, [place]), each = own[place];
                return <circle key={place} cx={x(place)} cy={y(each.share)} r={4 + 2 * (alike.length - 1 - alike.indexOf(hue))}
                  onPointerEnter={() => rest(`${alike.map((other) => named(policies[other])).join(" and ")}, ${axis.name} ${axis.values[place].text}: ${between(each)}`)} />;
              })}
            </g>
          );
        })}
      </svg></div>
      <figcaption>{rested || policies.map((policy, hue) => <span key={policy.name} class={`legend hue-${hue % 6}`}><span class="line" /><span>{named(policy)}{equalTo(equals(hue, everywhere).filter((other) => other !== hue).map((other) => policies[other]))}</span></span>)}
        {isShared && !rested && <span class="legend note">dashes of several colors: there these curves are equal</span>}
        {hasEdge && !rested && <span class="legend note"><span class="key dashes" /><span>where the window opens: the formula, with all latencies at their means</span></span>}</figcaption>
    </figure>
  );
}

/** Where there were no runs. @type {import("./document").Share} */
const NOTHING = { share: 0, low: 0, high: 1, count: 0, first_run: null };

/** A curve in pieces, each of which the same curves share. @param {number} count @param {(place: number) => number[]} alikeUpTo */
function stretches(count, alikeUpTo) {
  /** @type {{places: number[], alike: number[]}[]} */
  const found = [];
  for (let place = 1; place < count; place += 1) {
    const alike = alikeUpTo(place), last = found.at(-1);
    if (last && last.alike.join() === alike.join()) last.places.push(place);
    else found.push({ places: [place - 1, place], alike });
  }
  return found;
}

const DASH = 9;

/** Curves that lie on one another take turns, so that each is seen. @param {number[]} alike @param {number} hue */
function dashes(alike, hue) {
  return alike.length === 1 ? {} : { strokeDasharray: `${DASH} ${DASH * (alike.length - 1)}`, strokeDashoffset: -DASH * alike.indexOf(hue) };
}

/** @param {import("./document").PolicyNames[]} others */
function equalTo(others) {
  return others.length === 0 ? "" : `, equal to ${others.map(named).join(" and ")}`;
}

/** The lines at which the window of a verdict opens or closes, for a policy. @param {import("./document").SweepPage} page @param {string} policy @param {string} verdict */
function linesOf(page, policy, verdict) {
  return page.edges.filter((each) => each.verdict === verdict && each.policies.includes(policy)).flatMap((each) => each.lines);
}

/** Where a number lies on an axis whose values are at 0.5, 1.5, …; beyond the last of them up to half a cell. @param {import("./document").SweepPage["axes"][number]} axis @param {number} number */
function placeOn(axis, number) {
  const scaled = (/** @type {number} */ value) => (axis.is_log ? Math.log(value) : value);
  const at = axis.values.map((each) => scaled(each.number));
  if (at.length === 1) return 0.5;
  let first = 0;
  while (first < at.length - 2 && (at[first + 1] - scaled(number)) * Math.sign(at[1] - at[0]) < 0) first += 1;
  const place = first + 0.5 + (scaled(number) - at[first]) / (at[first + 1] - at[first]);
  return Math.max(0, Math.min(at.length, place));
}

const ACROSS_MAX = 84, ACROSS_MIN = 27, UP = 40, BELOW = 26;

/** @param {{page: import("./document").SweepPage, policy: import("./document").PolicyNames, verdict: string}} props */
function HeatMap({ page, policy, verdict }) {
  const [across, up] = page.axes;
  const left = 16 + 8 * Math.max(...up.values.map((each) => each.text.length));
  const [room, frame] = useWidth();
  // As wide as there is room for; where there is little, it scrolls.
  const ACROSS = Math.max(ACROSS_MIN, Math.min(ACROSS_MAX, Math.floor(((room || 640) - left - 2) / across.values.length)));
  const width = left + ACROSS * across.values.length + 2, height = UP * up.values.length;
  const x = (/** @type {number} */ place) => left + ACROSS * place, y = (/** @type {number} */ place) => height - UP * place;
  const lines = linesOf(page, policy.name, verdict);
  const labelled = fitting(across.values.map((_, place) => x(place + 0.5)), across.values.map(({ text }) => 8 * text.length));
  const shareAt = (/** @type {string} */ column, /** @type {string} */ row) => page.cells.find((each) => each.policy.name === policy.name
    && each.point[across.name] === column && each.point[up.name] === row)?.verdicts[verdict];
  return (
    <figure class="heat">
      <figcaption>{named(policy)}: {verdictWords(verdict)}, in percent of the runs
        <span class="note axes"><span>↑ <Name name={short(up.name)} /></span> <span>→ <Name name={short(across.name)} /></span></span></figcaption>
      <div class="scroll" ref={frame} tabIndex={0} role="region" aria-label={`${named(policy)}: ${verdictWords(verdict)}`}>
        <svg width={width} height={height + BELOW} viewBox={`0 0 ${width} ${height + BELOW}`} role="img"
          aria-label={`Share of ${verdictWords(verdict)} over ${across.name} and ${up.name}; the numbers are in the table below`}>
          {up.values.map((row, upwards) => <g key={row.text}>
            <text x={left - 8} y={y(upwards + 0.5) + 4} text-anchor="end">{row.text}</text>
            {across.values.map((column, sideways) => {
              const share = shareAt(column.text, row.text);
              return (
                <rect key={column.text} class="cell" x={x(sideways)} y={y(upwards + 1)} width={ACROSS} height={UP} style={{ "--share": String(share?.share ?? 0) }}>
                  <title>{`${across.name} ${column.text}, ${up.name} ${row.text}: ${share ? between(share) : "no runs"}`}</title>
                </rect>
              );
            })}
          </g>)}
          {across.values.map((column, place) => labelled[place] && <text key={column.text} x={x(place + 0.5)} y={height + 18} text-anchor="middle">{column.text}</text>)}
          {["halo", "edge"].map((kind) => lines.map((line, place) => (
            <path key={kind + place} class={kind} d={`M${line.map(([one, other]) => `${x(placeOn(across, one)).toFixed(1)} ${y(placeOn(up, other)).toFixed(1)}`).join("L")}`} />
          )))}
          {up.values.map((row, upwards) => across.values.map((column, sideways) => {
            const value = shareAt(column.text, row.text)?.share;
            return <text key={column.text + row.text} class={value !== undefined && value > 0.55 ? "in full" : "in"} x={x(sideways + 0.5)} y={y(upwards + 0.5) + 5} text-anchor="middle">{value === undefined ? "-" : Math.round(100 * value)}</text>;
          }))}
        </svg>
      </div>
      {lines.length > 0 && <p class="legend note"><span class="key line" /><span>where the window opens: the formula, with all latencies at their means</span></p>}
    </figure>
  );
}

/** All numbers; what several rows have in common stands once. @param {{page: import("./document").SweepPage}} props */
function SweepTable({ page }) {
  const rows = page.cells.flatMap((cell) => Object.entries(cell.verdicts).filter(([, share]) => share.count > 0).map(([verdict, share]) => (
    { heads: [...page.axes.map((axis) => cell.point[axis.name]), named(cell.policy)], verdict, share })));
  const isLike = (/** @type {number} */ row, /** @type {number} */ other, /** @type {number} */ column) => (
    rows[row]?.heads.slice(0, column + 1).join("\0") === rows[other]?.heads.slice(0, column + 1).join("\0"));
  const span = (/** @type {number} */ row, /** @type {number} */ column) => {
    let end = row + 1;
    while (end < rows.length && isLike(row, end, column)) end += 1;
    return end - row;
  };
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label="All numbers"><table class="likely">
      <thead><tr>{page.axes.map((axis) => <th scope="col" class="varied" key={axis.name} title={axis.name}><Name name={short(axis.name)} /></th>)}<th scope="col">policy</th><th scope="col">verdict</th><th scope="col" class="wide">share</th></tr></thead>
      <tbody>{rows.map(({ heads, verdict, share }, row) => (
        <tr key={row}>
          {heads.map((text, column) => (row > 0 && isLike(row, row - 1, column) ? null : <th scope="row" key={column} rowSpan={span(row, column)}><Name name={text} /></th>))}
          <td><span class={`verdict ${verdict === "ok" ? "good" : "bad"}`}>{verdictWords(verdict)}</span></td>
          <td class="wide"><Bar share={share} isGood={verdict === "ok"} /></td>
        </tr>
      ))}</tbody></table></div>
  );
}
