import { arrayDecoder, type Decoder, decoderOf, FIRST_USER_OID } from "./decode.ts";

/** A column of a result as the server describes it. */
export type Column = { readonly name: string; readonly typeOid: number };

/** Asks the catalog which of these type oids are arrays, and of what. */
export type TypeLookup = (oids: readonly number[]) => Promise<{ oid: number; element: number }[]>;

/** The statement behind a `TypeLookup`. */
export const LOOK_UP_TYPES =
  "SELECT oid, typelem AS element FROM pg_type WHERE typcategory = 'A' AND oid = ANY ($1::oid[])";

/**
 * What is known of the types that migrations made. An enum is its text, an array of enums an array: only the catalog can
 * tell them apart, so it is asked once for each type, after a result that has one.
 */
export class UserTypes {
  readonly #decoders = new Map<number, Decoder | undefined>();

  /** The decoder of a type; undefined leaves the text. Types not yet known leave the text, too. */
  decoder(oid: number): Decoder | undefined {
    return oid < FIRST_USER_OID ? decoderOf(oid) : this.#decoders.get(oid);
  }

  /** Decodes in place the columns whose type was unknown when `rows` were read. */
  async decodeLate(columns: readonly Column[], rows: Record<string, unknown>[], lookUp: TypeLookup): Promise<void> {
    const unknown = columns.filter(({ typeOid }) => typeOid >= FIRST_USER_OID && !this.#decoders.has(typeOid));
    if (unknown.length === 0) return;
    const oids = [...new Set(unknown.map(({ typeOid }) => typeOid))];
    const arrays = new Map((await lookUp(oids)).map(({ oid, element }) => [oid, element]));
    for (const oid of oids) {
      const element = arrays.get(oid);
      this.#decoders.set(oid, element === undefined ? undefined : arrayDecoder(element));
    }
    for (const { name, typeOid } of unknown) {
      const decode = this.#decoders.get(typeOid);
      if (decode === undefined) continue;
      for (const row of rows) {
        const value = row[name];
        if (typeof value === "string") row[name] = decode(value);
      }
    }
  }
}
