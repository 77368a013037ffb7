/** When the scheduler expects a batch job to start, or to be over. */
export const expected = {
  id: 2,
  name: "expected",
  sql: "ALTER TABLE batch_jobs ADD COLUMN expected timestamptz",
};
