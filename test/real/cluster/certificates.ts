/** One authority for the cluster, and what the API server needs of it. Clients other than the API server come with tokens. */
import { PKI } from "./layout.ts";
import { HUB_ADDRESS, type Machine, SERVICE_ADDRESS } from "./machine.ts";

const NAMES = [
  ...[
    "localhost",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
  ].map((name) => `DNS:${name}`),
  ...["127.0.0.1", SERVICE_ADDRESS, HUB_ADDRESS].map((address) => `IP:${address}`),
].join();

const NEW_KEY = "openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";

const issue = (name: string, subject: string, extensions: string): string => `
${NEW_KEY} -keyout ${name}.key -subj "${subject}" -out ${name}.csr
printf '${extensions}' >${name}.ext
openssl x509 -req -in ${name}.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 2 -extfile ${name}.ext -out ${name}.crt`;

export async function makeCertificates(machine: Machine): Promise<void> {
  await machine.sh(`
set -e
mkdir -p ${PKI} && cd ${PKI}
exec 2>openssl.log
${NEW_KEY} -x509 -keyout ca.key -subj /CN=cluster -days 2 -out ca.crt
${issue("apiserver", "/CN=kube-apiserver", `extendedKeyUsage=serverAuth\\nsubjectAltName=${NAMES}\\n`)}
${issue("kubelet-client", "/O=system:masters/CN=kube-apiserver-kubelet-client", "extendedKeyUsage=clientAuth\\n")}
openssl genrsa -out service-accounts.key 2048`);
}
