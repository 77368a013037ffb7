const ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/**
 * A Flux job id in decimal, as every Flux command takes it: commands print F58 (base 58 behind ƒ, or behind f where the
 * terminal has no ƒ), and some versions decimal. Null where the text is no id.
 */
export function toDecimalId(text: string): string | null {
  const plain = text.trim();
  if (/^\d+$/.test(plain)) return plain;
  const digits = /^[ƒf]([1-9A-HJ-NP-Za-km-z]{1,12})$/.exec(plain)?.[1];
  if (digits === undefined) return null;
  return [...digits].reduce((sum, digit) => sum * 58n + BigInt(ALPHABET.indexOf(digit)), 0n).toString();
}
