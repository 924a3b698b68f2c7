/** The parametric head of a head file with named actions, as docs/head-file.md specifies it. */

import { ActionRules, type ChannelLayout } from "./actionRules";
import { Contact } from "./contact";
import { ARKIT_NAMES, GAZE_ACTIONS, type FaceParameters } from "../conventions";
import { readNpz, type Archive, type NumberArray, type Numbers } from "../files/npz";
import { Offsets } from "./offsets";
import { landmarkArrays, vertexArrays } from "./reducedHead";
import { axisAngleToMatrix, multiply, type Matrix3 } from "../geometry/rotations";

/** Vertices `[V, 3]` and joints `[J, 3]` in metres, head axes, head pose applied. */
export interface HeadMesh {
  readonly vertices: Float32Array;
  readonly joints: Float64Array;
}

/** Number of values of each parameter group of the head. */
export interface GroupSizes { shape: number; expression: number; jaw: number; eyelids: number; eyes: number; neck: number }

const BLOCKS = ["shape_basis", "expr_basis", "jaw_basis", "jaw_basis_neg", "eyelid_basis", "gaze_basis"];
/** Bound of a sine before the arc sine, that of `heads/action_names.py`. */
const LARGEST_SINE = 1 - 1e-6;
/** Scale at which a head in metres about fills a crop, `conventions.CAMERA_SCALE_DEFAULT`. */
const CAMERA_SCALE_DEFAULT = 7;

export class HeadModel {
  readonly name: string;
  readonly sizes: GroupSizes;
  readonly faces: Int32Array;
  readonly part: Numbers;
  readonly expressionNames: readonly string[];
  readonly jointNames: readonly string[];
  private readonly template: Float32Array;
  readonly offsets: Offsets;
  readonly rules: ActionRules;
  readonly layout: ChannelLayout;
  private readonly contact: Contact;
  private lastPerson: { shape: Float64Array; vertices: Float32Array } | null = null;
  private readonly sources: ReadonlyMap<string, readonly number[]>;

  private constructor(private readonly file: Archive) {
    const meta = JSON.parse(file.texts.get("meta")?.text[0] ?? "{}") as Record<string, unknown>;
    checkSupported(file, meta);
    this.name = String(meta["name"]);
    this.template = this.array("v_template").data as Float32Array;
    this.faces = this.array("faces").data as Int32Array;
    this.part = this.array("part").data;
    this.expressionNames = file.texts.get("expr_names")!.text;
    this.jointNames = file.texts.get("joint_names")!.text;
    const shape = this.array("shape_basis").shape[0]!;
    const count = this.expressionNames.length;
    const neck = this.jointNames.includes("neck") ? 3 : 0;
    this.sizes = { shape, expression: count, jaw: 3, eyelids: 2, eyes: 6, neck };
    this.layout = {
      expression: 0, jawPositive: count, jawNegative: count + 3, eyelids: count + 6,
      gaze: count + 8, count: count + 16,
    };
    const correctives = file.numbers.get("corrective_basis");
    this.offsets = new Offsets([...BLOCKS.map((name) => this.array(name)), ...(correctives ? [correctives] : [])]);
    this.rules = new ActionRules(file, this.layout);
    this.contact = new Contact(file);
    this.sources = expressionSources(this.expressionNames);
  }

  /** Returns the head of a head file. @throws Error if it is damaged or of an unsupported kind. */
  static async fromFile(file: ArrayBuffer): Promise<HeadModel> {
    return new HeadModel(await readNpz(file));
  }

  /** Returns the head of the vertices about its landmarks alone; it has no other surface. */
  atLandmarks(): HeadModel {
    return new HeadModel(landmarkArrays(this.file));
  }

  /** Returns a head of some vertices without contact of the lips, and the row of each wanted one. */
  atVertices(wanted: ArrayLike<number>): { head: HeadModel; rows: Int32Array } {
    const { arrays, rows } = vertexArrays(this.file, wanted);
    return { head: new HeadModel(arrays), rows };
  }

  get numVertices(): number {
    return this.template.length / 3;
  }

