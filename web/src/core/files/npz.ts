/** Reading numpy's `.npz` files: a ZIP archive of `.npy` arrays of plain numbers or text. */

/** Numbers of an array, converted to a type that JavaScript has. */
export type Numbers = Float32Array | Float64Array | Int32Array | Uint8Array;

/** An array of numbers in row-major order. */
export interface NumberArray {
  readonly shape: readonly number[];
  readonly data: Numbers;
}

/** An array of text in row-major order; a scalar has shape `[]` and one entry. */
export interface TextArray {
  readonly shape: readonly number[];
  readonly text: readonly string[];
}

/** The arrays of a file by name. */
export interface Archive {
  readonly numbers: ReadonlyMap<string, NumberArray>;
  readonly texts: ReadonlyMap<string, TextArray>;
}

const END_SIGNATURE = 0x06054b50;
const ENTRY_SIGNATURE = 0x02014b50;
const STORED = 0;
const DEFLATED = 8;
/** Bytes of a ZIP's end record without its comment. */
const END_SIZE = 22;
/** Longest comment after the end record, from the ZIP specification. */
const LONGEST_COMMENT = 0xffff;

/**
 * Returns the arrays of an `.npz` file.
 *
 * Half precision becomes single. Sizes are checked against the members; objects are refused.
 *
 * @throws Error if the file is no such archive or is damaged.
 */
export async function readNpz(file: ArrayBuffer): Promise<Archive> {
  const numbers = new Map<string, NumberArray>();
  const texts = new Map<string, TextArray>();
  for (const entry of entries(new DataView(file))) {
    if (!entry.name.endsWith(".npy")) continue;
    const name = entry.name.slice(0, -4);
    const array = readNpy(await unpacked(file, entry));
    if ("text" in array) texts.set(name, array);
    else numbers.set(name, array);
  }
  return { numbers, texts };
}

/**
 * Returns a member of a ZIP archive, such as MediaPipe's task files.
 *
 * @throws Error if the file is no archive, is damaged, or has no such member.
 */
export async function fileInZip(file: ArrayBuffer, name: string): Promise<ArrayBuffer> {
  const entry = entries(new DataView(file)).find((found) => found.name === name);
  if (!entry) throw new Error(`the archive has no ${name}`);
  return unpacked(file, entry);
}

interface Entry {
  name: string;
  method: number;
  packedSize: number;
  size: number;
  offset: number;
}

function entries(view: DataView): Entry[] {
  const last = view.byteLength - END_SIZE;
  let end = last;
  while (end >= 0 && end >= last - LONGEST_COMMENT && view.getUint32(end, true) !== END_SIGNATURE) end--;
  if (end < 0 || view.getUint32(end, true) !== END_SIGNATURE) throw new Error("it is no ZIP archive");
  const found: Entry[] = [];
  let at = view.getUint32(end + 16, true);
  for (let count = view.getUint16(end + 10, true); count > 0; count--) {
    if (view.getUint32(at, true) !== ENTRY_SIGNATURE) throw new Error("its directory is damaged");
    const nameLength = view.getUint16(at + 28, true);
    found.push({
      name: new TextDecoder().decode(new Uint8Array(view.buffer, at + 46, nameLength)),
      method: view.getUint16(at + 10, true),
      packedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    });
    at += 46 + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
  }
  return found;
}

async function unpacked(file: ArrayBuffer, entry: Entry): Promise<ArrayBuffer> {
  const view = new DataView(file);
  const start = entry.offset + 30 + view.getUint16(entry.offset + 26, true) + view.getUint16(entry.offset + 28, true);
  const packed = file.slice(start, start + entry.packedSize);
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    throw new Error(`${entry.name} is compressed by an unknown method`);
  }
  const bytes = entry.method === STORED ? packed : await inflated(packed);
  if (bytes.byteLength !== entry.size) throw new Error(`${entry.name} is not whole`);
  return bytes;
}

async function inflated(packed: ArrayBuffer): Promise<ArrayBuffer> {
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Response(stream).arrayBuffer();
}

function readNpy(bytes: ArrayBuffer): NumberArray | TextArray {
  const view = new DataView(bytes);
  const magic = new TextDecoder("latin1").decode(new Uint8Array(bytes, 0, 6));
  if (magic !== "\x93NUMPY" && magic.slice(1) !== "NUMPY") throw new Error("it is no numpy array");
  const wide = view.getUint8(6) > 1;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const start = wide ? 12 : 10;
  const header = new TextDecoder().decode(new Uint8Array(bytes, start, length));
  const type = /'descr':\s*'([^']+)'/.exec(header)?.[1];
  const sizes = /'shape':\s*\(([^)]*)\)/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  if (type === undefined || sizes === undefined || order !== "False") {
    throw new Error("an array's header cannot be read");
  }
  const shape = sizes.split(",").map((size) => size.trim()).filter(Boolean).map(Number);
  return values(type, shape, bytes.slice(start + length));
}

function values(type: string, shape: number[], data: ArrayBuffer): NumberArray | TextArray {
  const count = shape.reduce((product, size) => product * size, 1);
  const kind = type.replace(/^[<|=]/, "");
  if (kind.startsWith("U")) return { shape, text: texts(data, count, Number(kind.slice(1))) };
  const read = READERS[kind];
  if (read === undefined) throw new Error(`an array is of type ${type}, which is not plain numbers`);
  const found = read(data);
  if (found.length !== count) throw new Error("an array is not whole");
  return { shape, data: found };
}

const READERS: Record<string, (data: ArrayBuffer) => Numbers> = {
  f2: (data) => Float32Array.from(new Uint16Array(data), fromHalf),
  f4: (data) => new Float32Array(data),
  f8: (data) => new Float64Array(data),
  i4: (data) => new Int32Array(data),
  i8: (data) => Int32Array.from(new BigInt64Array(data), Number),
  u1: (data) => new Uint8Array(data),
  b1: (data) => new Uint8Array(data),
};

/** Returns the number of a half-precision float's 16 bits. */
export function fromHalf(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

function texts(data: ArrayBuffer, count: number, width: number): string[] {
  const codes = new Uint32Array(data);
  if (codes.length !== count * width) throw new Error("an array of text is not whole");
  return Array.from({ length: count }, (_, row) => {
    const characters: string[] = [];
    for (let i = row * width; i < (row + 1) * width && codes[i]; i++) {
      characters.push(String.fromCodePoint(codes[i]!));
    }
    return characters.join("");
  });
}
