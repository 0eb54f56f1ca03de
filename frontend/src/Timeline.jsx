/** The lanes of a walk from left to right: to scale where it has times, by step otherwise. */

import { useMemo, useRef } from "preact/hooks";
import { duration, instant } from "./format.js";
import { tornScale } from "./scale.js";
import { ACTOR, AFTER, ANSWERED, AT, BEGUN, IS_WAIT, LEFT_OUT, NUMBER, WOKEN_BY } from "./walk.js";

/** @typedef {import("./walk.js").Walk} Walk */
/** @typedef {import("./document").Row} Row */

const LANES_MAX = 16;
const ROW = 24;
const TOP = 26;
const HUES = 6;
/** How wide a character of the axis is, about, and what is left free beside a label; in pixels. */
const DIGIT = 6.4, GAP = 5;
/** What "first difference" takes, in pixels. */
const LABEL = 102;

/**
 * @param {{walk: Walk, position: number, onMove: (position: number) => void, width: number, byStep: boolean,
 *   arrows: boolean, difference: number | null, label: string}} props
 */
export function Timeline({ walk, position, onMove, width, byStep, arrows, difference, label }) {
  const left = width < 600 ? 92 : 132;
  const inner = Math.max(width - left - 14, 60);
  const lanes = useMemo(() => lanesOf(walk), [walk]);
  const scale = useMemo(() => (byStep ? null : tornScale(instantsOf(walk), inner)), [walk, inner, byStep]);
  const drawing = useMemo(() => drawn(walk, lanes, scale, inner, left), [walk, lanes, scale, inner, left]);
  const svg = useRef(/** @type {SVGSVGElement | null} */ (null));
  const height = TOP + lanes.names.length * ROW + 8;
  const x = (/** @type {number} */ at) => left + (at === 0 ? 0 : drawing.x(at - 1));
  const row = walk.rowAt(position);
  const isApart = difference !== null && difference < walk.positions;
  const told = isApart ? Math.min(x(difference) + 4, width - LABEL) : 0;
  /** Where the axis has no room for what it says. */
  const taken = isApart ? [told - left - GAP, told - left + LABEL] : [0, 0];

  /** @param {PointerEvent} event */
  const move = (event) => {
    if (event.type === "pointerdown") {
      const lanes = /** @type {Element} */ (event.currentTarget);
      lanes.setPointerCapture(event.pointerId);
      // So that keys go on from here.
      lanes.closest("section")?.focus({ preventScroll: true });
    }
    if (event.buttons !== 1) return;
    const box = svg.current?.getBoundingClientRect();
    if (!box) return;
    onMove(drawing.nearest(((event.clientX - box.left) * width) / box.width - left, Math.floor((event.clientY - box.top - TOP) / ROW), event.type === "pointerdown"));
    event.preventDefault();
  };

  return (
    <svg ref={svg} class="timeline" width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="img" aria-label={label}
      onPointerDown={move} onPointerMove={move}>
      {scale && <Axis scale={scale} left={left} height={height} taken={taken} />}
      {lanes.names.map((name, place) => (
        <g key={name} class={`lane hue-${lanes.hues[place]}`}>
          <line class="grid" x1={left} x2={width - 14} y1={TOP + place * ROW + ROW / 2} y2={TOP + place * ROW + ROW / 2} />
          <text class="name" x={left - 8} y={TOP + place * ROW + ROW / 2 + 4} text-anchor="end">{shortened(name, left - 14)}</text>
        </g>
      ))}
      {drawing.bars}
      {isApart && (
        <g class="difference">
          <line x1={x(difference)} x2={x(difference)} y1={14} y2={height - 4} />
          <text x={told} y={11}>first difference</text>
        </g>
      )}
      {arrows && drawing.arrows}
      <line class="cursor" x1={x(position)} x2={x(position)} y1={14} y2={height - 4} />
      {row && !row[LEFT_OUT] && <Now walk={walk} row={row} lanes={lanes} x={x} position={position} />}
    </svg>
  );
}

