import type { Handlers } from "../http/context.ts";
import { type CreatedJobs, createJobs } from "./create/index.ts";
import { publishCreated } from "./publish.ts";

export const jobCreate = {
  async jobCreate({ once, clock, user, changes }, { body }) {
    const now = clock.now();
    let created: CreatedJobs | null = null;
    const answer = await once(async (tx) => {
      created = await createJobs(tx, { userId: user.id, items: body.jobs, now });
      return { ids: created.ids };
    });
    if (created !== null) publishCreated(changes, created, now);
    return answer;
  },
} satisfies Partial<Handlers>;
