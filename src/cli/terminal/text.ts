/** Widths and cuts of text in terminal cells. */

const WIDE =
  /\p{Emoji_Presentation}|[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{20000}-\u{3fffd}]/u;
const ZERO = /^[\p{Mn}\p{Me}\p{Cf}]$/u;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** Text that may come from anybody, made safe to show on one line: no escape sequences, no line breaks, no direction marks. */
export function clean(text: string): string {
  return text.replace(CONTROL, (character) => (/[\n\r\t]/.test(character) ? " " : "\ufffd"));
}

/** How many cells a clean text takes. */
export function cells(text: string): number {
  if (/^[\u0020-\u007e]*$/.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += ZERO.test(character) ? 0 : WIDE.test(character) ? 2 : 1;
  return width;
}

/** A text cut to so many cells, with `…` where something is missing. */
export function cut(text: string, most: number): string {
  if (cells(text) <= most) return text;
  let width = 0;
  let kept = "";
  for (const character of text) {
    width += cells(character);
    if (width > most - 1) break;
    kept += character;
  }
  return most < 1 ? "" : `${kept}…`;
}

/** A text filled with blanks to so many cells. */
export function pad(text: string, width: number, align: "left" | "right" = "left"): string {
  const blanks = " ".repeat(Math.max(0, width - cells(text)));
  return align === "left" ? text + blanks : blanks + text;
}
