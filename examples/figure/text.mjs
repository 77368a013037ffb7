// @ts-check
// Text of a figure, with a little markup: *italic*, ^{superscript}, _{subscript}.

/** @typedef {{ x: number, y: number, size?: number, anchor?: "start" | "middle" | "end", rotate?: number, colour?: string,
 *   bold?: boolean }} TextStyle */

/**
 * One line of text.
 * @param {string} content
 * @param {TextStyle} style
 */
export function drawText(content, { x, y, size = 15, anchor = "start", rotate = 0, colour = "#111", bold = false }) {
  const turn = rotate ? ` transform="rotate(${rotate} ${short(x)} ${short(y)})"` : "";
  const weight = bold ? ' font-weight="600"' : "";
  return (
    `<text x="${short(x)}" y="${short(y)}" font-size="${size}" text-anchor="${anchor}" fill="${colour}"${weight}${turn}>` +
    `${spans(content, size)}</text>`
  );
}

/**
 * A whole figure on white paper.
 * @param {{ width: number, height: number, title: string, body: readonly string[] }} figure
 */
export function drawFigure({ width, height, title, body }) {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img"
 font-family="Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif">
<title>${escapeText(title)}</title>
<rect width="${width}" height="${height}" fill="#fff"/>
${body.join("\n")}
</svg>
`;
}

/**
 * A coordinate with no more digits than paper can show.
 * @param {number} value
 */
export function short(value) {
  return String(Number(value.toFixed(2)));
}

/** @param {string} text */
export function escapeText(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

/**
 * @param {string} content
 * @param {number} size
 */
function spans(content, size) {
  let italic = false;
  let shift = 0;
  let gap = 0;
  return content
    .split(/(\*|[\^_]\{[^}]*\})/)
    .filter((piece) => piece !== "")
    .map((piece) => {
      if (piece === "*") {
        italic = !italic;
        return "";
      }
      const script = /^([\^_])\{(\*?)([^*]*)\*?\}$/.exec(piece);
      const level = script ? (script[1] === "^" ? -0.38 : 0.22) * size : 0;
      const text = script?.[3] ?? piece;
      const move = level - shift;
      // Renderers drop spaces at the ends of a span, so those become a shift of what follows.
      const before = gap + (text.length - text.trimStart().length);
      gap = text.length - text.trimEnd().length;
      shift = level;
      const attributes = [
        before ? ` dx="${short(before * SPACE * size)}"` : "",
        move ? ` dy="${short(move)}"` : "",
        script ? ` font-size="${short(size * 0.72)}"` : "",
        italic || script?.[2] ? ' font-style="italic"' : "",
      ].join("");
      const inner = escapeText(text.trim()).replaceAll("  ", "\u00a0\u00a0");
      return attributes ? `<tspan${attributes}>${inner}</tspan>` : inner;
    })
    .join("");
}

/** Width of a space as a share of the font size. */
const SPACE = 0.28;
