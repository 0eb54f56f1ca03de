/** The axis of a timeline: time to scale, and torn strips where nothing happens for long. */

const TORN = 30;
const DROP = 2.5;

/**
 * @typedef {{from: number, to: number, x: number, width: number, isTorn: boolean}} Piece
 * @typedef {{x: (us: number) => number, pieces: Piece[]}} Scale
 */

/** @param {number[]} instants of everything that is drawn (us) @param {number} width in pixels @returns {Scale} */
export function tornScale(instants, width) {
  const sorted = [...new Set(instants)].sort((a, b) => a - b);
  const gaps = sorted.slice(1).map((to, place) => ({ from: sorted[place], to, length: to - sorted[place] }));
  const torn = new Set(tornOf(gaps, Math.floor((0.5 * width) / TORN)));
  const left = gaps.reduce((sum, gap) => sum + (torn.has(gap) ? 0 : gap.length), 0);
  const perUs = (width - torn.size * TORN) / Math.max(left, 1);
  /** @type {Piece[]} */
  const pieces = [];
  let x = 0;
  for (const gap of gaps) {
    const isTorn = torn.has(gap);
    const wide = isTorn ? TORN : gap.length * perUs;
    const last = pieces.at(-1);
    if (last && !last.isTorn && !isTorn) {
      last.to = gap.to;
      last.width += wide;
    } else {
      pieces.push({ from: gap.from, to: gap.to, x, width: wide, isTorn });
    }
    x += wide;
  }
  return {
    pieces,
    x: (us) => {
      const piece = pieces.find((each) => us <= each.to) ?? pieces.at(-1);
      if (!piece) return 0;
      return piece.x + (piece.width * Math.max(us - piece.from, 0)) / Math.max(piece.to - piece.from, 1);
    },
  };
}

/**
 * The gaps that are torn: the longest ones, down to where the next one is shorter by most.
 * @template {{length: number}} G
 * @param {G[]} gaps @param {number} most how many there may be
 */
function tornOf(gaps, most) {
  const largest = [...gaps].sort((a, b) => b.length - a.length);
  let count = 0, drop = DROP;
  for (let each = 1; each <= Math.min(most, largest.length - 1); each += 1) {
    // Of drops that are alike the later one: more is to be seen then.
    const factor = largest[each - 1].length / Math.max(largest[each].length, 1);
    if (factor >= drop * 0.6 && factor >= DROP) [count, drop] = [each, Math.max(factor, drop)];
  }
  return largest.slice(0, count);
}
