import { expect, it } from "vitest";
import { mergePatch } from "./merge-patch.ts";

it.each([
  { why: "a member is replaced", target: { a: "b" }, patch: { a: "c" }, result: { a: "c" } },
  { why: "a member is added", target: { a: "b" }, patch: { b: "c" }, result: { a: "b", b: "c" } },
  { why: "null removes", target: { a: "b", b: "c" }, patch: { a: null }, result: { b: "c" } },
  { why: "null removes what is not there", target: { a: 1 }, patch: { b: null }, result: { a: 1 } },
  { why: "an array is replaced whole", target: { a: [{ b: 1 }] }, patch: { a: [2] }, result: { a: [2] } },
  { why: "null in an array stays", target: {}, patch: { a: [null] }, result: { a: [null] } },
  {
    why: "objects are merged",
    target: { a: { b: 1, c: 2 } },
    patch: { a: { b: null, d: 3 } },
    result: { a: { c: 2, d: 3 } },
  },
  { why: "an object takes the place of a value", target: { a: "b" }, patch: { a: { c: 1 } }, result: { a: { c: 1 } } },
  { why: "nulls in a new object are left out", target: {}, patch: { a: { b: { c: null } } }, result: { a: { b: {} } } },
  { why: "what is no object takes the place of all", target: { a: 1 }, patch: ["c"], result: ["c"] },
])("$why", ({ target, patch, result }) => {
  expect(mergePatch(target, patch)).toEqual(result);
});
