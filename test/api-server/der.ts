/** The few ASN.1 types that a certificate is made of, in DER (X.690). */
const element = (tag: number, ...content: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(content);
  const size = body.length;
  const length = size < 0x80 ? [size] : size < 0x100 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), body]);
};

export const sequence = (...items: readonly Buffer[]): Buffer => element(0x30, ...items);
export const set = (...items: readonly Buffer[]): Buffer => element(0x31, ...items);
export const text = (value: string): Buffer => element(0x0c, Buffer.from(value));
export const octets = (value: Buffer): Buffer => element(0x04, value);
export const bits = (value: Buffer): Buffer => element(0x03, Buffer.from([0]), value);
export const yes = element(0x01, Buffer.from([0xff]));

/** A positive integer, big-endian; its first bit must be 0. */
export const integer = (value: Buffer): Buffer => element(0x02, value);

/** [n] around whole elements. */
export const explicit = (n: number, ...items: readonly Buffer[]): Buffer => element(0xa0 | n, ...items);
/** [n] in place of a primitive element's own tag. */
export const implicit = (n: number, value: Buffer): Buffer => element(0x80 | n, value);

/** UTCTime, for years before 2050. */
export const time = (date: Date): Buffer =>
  element(0x17, Buffer.from(`${date.toISOString().replaceAll(/[-:T]/g, "").slice(2, 14)}Z`));

/** From the dotted form. */
export const oid = (dotted: string): Buffer => {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return element(0x06, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
};

const base128 = (arc: number): readonly number[] => {
  const digits = [arc & 0x7f];
  for (let left = arc >> 7; left > 0; left >>= 7) digits.unshift(0x80 | (left & 0x7f));
  return digits;
};
