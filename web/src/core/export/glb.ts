/** Binary glTF 2.0: a person's animatable head with named morph targets, joints and a performance. */

import { hasClosedSkin, smoothNormals, surfaceTriangles, vertexColours } from "../head/colours";
import type { HeadModel } from "../head/headModel";
import { GltfBuffer, type Accessor } from "./gltfBuffer";
import type { Performance } from "./recording";
import { rigOf, type Rig, type RigFrame } from "./rig";

/** Metres below which a vertex of a morph target counts as resting. */
const STILL = 1e-7;
/** Change of a unit normal below which it counts as unchanged. */
const SAME_NORMAL = 0.01;
/** Roughness of the one material, that of skin. */
const ROUGHNESS = 0.6;
/** Number of the node with the head pose; joints follow it. */
const POSE_NODE = 0;
/** Joints that one vertex has at most in glTF's first set. */
const JOINTS = 4;

/** glTF's header, and the types of its two chunks, from its specification. */
const [MAGIC, VERSION, JSON_CHUNK, BINARY_CHUNK] = [0x46546c67, 2, 0x4e4f534a, 0x004e4942];

/**
 * Returns a GLB file of a performance; of one frame it is a still head with that frame's weights.
 *
 * Strips of hair are left out: they need a picture with alpha.
 */
export function glb({ head, frames, seconds }: Performance): Uint8Array<ArrayBuffer> {
  const { rig, motion } = rigOf(head, frames);
  const buffer = new GltfBuffer();
  const mesh = meshOf(buffer, head, rig, motion[0]!);
  const joints = head.jointNames.map((_, j) => POSE_NODE + 1 + j);
  const meshNode = joints.length + 1;
  const model = {
    asset: { version: "2.0", generator: "smirk3d web" },
    scene: 0,
    scenes: [{ nodes: [meshNode, POSE_NODE] }],
    nodes: [...jointNodes(head, rig, motion[0]!), { name: `${head.name} head`, mesh: 0, skin: 0 }],
    meshes: [mesh],
    materials: [{
      name: "head", doubleSided: !hasClosedSkin(head),
      pbrMetallicRoughness: { baseColorFactor: [1, 1, 1, 1], metallicFactor: 0, roughnessFactor: ROUGHNESS },
    }],
    skins: [{ joints, skeleton: POSE_NODE, inverseBindMatrices: inverseMatrices(buffer, rig) }],
    ...(frames.length > 1 ? { animations: [animation(buffer, motion, seconds, meshNode)] } : {}),
    extras: { head: head.name },
  };
  return assembled({ ...model, ...buffer.json() }, buffer.bytes());
}

function jointNodes(head: HeadModel, rig: Rig, frame: RigFrame): object[] {
  const parents = head.array("joint_parents").data;
  const children = (owner: number): number[] =>
    head.jointNames.map((_, j) => j).filter((j) => parents[j] === owner).map((j) => POSE_NODE + 1 + j);
  const named = (own: number[]): object => (own.length ? { children: own } : {});
  const place = (j: number): number[] => Array.from(rig.joints.subarray(3 * j, 3 * j + 3));
  return [
    { name: "head_pose", rotation: xyzw(frame.rotations[0]!), ...named(children(-1)) },
    ...head.jointNames.map((name, j) => {
      const above = parents[j]! >= 0 ? place(parents[j]!) : [0, 0, 0];
      const translation = place(j).map((value, k) => value - above[k]!);
      return { name, translation, rotation: xyzw(frame.rotations[j + 1]!), ...named(children(j)) };
    }),
  ];
}

