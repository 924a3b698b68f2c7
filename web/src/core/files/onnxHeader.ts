/** The JSON header that `smirk3d weights export` puts into an ONNX file's metadata. */

/** Field numbers of ONNX's ModelProto and StringStringEntryProto. */
const [METADATA_PROPS, KEY, VALUE] = [14, 1, 2];
const LENGTH_DELIMITED = 2;

export interface EncoderHeader {
  readonly head: string;
  readonly head_fingerprint: string;
  /** Constant values of the groups that do not depend on the picture. */
  readonly unseen: Readonly<Record<string, readonly number[]>>;
  /** Their standard deviations. */
  readonly unseen_std: Readonly<Record<string, readonly number[]>>;
  /** Surface points: vertices and barycentric coordinates `[P, 3]`; null where there are none. */
  readonly points: { readonly corners: readonly number[][]; readonly bary: readonly number[][] } | null;
}

/** Returns the header of an encoder's ONNX file. @throws Error if there is none. */
export function readEncoderHeader(model: Uint8Array): EncoderHeader {
  for (const entry of fields(model, METADATA_PROPS)) {
    const text = (field: number): string => {
      const [first] = fields(entry, field);
      return first ? new TextDecoder().decode(first) : "";
    };
    if (text(KEY) === "smirk3d") return JSON.parse(text(VALUE)) as EncoderHeader;
  }
  throw new Error("the weights are no encoder that smirk3d exported");
}

/** Yields the length-delimited entries of one field of a protocol buffer's message. */
function* fields(message: Uint8Array, wanted: number): Generator<Uint8Array> {
  let at = 0;
  const varint = (): number => {
    let [value, scale, byte] = [0, 1, 0];
    do {
      byte = message[at++]!;
      value += (byte & 127) * scale;
      scale *= 128;
    } while (byte & 128);
    return value;
  };
  while (at < message.length) {
    const tag = varint();
    const kind = tag % 8;
    if (kind === LENGTH_DELIMITED) {
      const length = varint();
      if (Math.floor(tag / 8) === wanted) yield message.subarray(at, at + length);
      at += length;
    } else if (kind === 0) varint();
    else at += kind === 1 ? 8 : 4;
  }
}