  /** Returns an array of the head file. @throws Error if there is none of that name. */
  array(name: string): NumberArray {
    const found = this.file.numbers.get(name);
    if (found === undefined) throw new Error(`the head file lacks ${name}`);
    return found;
  }

  /** Returns an array that not every head file has. */
  optional(name: string): NumberArray | undefined {
    return this.file.numbers.get(name);
  }

  /** Returns the default parameters, looking at the camera. */
  neutral(): FaceParameters {
    const { shape, expression, jaw, eyelids, eyes, neck } = this.sizes;
    const zeros = (n: number): Float64Array => new Float64Array(n);
    return {
      shape: zeros(shape), expression: zeros(expression), jaw: zeros(jaw), eyelids: zeros(eyelids),
      eyes: zeros(eyes), neck: zeros(neck), head_pose: zeros(3),
      camera: Float64Array.of(CAMERA_SCALE_DEFAULT, 0, 0),
    };
  }

  /** Returns the posed head of one face's parameters. */
  mesh(parameters: FaceParameters): HeadMesh {
    const vertices = this.shaped(parameters);
    const joints = this.restJoints(parameters.shape);
    const rotations = this.jointRotations(parameters);
    this.resolveContact(vertices, joints, rotations);
    const transforms = jointTransforms(rotations, joints, this.array("joint_parents").data);
    skin(vertices, this.array("lbs_weights").data as Float32Array, transforms);
    const posed = new Float64Array(joints.length);
    transforms.forEach((t, j) => posed.set(moved(t, joints[3 * j]!, joints[3 * j + 1]!, joints[3 * j + 2]!), 3 * j));
    if (!this.jointNames.includes("root")) {
      const pose = parameters.head_pose;
      const turn = axisAngleToMatrix(pose[0]!, pose[1]!, pose[2]!);
      rotate(vertices, turn);
      rotate(posed, turn);
    }
    return { vertices, joints: posed };
  }

  /** Returns the vertices `[V, 3]` in metres with all linear offsets, before any joint rotates. */
  shaped(parameters: FaceParameters): Float32Array {
    const { shape } = parameters;
    const vertices = this.person(shape).slice();
    const weights = this.rules.effective(this.asked(parameters));
    const sizes = this.rules.sizes(shape);
    weights.forEach((weight, k) => this.offsets.add(vertices, shape.length + k, weight * sizes[k]!));
    return vertices;
  }

  /** Returns the vertices of a person without expression; those of the last person are kept. */
  private person(shape: Float64Array): Float32Array {
    const known = this.lastPerson;
    if (known && shape.every((value, s) => value === known.shape[s])) return known.vertices;
    const vertices = this.template.slice();
    this.offsets.addFirst(vertices, shape);
    this.lastPerson = { shape: shape.slice(), vertices };
    return vertices;
  }

  /** Returns what contact adds to {@link shaped} `[V, 3]`. */
  contactOffsets(parameters: FaceParameters): Float32Array {
    const shaped = this.shaped(parameters);
    const vertices = shaped.slice();
    this.resolveContact(vertices, this.restJoints(parameters.shape), this.jointRotations(parameters));
    return vertices.map((value, i) => value - shaped[i]!);
  }

  private resolveContact(vertices: Float32Array, joints: Float64Array, rotations: readonly Matrix3[]): void {
    const eyes = ["eyeL", "eyeR"].map((name) => this.jointNames.indexOf(name));
    this.contact.resolve(
      vertices, eyes.map((j) => joints.subarray(3 * j, 3 * j + 3)),
      eyes.map((j) => [2, 5, 8].map((k) => rotations[j]![k]!)),
    );
  }

  /** Returns the joints' positions `[J, 3]` in metres before any joint rotates. */
  restJoints(shape: ArrayLike<number>): Float64Array {
    const joints = Float64Array.from(this.array("joints").data);
    const basis = this.array("joint_shape_basis").data;
    for (let s = 0; s < shape.length; s++) {
      for (let i = 0; i < joints.length; i++) joints[i]! += shape[s]! * basis[s * joints.length + i]!;
    }
    return joints;
  }

