import { expect, it } from "vitest";
import { PlexusError } from "../../daemon/domain/errors.ts";
import { refused } from "../../daemon/domain/io-failure.ts";
import { refusalOf } from "./refusal.ts";

it("a refusal of the disk names what was tried, the file and the errno", () => {
  const cause = Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
  const refusal = refusalOf(() => refused("write", "abc.json")(cause));
  expect(refusal).toBeInstanceOf(PlexusError);
  expect(refusal).toMatchObject({ kind: "io-failure", message: "cannot write abc.json: ENOSPC", cause });
});
