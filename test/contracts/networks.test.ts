import { manifestDirectory, networkManifest } from "../adapters/manifests/manifest-directory.ts";
import { fixedNetworks } from "../fakes/fixed-networks.ts";
import { networksContract } from "./networks.contract.ts";

networksContract("a fixed list", async (definitions) => fixedNetworks(definitions));

networksContract("a directory of manifests", async (definitions) => {
  const directory = await manifestDirectory();
  for (const [index, definition] of definitions.entries()) {
    await directory.put(`${index}.json`, networkManifest(definition));
  }
  return (await directory.open()).networks;
});
