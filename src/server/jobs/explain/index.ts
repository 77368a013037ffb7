/** Why a job is where it is: facts from the database, words from a pure function. */
import type { Handlers } from "../../http/context.ts";
import { getJob } from "../lists.ts";
import { readFacts } from "./facts.ts";
import { explain } from "./words.ts";

export const jobExplain = {
  async jobExplain({ db, user, clock }, { params }) {
    const now = clock.now();
    return explain(await readFacts(db, await getJob(db, user.id, params.id), now), now);
  },
} satisfies Partial<Handlers>;
