/** Users and their tokens. Passwords, device codes and roles have their place in the tables and come later. */
import type { Token, User } from "../../client/wire/entities.ts";
import { ConiferError } from "../../model/errors.ts";
import { constraintOf, type Queryable } from "../database/index.ts";
import type { Handlers } from "../http/context.ts";
import { hashToken, newToken } from "./token.ts";
import type { TokenCache } from "./token-cache.ts";

/** Handlers of users and tokens; `cache` is told of every revocation. */
export function accessHandlers(cache: TokenCache) {
  return {
    async whoami({ db, user }) {
      const { rows } = await db.query<User>("SELECT id, name, admin, created FROM users WHERE id = $1", [user.id]);
      return found(rows[0], "user", user.id);
    },
    async userList({ db }) {
      const { rows } = await db.query<User>(
        "SELECT id, name, admin, created FROM users WHERE deleted IS NULL ORDER BY id",
      );
      return { items: rows };
    },
    async userCreate({ db }, { body }) {
      return db.transaction(async (tx) => {
        const user = await insertUser(tx, body);
        const { token } = await insertToken(tx, { userId: user.id, label: "first", expiresSec: null });
        return { user, token };
      });
    },
    async userDelete({ db, user }, { params }) {
      if (params.id === user.id) throw new ConiferError("FORBIDDEN", { who: user.name, what: "remove themselves" });
      await db.transaction(async (tx) => {
        const { rowCount } = await tx.query("UPDATE users SET deleted = now() WHERE id = $1 AND deleted IS NULL", [
          params.id,
        ]);
        if (rowCount === 0) throw new ConiferError("NOT_FOUND", { kind: "user", name: params.id, list: "user" });
        await tx.query("DELETE FROM tokens WHERE user_id = $1", [params.id]);
        await tx.query("UPDATE sites SET deleted = now() WHERE owner_id = $1 AND deleted IS NULL", [params.id]);
      });
      await cache.invalidate();
      return null;
    },
    async tokenList({ db, user }) {
      const { rows } = await db.query<Token>(`${SELECT_TOKENS} WHERE user_id = $1 ORDER BY id`, [user.id]);
      return { items: rows };
    },
    async tokenCreate({ db, user }, { body }) {
      return db.transaction((tx) => insertToken(tx, { userId: user.id, ...body }));
    },
    async tokenRevoke({ db, user }, { params }) {
      const { rowCount } = await db.query("DELETE FROM tokens WHERE id = $1 AND user_id = $2", [params.id, user.id]);
      if (rowCount === 0) throw new ConiferError("NOT_FOUND", { kind: "token", name: params.id, list: "token" });
      await cache.invalidate();
      return null;
    },
  } satisfies Partial<Handlers>;
}

/** Adds a user; a name in use is ALREADY_EXISTS. */
export async function insertUser(db: Queryable, { name, admin }: { name: string; admin: boolean }): Promise<User> {
  try {
    const { rows } = await db.query<User>(
      "INSERT INTO users (name, admin) VALUES ($1, $2) RETURNING id, name, admin, created",
      [name, admin],
    );
    return found(rows[0], "user", name);
  } catch (error) {
    if (constraintOf(error) === "users_name") throw new ConiferError("ALREADY_EXISTS", { kind: "user", name });
    throw error;
  }
}

/** Makes a token for a user; its text is known only here and now. */
export async function insertToken(
  db: Queryable,
  { userId, label, expiresSec }: { userId: number; label: string; expiresSec: number | null },
): Promise<{ token: string; info: Token }> {
  const token = newToken();
  const { rows } = await db.query<Token>(
    `INSERT INTO tokens (user_id, hash, label, expires) VALUES ($1, $2, $3, now() + $4::float8 * interval '1 second')
     RETURNING ${TOKEN_COLUMNS}`,
    [userId, hashToken(token), label, expiresSec],
  );
  return { token, info: found(rows[0], "token", label) };
}

const TOKEN_COLUMNS = `id, user_id AS "userId", label, created, last_used AS "lastUsed", expires`;
const SELECT_TOKENS = `SELECT ${TOKEN_COLUMNS} FROM tokens`;

function found<T>(row: T | undefined, kind: string, name: string | number): T {
  if (row === undefined) throw new ConiferError("NOT_FOUND", { kind, name, list: kind });
  return row;
}
