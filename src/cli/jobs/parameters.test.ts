import { expect, test } from "vitest";
import type { App } from "../../client/wire/entities.ts";
import { fitted, openParameter, readParameters } from "./parameters.ts";

const app = {
  name: "melt",
  parameters: {
    label: { type: "string", help: "" },
    steps: { type: "integer", help: "" },
    fast: { type: "boolean", help: "" },
    any: { type: "any", default: 1, help: "" },
  },
} as unknown as App;

test("values take the type of their parameter", () => {
  expect(readParameters(["label=007", "steps=12", "fast=true", "any=1.5"], app)).toEqual({
    label: "007",
    steps: 12,
    fast: true,
    any: 1.5,
  });
  expect(readParameters(["label=12", "any=1e5", "list:=[1,2]", "eq=a=b"], app)).toEqual({
    label: "12",
    any: "1e5",
    list: [1, 2],
    eq: "a=b",
  });
  expect(fitted(5, "string")).toBe("5");
  expect(fitted(5, "integer")).toBe(5);
});

test("what is no parameter is refused", () => {
  expect(() => readParameters(["steps"], app)).toThrow("expected NAME=VALUE");
  expect(() => readParameters(["list:=[1"], app)).toThrow("is not JSON");
});

test("a line goes to the one parameter without a value, or to none", () => {
  expect(openParameter(app, { steps: 1, fast: true })).toBe("label");
  expect(() => openParameter(app, {})).toThrow("parameters label, steps, fast");
  expect(() => openParameter(app, { label: "", steps: 1, fast: true })).toThrow("no parameter without a value");
});