/** The step that was taken last, and the arrow from what led to it. @param {{walk: Walk, row: Row, lanes: Lanes, x: (at: number) => number, position: number}} props */
function Now({ walk, row, lanes, x, position }) {
  const y = yOf(lanes, walk, row);
  const cause = row[WOKEN_BY] ?? row[AFTER];
  const place = cause === null ? undefined : walk.placeOf.get(cause);
  return (
    <g class={`now hue-${lanes.hues[lanes.laneOf(walk.reader.text(row[ACTOR]))]}`}>
      {place !== undefined && <path class="cause" marker-end="url(#head)" d={arrow(x(place + 1), yOf(lanes, walk, walk.rows[place]), x(position), y)} />}
      <circle cx={x(position)} cy={y} r={6.5} />
    </g>
  );
}

/** @param {{scale: import("./scale.js").Scale, left: number, height: number, taken: number[]}} props */
function Axis({ scale, left, height, taken }) {
  let free = -20;
  const hasRoom = (/** @type {number} */ from, /** @type {number} */ wide) => from >= free && (from + wide <= taken[0] || from >= taken[1]);
  return (
    <g class="axis">
      {scale.pieces.map((piece, place) => {
        const x = left + piece.x;
        if (piece.isTorn) {
          const teeth = Array.from({ length: Math.ceil((height - 14) / 8) }, (_, n) => `${n % 2 ? 4 : -4} 8`).join("l");
          const text = `+${duration(piece.to - piece.from)}`.replace(" ", "\u2009"), wide = DIGIT * text.length;
          const middle = piece.x + piece.width / 2, shown = hasRoom(middle - wide / 2, wide);
          if (shown) free = middle + wide / 2 + GAP;
          return (
            <g key={place} class="torn">
              <rect x={x + 2} y={14} width={piece.width - 4} height={height - 18} />
              <path d={`M${x + 4} 14l${teeth}`} /><path d={`M${x + piece.width - 4} 14l${teeth}`} />
              {shown && <text x={left + middle} y={11} text-anchor="middle">{text}</text>}
            </g>
          );
        }
        const told = instant(piece.from).replace(/\.?0+ s$/, " s");
        const isShown = piece.width > 70 && hasRoom(piece.x, DIGIT * told.length);
        if (isShown) free = piece.x + DIGIT * told.length + GAP;
        return isShown ? <text key={place} x={x} y={11} class="tick">{told}</text> : null;
      })}
    </g>
  );
}

/** @typedef {{names: string[], hues: number[], laneOf: (actor: string) => number}} Lanes */

/** A lane for each actor; with very many, those of a kind share one. @param {Walk} walk @returns {Lanes} */
function lanesOf(walk) {
  const acting = new Set(walk.rows.map((row) => walk.reader.text(row[ACTOR])));
  const all = walk.lanes.filter((name) => acting.has(name));
  const kinds = new Map();
  for (const name of all) kinds.set(kindOf(name), (kinds.get(kindOf(name)) ?? 0) + 1);
  const isFolded = (/** @type {string} */ name) => all.length > LANES_MAX && kinds.get(kindOf(name)) > 3;
  const names = [...new Set(all.map((name) => (isFolded(name) ? `${kindOf(name)} (${kinds.get(kindOf(name))})` : name)))];
  const place = new Map(all.map((name) => [name, names.indexOf(isFolded(name) ? `${kindOf(name)} (${kinds.get(kindOf(name))})` : name)]));
  const stems = [...new Set(names.map(stem))];
  return { names, hues: names.map((name) => stems.indexOf(stem(name)) % HUES), laneOf: (actor) => place.get(actor) ?? 0 };
}

