import { badRequest } from "./api-error.ts";
import { type ApiObject, textAt } from "./objects.ts";
import { apiVersion, type Resource } from "./resources.ts";

export interface FieldSelector {
  readonly matches: (object: ApiObject) => boolean;
  /** Whether it lets everything through. */
  readonly isEmpty: boolean;
}

/** `spec.nodeName=a,metadata.name!=b`; of objects in the form that they are served in. */
export function parseFieldSelector(resource: Resource, selector: string): FieldSelector {
  const terms = selector.split(",").filter((term) => term !== "");
  const tests = terms.map((term) => {
    const [, field, operator, value] = /^([^=!]*)(==|!=|=)(.*)$/.exec(term) ?? [];
    if (field === undefined || operator === undefined || value === undefined) {
      throw badRequest(`invalid selector: '${selector}'; can't understand '${term}'`);
    }
    if (!resource.fields.includes(field)) {
      throw badRequest(
        resource.builtIn
          ? `field label not supported: ${field}`
          : `field label not supported for ${apiVersion(resource)}, Kind=${resource.kind}: ${field}`,
      );
    }
    return (object: ApiObject) => (textAt(object, field) === value) === (operator !== "!=");
  });
  return { isEmpty: tests.length === 0, matches: (object) => tests.every((test) => test(object)) };
}
