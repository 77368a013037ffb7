/**
 * Finds the line of a part of an exported object in a module's source, as well as text alone can tell: first the
 * export, then one key after the other. Where a key is not found the line of what is above it is given. Lines count from 1.
 */
export function lineFinder(source: string, exportName: string): (path: readonly PropertyKey[]) => number {
  return (path) => {
    let at = Math.max(0, source.search(new RegExp(`\\b${literal(exportName)}\\b\\s*(:[^=]*)?=`)));
    for (const key of path) {
      const found = source.slice(at).search(new RegExp(`["']?\\b${literal(String(key))}\\b["']?\\s*[:(,}]`));
      if (found < 0) break;
      at += found;
    }
    return source.slice(0, at).split("\n").length;
  };
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
