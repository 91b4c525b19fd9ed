import { expect, it } from "vitest";
import { makeNotices } from "../../../daemon/adapters/kubernetes/notices.ts";

it("tells of a problem once, again when it changes, and again when it comes back", () => {
  const told: string[] = [];
  const notices = makeNotices((message) => told.push(message));
  notices.problem("pods", "no answer");
  notices.problem("pods", "no answer");
  notices.problem("events", "no answer");
  notices.problem("pods", "403");
  notices.over("pods");
  notices.problem("pods", "403");
  expect(told).toEqual(["pods: no answer", "events: no answer", "pods: 403", "pods: 403"]);
});
