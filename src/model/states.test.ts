import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ACTORS, FINAL_STATES, isFinal, isRunnable, JOB_STATES, mayMove, TRANSITIONS } from "./states.ts";

const states = fc.constantFrom(...JOB_STATES);
const actors = fc.constantFrom(...ACTORS);

describe("the table of transitions", () => {
  it("names each move once", () => {
    const moves = TRANSITIONS.map(({ from, to }) => `${from}>${to}`);
    expect(new Set(moves).size).toBe(moves.length);
    for (const { by } of TRANSITIONS) expect(by.length).toBeGreaterThan(0);
  });

  it("is what mayMove answers, for every pair of states and every actor", () => {
    fc.assert(
      fc.property(states, states, actors, (from, to, actor) => {
        const row = TRANSITIONS.find((move) => move.from === from && move.to === to);
        expect(mayMove(from, to, actor)).toBe(row?.by.includes(actor) ?? false);
      }),
    );
  });

  it("lets only a user leave a final state, and never to another final one", () => {
    for (const { to, by } of TRANSITIONS.filter((move) => isFinal(move.from))) {
      expect(by).toEqual(["user"]);
      expect(isFinal(to)).toBe(false);
    }
  });

  it("lets only a pilot start a job, and only from a runnable state", () => {
    const starts = TRANSITIONS.filter(({ to }) => to === "RUNNING");
    expect(starts.map(({ from }) => from).every(isRunnable)).toBe(true);
    expect(starts.every(({ by }) => by.join() === "pilot")).toBe(true);
  });

  it("has a way from every state to an end, whoever is gone", () => {
    const reaching = new Set<string>(FINAL_STATES);
    for (let size = -1; size !== reaching.size; ) {
      size = reaching.size;
      for (const { from, to } of TRANSITIONS) if (reaching.has(to)) reaching.add(from);
    }
    expect([...reaching].sort()).toEqual([...JOB_STATES].sort());
  });

  it("reaches every state from CREATED", () => {
    const reached = new Set<string>(["CREATED"]);
    for (let size = -1; size !== reached.size; ) {
      size = reached.size;
      for (const { from, to } of TRANSITIONS) if (reached.has(from)) reached.add(to);
    }
    expect([...reached].sort()).toEqual([...JOB_STATES].sort());
  });

  it("lets every job that has begun to wait be killed by its user, and a running one only by what ends its process", () => {
    for (const state of JOB_STATES) {
      const isWaiting = !isFinal(state) && state !== "CREATED" && state !== "RUNNING";
      expect(mayMove(state, "USER_KILLED", "user")).toBe(isWaiting);
    }
    expect(mayMove("RUNNING", "USER_KILLED", "pilot")).toBe(true);
    expect(mayMove("RUNNING", "USER_KILLED", "server")).toBe(true);
  });
});
