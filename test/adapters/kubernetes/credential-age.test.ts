import { expect, it } from "vitest";
import { withAge } from "../../../daemon/adapters/kubernetes/credential-age.ts";
import { manualClock } from "../../fakes/manual-clock.ts";

it("is how long the same proof of identity has been used, whatever kind it is", async () => {
  const clock = manualClock();
  let headers: Record<string, string> = { authorization: "Bearer first" };
  let tls: { ca?: string; cert?: string } = {};
  const server = new URL("https://10.0.0.1");
  const credentials = withAge({ current: async () => ({ server, headers, tls }), refused: () => undefined }, clock);
  const ages: (number | undefined)[] = [credentials.ageMs()];
  const afterASecond = async (): Promise<void> => {
    clock.advance(1_000);
    await credentials.current();
    ages.push(credentials.ageMs());
  };
  await afterASecond();
  await afterASecond();
  headers = { authorization: "Bearer second" };
  await afterASecond();
  tls = { ca: "another" };
  await afterASecond();
  tls = { ca: "another", cert: "a certificate" };
  await afterASecond();
  expect(ages).toEqual([undefined, 0, 1_000, 0, 1_000, 0]);
});
