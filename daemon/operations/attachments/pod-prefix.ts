/** `[<namespace>/<pod>/<uid>:<network>]: `, as Multus begins its messages. */
export function podPrefix(
  pod: { readonly namespace: string; readonly name: string; readonly uid: string } | undefined,
  network?: string,
): string {
  const who = pod === undefined ? "//" : `${pod.namespace}/${pod.name}/${pod.uid}`;
  return network === undefined ? `[${who}]: ` : `[${who}:${network}]: `;
}
