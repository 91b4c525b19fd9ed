import { withDefaultRoute } from "./cni/default-route.ts";
import { routeGoals, type RouteGoal } from "./route-plan.ts";
import { type RecordedAttachment, recordedResult, type RecordedResult } from "./sandbox-record.ts";

/**
 * The attachments with the default routes that the pod asked for in their results, as if their plugins
 * had made them. Without this a plugin's CHECK misses the route that the daemon took from it, and
 * the network status shows that route.
 */
export function withRoutedResults(attachments: readonly RecordedAttachment[]): readonly RecordedAttachment[] {
  const goals = routeGoals(attachments);
  if (goals.length === 0) return attachments;
  return attachments.map((attachment) => {
    const { result } = attachment;
    return result === undefined ? attachment : { ...attachment, result: routed(attachment, result, goals) };
  });
}

function routed(
  { ifName, conflist }: RecordedAttachment,
  result: RecordedResult,
  goals: readonly RouteGoal[],
): RecordedResult {
  const text = goals.reduce(
    (printed, { family, route }) =>
      withDefaultRoute(printed, conflist.version, family, route?.ifName === ifName ? route.gateway : undefined),
    result.text,
  );
  return recordedResult(text, conflist.version);
}
