/** A binary heap in an array: the first entry comes before all others. */
type Before<T> = (a: T, b: T) => boolean;

export function toHeap<T>(items: T[], before: Before<T>): T[] {
  for (let at = (items.length >> 1) - 1; at >= 0; at -= 1) sink(items, at, before);
  return items;
}

/** Takes the first entry out. */
export function removeFirst<T>(heap: T[], before: Before<T>): void {
  const last = heap.pop();
  if (last === undefined || heap.length === 0) return;
  heap[0] = last;
  sink(heap, 0, before);
}

/** Puts the first entry where it belongs after its rank has changed. */
export function replaceFirst<T>(heap: T[], before: Before<T>): void {
  sink(heap, 0, before);
}

function sink<T>(heap: T[], from: number, before: Before<T>): void {
  for (let at = from; ; ) {
    const left = 2 * at + 1;
    const right = left + 1;
    let first = at;
    if (isBefore(heap, before, left, first)) first = left;
    if (isBefore(heap, before, right, first)) first = right;
    if (first === at) return;
    const moved = heap[at] as T;
    heap[at] = heap[first] as T;
    heap[first] = moved;
    at = first;
  }
}

function isBefore<T>(heap: readonly T[], before: Before<T>, a: number, b: number): boolean {
  const [first, second] = [heap[a], heap[b]];
  return a < heap.length && first !== undefined && second !== undefined && before(first, second);
}
