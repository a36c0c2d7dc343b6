/** Positions in the history of a performance: `epoch:offset`. Another epoch is another history. */
export interface Position {
  epoch: string;
  offset: number;
}

export function positionOf(text: string): Position | undefined {
  const [epoch, digits, ...rest] = text.split(':');
  if (!epoch || !digits || rest.length > 0 || !/^\d+$/.test(digits)) return undefined;
  return { epoch, offset: Number(digits) };
}

/** Whether the first is at or behind the second in the same history. */
export function isBehind(first: string, second: string): boolean {
  const [a, b] = [positionOf(first), positionOf(second)];
  return a !== undefined && b !== undefined && a.epoch === b.epoch && a.offset <= b.offset;
}
