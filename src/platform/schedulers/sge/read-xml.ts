const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/**
 * Elements of a name, as their inner text, in order. Grid Engine's XML is flat enough for it: no element that is read here
 * holds another of its own name.
 */
export function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}(?:\\s[^>]*)?>([\\s\\S]*?)</${name}>`, "g"))].map(
    ([, inner = ""]) => inner,
  );
}

/** The text of the first element of a name; null where there is none. */
export function textOf(xml: string, name: string): string | null {
  const inner = elements(xml, name)[0];
  return inner === undefined ? null : decode(inner.trim());
}

/** Whether this is XML from its first line to the end of its outermost element. */
export function isWhole(xml: string, root: string): boolean {
  return xml.trimStart().startsWith("<?xml") && xml.trimEnd().endsWith(`</${root}>`);
}

function decode(text: string): string {
  return text.replace(/&(?:#(\d+)|(\w+));/g, (whole, code: string | undefined, name: string | undefined) =>
    code !== undefined ? String.fromCodePoint(Number(code)) : (ENTITIES[name ?? ""] ?? whole),
  );
}
