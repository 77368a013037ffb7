import { describe, expect, it } from "vitest";
import { startCampaign } from "../../../test/setup/campaign.ts";

describe("a job's life under a session", () => {
  it("goes from creation to the end with one event for each message", async () => {
    await using campaign = await startCampaign();
    const ids = await campaign.create({ name: "a" }, { name: "b" });
    const pilot = await campaign.pilot();
    const { offers, apps } = await pilot.acquire();
    expect(offers.map(({ job, attempt }) => [job, attempt])).toEqual(ids.map((id) => [id, 1]));
    expect(apps).toMatchObject([{ name: "app", command: "true" }]);
    await pilot.report(...ids.map((job) => ({ job, state: "RUNNING" as const, node: "n1", cores: [0] })));
    expect(await campaign.states(ids)).toEqual(["RUNNING", "RUNNING"]);
    const answer = await pilot.report(...ids.map((job) => ({ job, state: "RUN_DONE" as const, exitCode: 0 })));
    expect(answer).toMatchObject({ accepted: 2, stale: [] });
    expect(await campaign.states(ids)).toEqual(["JOB_FINISHED", "JOB_FINISHED"]);
    const { rows } = await campaign.db.query("SELECT path FROM job_events WHERE job_id = $1 ORDER BY id", [ids[0]]);
    expect(rows.slice(1)).toEqual([
      { path: ["RUNNING"] },
      { path: ["RUN_DONE", "POSTPROCESSED", "STAGED_OUT", "JOB_FINISHED"] },
    ]);
  });
});
