import { withDefaultRoute } from "./cni/default-route.ts";
import type { JsonText } from "./json/json-object.ts";
import { recordedConflist } from "./recorded-attachment.ts";
import { routeGoals, type RouteGoal } from "./route-plan.ts";
import type { RecordedAttachment } from "./sandbox-record.ts";

/**
 * The attachments with the default routes that the pod asked for in their results, as if their plugins had made them so.
 * Without this a plugin's CHECK would miss the route that was taken from it, and network status would show it.
 */
export function withRoutedResults(attachments: readonly RecordedAttachment[]): readonly RecordedAttachment[] {
  const goals = routeGoals(attachments);
  return attachments.map((attachment) => {
    const { result } = attachment;
    return result === undefined ? attachment : { ...attachment, result: routed(attachment, result, goals) };
  });
}

function routed(attachment: RecordedAttachment, result: JsonText, goals: readonly RouteGoal[]): JsonText {
  if (goals.length === 0) return result;
  const { version } = recordedConflist(attachment);
  return goals.reduce(
    (text, { family, route }) =>
      withDefaultRoute(text, version, family, route?.ifName === attachment.ifName ? route.gateway : undefined),
    result,
  );
}