  /** Returns the point in metres about which the head pose rotates: the joint root, else the origin. */
  pivot(shape: ArrayLike<number>): Float64Array {
    const root = this.jointNames.indexOf("root");
    if (root < 0) return new Float64Array(3);
    return this.restJoints(shape).subarray(3 * root, 3 * root + 3);
  }

  /** Returns points `[L, 3]` of vertices `[V, 3]` at MediaPipe's landmarks, and their numbers. */
  landmarks(vertices: Float32Array): { ids: Numbers; points: Float64Array } {
    const [triangles, bary] = [this.array("lmk_mp_tri").data, this.array("lmk_mp_bary").data];
    const points = new Float64Array(3 * triangles.length);
    for (let l = 0; l < triangles.length; l++) {
      for (let corner = 0; corner < 3; corner++) {
        const at = 3 * this.faces[3 * triangles[l]! + corner]!;
        for (let k = 0; k < 3; k++) points[3 * l + k]! += bary[3 * l + corner]! * vertices[at + k]!;
      }
    }
    return { ids: this.array("lmk_mp_id").data, points };
  }

  /** Returns ARKit's 52 weights in the order of `ARKIT_NAMES`. */
  arkit(parameters: FaceParameters): Float64Array {
    const found = new Map<string, number>();
    const net = this.rules.net(this.asked(parameters));
    for (const [name, indices] of this.sources) {
      found.set(name, indices.reduce((sum, i) => sum + net[i]!, 0) / indices.length);
    }
    const [open, side, forward] = [parameters.jaw[0]!, parameters.jaw[1]!, parameters.jaw[2]!];
    found.set("eyeBlinkLeft", parameters.eyelids[0]!).set("eyeBlinkRight", parameters.eyelids[1]!);
    found.set("jawOpen", open).set("jawForward", forward);
    found.set("jawLeft", Math.max(side, 0)).set("jawRight", Math.max(-side, 0));
    const gaze = this.gazeWeights(parameters.eyes);
    GAZE_ACTIONS.forEach((name, i) => found.set(name, gaze[i]!));
    return Float64Array.from(ARKIT_NAMES, (name) => found.get(name) ?? 0);
  }

  /** Returns the weights of all channels as the parameters ask for them, before any rule. */
  asked({ expression, jaw, eyelids, eyes }: FaceParameters): Float64Array {
    const weights = new Float64Array(this.layout.count);
    weights.set(expression, this.layout.expression);
    jaw.forEach((value, k) => {
      weights[this.layout.jawPositive + k] = Math.max(value, 0);
      weights[this.layout.jawNegative + k] = Math.max(-value, 0);
    });
    weights.set(eyelids, this.layout.eyelids);
    weights.set(this.gazeWeights(eyes), this.layout.gaze);
    return weights;
  }

  private gazeWeights(eyes: Float64Array): Float64Array {
    const range = this.array("gaze_range").data;
    const weights = new Float64Array(8);
    for (let eye = 0; eye < 2; eye++) {
      const m = axisAngleToMatrix(eyes[3 * eye]!, eyes[3 * eye + 1]!, eyes[3 * eye + 2]!);
      const outward = Math.atan2(m[2]!, m[8]!) * (eye === 0 ? 1 : -1);
      const pitch = Math.asin(Math.min(Math.max(m[5]!, -LARGEST_SINE), LARGEST_SINE));
      [-pitch, -outward, outward, pitch].forEach((angle, k) => {
        weights[4 * eye + k] = Math.max(angle, 0) / range[4 * eye + k]!;
      });
    }
    return weights;
  }

  /** Returns each joint's rotation relative to its parent. */
  jointRotations({ head_pose, neck, eyes }: FaceParameters): Matrix3[] {
    const vectors: Record<string, Float64Array> = {
      root: head_pose, neck, eyeL: eyes.subarray(0, 3), eyeR: eyes.subarray(3, 6),
    };
    return this.jointNames.map((name) => {
      const vector = vectors[name];
      return axisAngleToMatrix(vector?.[0] ?? 0, vector?.[1] ?? 0, vector?.[2] ?? 0);
    });
  }
}

