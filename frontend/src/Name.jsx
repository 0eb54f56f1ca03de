/** Names without spaces, as of a latency: they may be broken after each of their words. */

/** @param {{name: string}} props */
export function Name({ name }) {
  return <>{name.split(/(?<=[._])/).map((part, place) => <span key={place}>{place > 0 && <wbr />}{part}</span>)}</>;
}

/** The name of what is varied without what all latencies begin with: `redis.cleanup.request`. @param {string} name */
export function short(name) {
  return name.replace(/^latency\.(operations\.)?(?=.)/, "");
}
