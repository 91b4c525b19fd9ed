/**
 * A device plugin whose devices are nothing but ids, half of them on each of two NUMA nodes; it leaves a note of each for whoever attaches it.
 *
 *   node test/cluster/device-plugin.ts <kubelet's directory> <device information's directory> <resource> <id>...
 *
 * The kubelet calls it by the path of its socket, which is no host name that Node's HTTP/2 lets pass. So that is spoken here frame by frame, as far as
 * the kubelet's two calls need it: one without a message, which is answered for ever, and those that have one.
 */
import { mkdir, rm, writeFile } from "node:fs/promises";
import { createServer, type Socket } from "node:net";
import { join } from "node:path";
import { Client, credentials, type MethodDefinition } from "@grpc/grpc-js";
import { loadSync } from "@grpc/proto-loader";

type Method = MethodDefinition<object, object>;

const [kubeletDir = "", deviceInfoDir = "", resource = "", ...ids] = process.argv.slice(2);
const plugins = join(kubeletDir, "device-plugins");
const endpoint = "plexus-test.sock";
const definition = loadSync(join(import.meta.dirname, "device-plugin.proto"));
const { ListAndWatch, Allocate } = definition["v1beta1.DevicePlugin"] as unknown as Record<string, Method>;
const { Register } = definition["v1beta1.Registration"] as unknown as Record<string, Method>;
if (ListAndWatch === undefined || Allocate === undefined || Register === undefined) throw new Error("no such method");

const devices = ids.map((ID, index) => ({ ID, health: "Healthy", topology: { nodes: [{ ID: index % 2 }] } }));
const LISTED = ListAndWatch.responseSerialize({ devices });
const ALLOCATED = Allocate.responseSerialize({ containerResponses: [{}] });

const [DATA, HEADERS, SETTINGS, PING] = [0, 1, 4, 6];
const [END_STREAM, ACK, END_HEADERS] = [1, 1, 4];
const PREFACE_BYTES = 24;
const HEAD_BYTES = 9;
const LENGTH_BYTES = 5;
const NONE = Buffer.alloc(0);

function frame(type: number, flags: number, stream: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields, each as a literal with a literal name. */
function fields(...pairs: readonly (readonly [string, string])[]): Buffer {
  const text = (one: string): Buffer => Buffer.concat([Buffer.from([one.length]), Buffer.from(one)]);
  return Buffer.concat(pairs.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** What precedes a message of gRPC: that it is not compressed, and its length. */
function prefixed(message: Buffer): Buffer {
  const head = Buffer.alloc(LENGTH_BYTES);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

function answer(socket: Socket, stream: number, message: Buffer): void {
  const isAllocation = message.length > LENGTH_BYTES;
  const head = fields([":status", "200"], ["content-type", "application/grpc"]);
  socket.write(frame(HEADERS, END_HEADERS, stream, head));
  socket.write(frame(DATA, 0, stream, prefixed(isAllocation ? ALLOCATED : LISTED)));
  if (isAllocation) socket.write(frame(HEADERS, END_STREAM | END_HEADERS, stream, fields(["grpc-status", "0"])));
}

function serve(socket: Socket): void {
  const messages = new Map<number, Buffer>();
  let rest: Buffer = NONE;
  let skip = PREFACE_BYTES;
  socket.on("error", () => undefined);
  socket.write(frame(SETTINGS, 0, 0, NONE));
  socket.on("data", (chunk) => {
    rest = Buffer.concat([rest, Buffer.from(chunk)]);
    for (;;) {
      const length = rest.length < skip + HEAD_BYTES ? Infinity : rest.readUIntBE(skip, 3);
      if (rest.length < skip + HEAD_BYTES + length) return;
      const [type, flags, stream] = [rest.readUInt8(skip + 3), rest.readUInt8(skip + 4), rest.readUInt32BE(skip + 5)];
      const payload = rest.subarray(skip + HEAD_BYTES, skip + HEAD_BYTES + length);
      rest = rest.subarray(skip + HEAD_BYTES + length);
      skip = 0;
      if ((type === SETTINGS || type === PING) && (flags & ACK) === 0) {
        socket.write(frame(type, ACK, 0, type === PING ? payload : NONE));
      }
      if (type !== DATA) continue;
      const message = Buffer.concat([messages.get(stream) ?? NONE, payload]);
      messages.set(stream, message);
      if ((flags & END_STREAM) !== 0) answer(socket, stream, message);
    }
  });
}

await mkdir(join(deviceInfoDir, "dp"), { recursive: true });
for (const id of ids) {
  const note = { type: "pci", version: "1.1.0", pci: { "pci-address": id } };
  await writeFile(
    join(deviceInfoDir, "dp", `${resource.replaceAll("/", "-")}-${id}-device.json`),
    JSON.stringify(note),
  );
}
await rm(join(plugins, endpoint), { force: true });
const server = createServer(serve);
await new Promise<void>((resolve) => {
  server.listen(join(plugins, endpoint), resolve);
});

const kubelet = new Client(`unix:${join(plugins, "kubelet.sock")}`, credentials.createInsecure());
kubelet.makeUnaryRequest(
  Register.path,
  Register.requestSerialize,
  Register.responseDeserialize,
  { version: "v1beta1", endpoint, resourceName: resource },
  (error) => {
    if (error !== null) throw error;
    process.stdout.write("registered\n");
  },
);
