// @ts-check
// xoshiro128** (D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47 (2021) 36), two
// outputs to a double. The state is a hash of the seed and of the stream's name, so that neighbouring seeds, and two programs
// given the same seed, do not walk the same sequence.
import { createHash } from "node:crypto";

/**
 * A generator of uniform numbers in [0, 1) with 53 random bits, the same sequence for the same stream and seed.
 * @param {string} stream
 * @param {number} seed
 * @returns {() => number}
 */
export function makeRandom(stream, seed) {
  const digest = createHash("sha256").update(`${stream}:${seed}`).digest();
  let [a, b, c, d] = [digest.readInt32LE(0), digest.readInt32LE(4), digest.readInt32LE(8), digest.readInt32LE(12)];

  const next = () => {
    const scrambled = Math.imul(rotate(Math.imul(b, 5), 7), 9);
    const shifted = b << 9;
    c ^= a;
    d ^= b;
    b ^= c;
    a ^= d;
    c ^= shifted;
    d = rotate(d, 11);
    return scrambled >>> 0;
  };
  return () => ((next() >>> 5) * 2 ** 26 + (next() >>> 6)) / 2 ** 53;
}

/**
 * @param {number} word
 * @param {number} bits
 */
function rotate(word, bits) {
  return (word << bits) | (word >>> (32 - bits));
}
