import { expect, it } from "vitest";
import { freshDatabase } from "../../../test/setup/databases.ts";

it("[B29] events by time, jobs by time and jobs by session are found through indexes", async () => {
  await using db = await freshDatabase();
  const plans = await db.transaction(async (tx) => {
    // Empty tables are read whole, whatever indexes they have.
    await tx.exec("SET LOCAL enable_seqscan = off");
    const explain = async (statement: string): Promise<string> => {
      const { rows } = await tx.query<{ "QUERY PLAN": string }>(`EXPLAIN ${statement}`);
      return rows.map((row) => row["QUERY PLAN"]).join("\n");
    };
    return {
      events: await explain("SELECT id FROM job_events WHERE at >= '2026-11-05Z' AND at < '2026-11-06Z'"),
      history: await explain("SELECT id FROM job_events WHERE job_id = 7 ORDER BY id"),
      created: await explain("SELECT id FROM jobs WHERE created >= '2026-11-05Z'"),
      held: await explain("SELECT id FROM job_life WHERE session_id = 7 AND state = 'RUNNING'"),
      sessions: await explain("SELECT id FROM sessions WHERE batch_job_id = 7"),
    };
  });
  expect(plans.events).toContain("job_events_at");
  expect(plans.history).toContain("job_events_job");
  expect(plans.created).toContain("jobs_created");
  expect(plans.held).toContain("job_life_held");
  expect(plans.sessions).toContain("sessions_batch_job");
});
