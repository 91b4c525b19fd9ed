import { generateKeyPairSync, type KeyObject, randomBytes, sign } from "node:crypto";
import { bits, explicit, implicit, integer, octets, oid, sequence, set, text, time, yes } from "./der.ts";

export interface Certificates {
  /** PEM of the authority that clients are to trust. */
  readonly ca: string;
  /** PEM of the server's certificate, for 127.0.0.1 and localhost. */
  readonly cert: string;
  readonly key: string;
}

const ECDSA_WITH_SHA256 = sequence(oid("1.2.840.10045.4.3.2"));
const DAY_MS = 86_400_000;

/** A new authority and a server certificate signed by it. */
export function makeCertificates(): Certificates {
  const authority = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const server = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const issuer = "plexus-test-ca";
  return {
    ca: certificate(issuer, authority.publicKey, issuer, authority.privateKey, [
      extension("2.5.29.19", sequence(yes)), // basicConstraints: CA
    ]),
    cert: certificate("plexus-test-api-server", server.publicKey, issuer, authority.privateKey, [
      // subjectAltName: iPAddress, dNSName
      extension("2.5.29.17", sequence(implicit(7, Buffer.from([127, 0, 0, 1])), implicit(2, Buffer.from("localhost")))),
    ]),
    key: server.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
  };
}

function certificate(
  subject: string,
  key: KeyObject,
  issuer: string,
  issuerKey: KeyObject,
  extensions: readonly Buffer[],
): string {
  const now = Date.now();
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))), // version 3
    integer(Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ECDSA_WITH_SHA256,
    commonName(issuer),
    sequence(time(new Date(now - DAY_MS)), time(new Date(now + DAY_MS))),
    commonName(subject),
    key.export({ type: "spki", format: "der" }),
    explicit(3, sequence(...extensions)),
  );
  const signed = sequence(toBeSigned, ECDSA_WITH_SHA256, bits(sign("sha256", toBeSigned, issuerKey)));
  const lines = signed.toString("base64").match(/.{1,64}/g) ?? [];
  return ["-----BEGIN CERTIFICATE-----", ...lines, "-----END CERTIFICATE-----", ""].join("\n");
}

const commonName = (name: string): Buffer => sequence(set(sequence(oid("2.5.4.3"), text(name))));
const extension = (id: string, value: Buffer): Buffer => sequence(oid(id), yes, octets(value));