function checkSupported(file: Archive, meta: Record<string, unknown>): void {
  const has = (name: string): boolean => file.numbers.has(name);
  const joints = file.texts.get("joint_names")?.text ?? [];
  const lacking = ["v_template", "faces", "gaze_range", ...BLOCKS].find((name) => !has(name));
  if (meta["format"] !== 1 || lacking || !file.texts.has("expr_names")) {
    throw new Error(`no head of named actions: it lacks ${lacking ?? "format 1 or expr_names"}`);
  }
  const missing = ["eyeL", "eyeR"].find((name) => !joints.includes(name));
  if (missing) throw new Error(`no head of named actions: it lacks the joint ${missing}`);
  const foreign = ["pose_basis", "joint_expr_basis"].find(has);
  if (foreign || meta["eyelids_after_pose"]) {
    throw new Error(`the page does not evaluate ${foreign ?? "eyelids_after_pose"}: use smirk3d itself`);
  }
}

/** Returns for each ARKit name the expression components whose weights are averaged. */
export function expressionSources(names: readonly string[]): Map<string, number[]> {
  const sources = new Map<string, number[]>();
  const known = new Set<string>(ARKIT_NAMES);
  names.forEach((name, index) => {
    const [base, side] = name.split("_", 2) as [string, string | undefined];
    const whole = base + (side === "L" ? "Left" : side === "R" ? "Right" : "");
    const arkit = known.has(whole) ? whole : base;
    if (known.has(arkit)) sources.set(arkit, [...(sources.get(arkit) ?? []), index]);
  });
  return sources;
}

/** A transform `[3, 4]`, row-major. */
type Transform = Float64Array;

function moved(t: Transform, x: number, y: number, z: number): [number, number, number] {
  return [
    t[0]! * x + t[1]! * y + t[2]! * z + t[3]!,
    t[4]! * x + t[5]! * y + t[6]! * z + t[7]!,
    t[8]! * x + t[9]! * y + t[10]! * z + t[11]!,
  ];
}

/** Rotates points `[N, 3]` about the origin, in place. */
function rotate(points: Float32Array | Float64Array, m: Matrix3): void {
  for (let i = 0; i < points.length; i += 3) {
    const [x, y, z] = [points[i]!, points[i + 1]!, points[i + 2]!];
    for (let k = 0; k < 3; k++) points[i + k] = m[3 * k]! * x + m[3 * k + 1]! * y + m[3 * k + 2]! * z;
  }
}

/** Returns each joint's transform from the rest pose to the posed head. */
function jointTransforms(rotations: readonly Matrix3[], joints: Float64Array, parents: Numbers): Transform[] {
  const global: Matrix3[] = [];
  const transforms: Transform[] = [];
  rotations.forEach((own, j) => {
    const parent = parents[j]!;
    const turn = parent < 0 ? own : multiply(global[parent]!, own);
    const rest = [joints[3 * j]!, joints[3 * j + 1]!, joints[3 * j + 2]!] as const;
    // a joint goes where its parent takes it, and turns about itself there
    const place = parent < 0 ? rest : moved(transforms[parent]!, ...rest);
    global.push(turn);
    const transform = new Float64Array(12);
    for (let i = 0; i < 3; i++) {
      let turned = 0;
      for (let k = 0; k < 3; k++) {
        transform[4 * i + k] = turn[3 * i + k]!;
        turned += turn[3 * i + k]! * rest[k]!;
      }
      transform[4 * i + 3] = place[i]! - turned;
    }
    transforms.push(transform);
  });
  return transforms;
}

/** Moves vertices `[V, 3]` in place by the weighted mean of transforms; weights are `[V, J]`. */
function skin(vertices: Float32Array, weights: Float32Array, transforms: readonly Transform[]): void {
  const blend = new Float64Array(12);
  for (let v = 0; v < vertices.length / 3; v++) {
    blend.fill(0);
    transforms.forEach((transform, j) => {
      const weight = weights[v * transforms.length + j]!;
      if (weight) for (let k = 0; k < 12; k++) blend[k]! += weight * transform[k]!;
    });
    vertices.set(moved(blend, vertices[3 * v]!, vertices[3 * v + 1]!, vertices[3 * v + 2]!), 3 * v);
  }
}