/** @param {string} name */
const kindOf = (name) => name.replace(/\d+/g, "*");
/** @param {string} name */
const stem = (name) => name.split(/[-.(]/)[0].trim();

/** @param {Lanes} lanes @param {Walk} walk @param {Row} row */
const yOf = (lanes, walk, row) => TOP + lanes.laneOf(walk.reader.text(row[ACTOR])) * ROW + ROW / 2;

/** @param {Walk} walk */
function instantsOf(walk) {
  return [0, ...walk.rows.flatMap((row) => [row[BEGUN], row[AT], row[ANSWERED]].filter((us) => us !== null))];
}

/** @param {Walk} walk @param {Lanes} lanes @param {import("./scale.js").Scale | null} scale @param {number} inner @param {number} left */
function drawn(walk, lanes, scale, inner, left) {
  const count = walk.rows.length;
  const x = (/** @type {number} */ place) => (scale ? scale.x(walk.rows[place][AT] ?? 0) : ((place + 1) * inner) / (count + 1));
  const bars = [], arrows = [];
  for (const [place, row] of walk.rows.entries()) {
    if (row[LEFT_OUT]) {
      bars.push(<rect key={place} class="left-out" x={left + x(place) - 2} y={TOP} width={4} height={lanes.names.length * ROW} />);
      continue;
    }
    const y = yOf(lanes, walk, row), at = left + x(place);
    const hue = `hue-${lanes.hues[lanes.laneOf(walk.reader.text(row[ACTOR]))]}`;
    if (scale && row[BEGUN] !== null && row[BEGUN] < (row[AT] ?? 0)) {
      const from = left + scale.x(row[BEGUN]);
      bars.push(<rect key={`q${place}`} class={`${row[IS_WAIT] ? "wait" : "request"} ${hue}`} x={from} y={y - 6} width={Math.max(at - from, 0.5)} height={12} />);
    }
    if (scale && row[ANSWERED] !== null && row[ANSWERED] > (row[AT] ?? 0)) {
      bars.push(<rect key={`a${place}`} class={`response ${hue}`} x={at} y={y - 3} width={Math.max(left + scale.x(row[ANSWERED]) - at, 0.5)} height={6} />);
    }
    bars.push(walk.decisive.has(row[NUMBER])
      ? <path key={`e${place}`} class="decisive" d={`M${at} ${y - 7}l6 7l-6 7l-6 -7z`} />
      : <line key={`e${place}`} class={`effect ${hue}`} x1={at} x2={at} y1={y - 8} y2={y + 8} />);
    const cause = row[WOKEN_BY] ?? row[AFTER];
    const from = cause === null ? undefined : walk.placeOf.get(cause);
    if (from !== undefined && walk.rows[from][ACTOR] !== row[ACTOR] && !walk.rows[from][LEFT_OUT]) {
      arrows.push(<path key={`c${place}`} class={`arrow ${hue}`} marker-end="url(#head)" d={arrow(left + x(from), yOf(lanes, walk, walk.rows[from]), at, y)} />);
    }
  }
  return {
    bars,
    arrows: [<defs key="defs"><marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path class="head" d="M0 0L8 4L0 8z" /></marker></defs>, ...arrows],
    x,
    /** The position whose step is nearest to a point. @param {number} at @param {number} lane @param {boolean} isClick */
    nearest: (at, lane, isClick) => {
      let best = 0, distance = Math.abs(at);
      for (const [place, row] of walk.rows.entries()) {
        // A click is meant for the step of its lane, if one is near.
        const isOther = isClick && !row[LEFT_OUT] && lanes.laneOf(walk.reader.text(row[ACTOR])) !== lane;
        const far = Math.abs(x(place) - at) + (isOther ? 12 : 0);
        if (far <= distance) [best, distance] = [place + 1, far];
      }
      return best;
    },
  };
}

/** @param {number} x1 @param {number} y1 @param {number} x2 @param {number} y2 */
function arrow(x1, y1, x2, y2) {
  const bend = Math.max((x2 - x1) / 2, 8);
  return `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
}

/** @param {string} name @param {number} room in pixels */
function shortened(name, room) {
  const most = Math.floor(room / 7.4);
  if (name.length <= most) return name;
  // What tells actors of a kind apart stands at the end.
  const end = /[-.\d]*$/.exec(name)?.[0] ?? "";
  return `${name.slice(0, Math.max(most - 1 - end.length, 1))}…${end}`;
}

