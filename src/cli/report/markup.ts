/** Text made safe for the content or a quoted attribute of XML or HTML; control characters, which neither allows, are dropped. */
export function escapeMarkup(text: string): string {
  return text
    .replace(FORBIDDEN, "")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}

/** A coordinate in pixels with as many digits as a screen can show. */
export function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** About how wide a line of sans-serif text is, in pixels: enough to space a legend and to see whether a label fits. */
export function textWidth(text: string, size: number): number {
  let width = 0;
  for (const character of text) {
    if (/[iljtfrI.,:;'|!()[\] ]/.test(character)) width += 0.31;
    else if (/[mwMWG@%]/.test(character)) width += 0.85;
    else width += /[A-Z_]/.test(character) ? 0.67 : 0.56;
  }
  return width * size;
}

const FORBIDDEN = /[^\P{Cc}\t\n\r]|\p{Cs}|[\ufffe\uffff]/gu;