function meshOf(buffer: GltfBuffer, head: HeadModel, rig: Rig, frame: RigFrame): object {
  const triangles = surfaceTriangles(head);
  const ids = Int32Array.from(new Set(triangles)).sort();
  const rows = new Map(Array.from(ids, (id, row) => [id, row]));
  const chosen = (values: Float32Array): Float32Array => {
    const kept = new Float32Array(3 * ids.length);
    ids.forEach((id, row) => kept.set(values.subarray(3 * id, 3 * id + 3), 3 * row));
    return kept;
  };
  const normals = smoothNormals(rig.vertices, triangles);
  const { joints, weights } = strongestJoints(head, ids);
  const targets = rig.targets.map((target) => {
    const moved = rig.vertices.map((value, i) => value + target[i]!);
    const bent = smoothNormals(moved, triangles).map((value, i) => value - normals[i]!);
    return { POSITION: buffer.sparse(chosen(target), STILL), NORMAL: buffer.sparse(chosen(bent), SAME_NORMAL) };
  });
  return {
    name: head.name,
    primitives: [{
      attributes: {
        POSITION: buffer.vertices(chosen(rig.vertices), "VEC3", true),
        NORMAL: buffer.vertices(chosen(normals), "VEC3"),
        COLOR_0: buffer.vertices(chosen(vertexColours(head)), "VEC3"),
        JOINTS_0: buffer.vertices(joints, "VEC4"),
        WEIGHTS_0: buffer.vertices(weights, "VEC4"),
      },
      indices: buffer.indices(Uint32Array.from(triangles, (id) => rows.get(id)!)),
      material: 0,
      targets,
    }],
    weights: Array.from(frame.weights),
    extras: { targetNames: rig.targetNames, correctives: rig.correctives, contact: rig.contact },
  };
}

/** Returns the numbers and weights `[U, 4]` of each vertex's strongest joints, weights summing to 1. */
function strongestJoints(head: HeadModel, ids: Int32Array): { joints: Uint16Array; weights: Float32Array } {
  const count = head.jointNames.length;
  const all = head.array("lbs_weights").data;
  const joints = new Uint16Array(JOINTS * ids.length);
  const weights = new Float32Array(JOINTS * ids.length);
  ids.forEach((id, row) => {
    const own = Array.from({ length: count }, (_, j) => [j, all[count * id + j]!] as const);
    const strongest = own.sort((a, b) => b[1] - a[1]).slice(0, JOINTS);
    const sum = strongest.reduce((total, [, weight]) => total + weight, 0);
    strongest.forEach(([joint, weight], k) => {
      if (!weight) return;
      joints[JOINTS * row + k] = joint;
      weights[JOINTS * row + k] = weight / sum;
    });
  });
  return { joints, weights };
}

function inverseMatrices(buffer: GltfBuffer, rig: Rig): Accessor {
  const count = rig.joints.length / 3;
  const matrices = new Float32Array(16 * count);
  for (let j = 0; j < count; j++) {
    // glTF stores matrices by columns
    matrices.set([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0], 16 * j);
    matrices.set([...rig.joints.subarray(3 * j, 3 * j + 3)].map((value) => -value), 16 * j + 12);
    matrices[16 * j + 15] = 1;
  }
  return buffer.plain(matrices, "MAT4");
}

function animation(buffer: GltfBuffer, motion: readonly RigFrame[], seconds: readonly number[], meshNode: number): object {
  const clock = buffer.plain(Float32Array.from(seconds), "SCALAR", true);
  const samplers: object[] = [];
  const channels: object[] = [];
  const add = (node: number, path: string, values: Float32Array, kind: "SCALAR" | "VEC4"): void => {
    channels.push({ sampler: samplers.length, target: { node, path } });
    samplers.push({ input: clock, output: buffer.plain(values, kind), interpolation: "LINEAR" });
  };
  add(meshNode, "weights", Float32Array.from(motion.flatMap(({ weights }) => Array.from(weights))), "SCALAR");
  motion[0]!.rotations.forEach((first, node) => {
    const turns = motion.map(({ rotations }) => rotations[node]!);
    const moving = turns.some((turn) => turn.some((q, k) => q !== first[k]!));
    if (moving) add(POSE_NODE + node, "rotation", Float32Array.from(turns.flatMap(xyzw)), "VEC4");
  });
  return { name: "performance", samplers, channels };
}

function xyzw([w, x, y, z]: readonly [number, number, number, number]): number[] {
  return [x, y, z, w];
}

function assembled(model: object, binary: Uint8Array): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(JSON.stringify(model));
  const [textSize, binarySize] = [text.length, binary.length].map((size) => Math.ceil(size / 4) * 4) as [number, number];
  const file = new Uint8Array(28 + textSize + binarySize);
  const view = new DataView(file.buffer);
  [MAGIC, VERSION, file.length, textSize, JSON_CHUNK].forEach((value, i) => view.setUint32(4 * i, value, true));
  file.fill(0x20, 20, 20 + textSize);
  file.set(text, 20);
  view.setUint32(20 + textSize, binarySize, true);
  view.setUint32(24 + textSize, BINARY_CHUNK, true);
  file.set(binary, 28 + textSize);
  return file;
}
