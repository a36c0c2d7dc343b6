/** Sets of seats that are replaced and never changed, so that nothing has to follow what happens inside of them. */
export function setOf(ids: Iterable<number>): ReadonlySet<number> {
  return new Set(ids);
}

export function without(set: ReadonlySet<number>, ids: Iterable<number>): ReadonlySet<number> {
  const out = new Set(ids);
  return new Set([...set].filter((id) => !out.has(id)));
}
