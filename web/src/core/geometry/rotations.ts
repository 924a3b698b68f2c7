/** Rotations as axis-angle vectors and row-major 3 x 3 matrices. */

export type Matrix3 = Float64Array;

/** Squared angle below which Taylor series replace the quotients, as in `geometry.rotations`. */
const SMALL_SQUARE = 1e-8;

/** Returns the rotation matrix of an axis-angle vector in radians (Rodrigues' formula). */
export function axisAngleToMatrix(x: number, y: number, z: number): Matrix3 {
  const square = x * x + y * y + z * z;
  const small = square < SMALL_SQUARE;
  const angle = Math.sqrt(square);
  const s = small ? 1 - square / 6 : Math.sin(angle) / angle;
  const c = small ? 0.5 - square / 24 : (1 - Math.cos(angle)) / square;
  return Float64Array.of(
    1 - c * (y * y + z * z), c * x * y - s * z, c * x * z + s * y,
    c * x * y + s * z, 1 - c * (x * x + z * z), c * y * z - s * x,
    c * x * z - s * y, c * y * z + s * x, 1 - c * (x * x + y * y),
  );
}

/** Returns the product of two matrices. */
export function multiply(a: Matrix3, b: Matrix3): Matrix3 {
  const product = new Float64Array(9);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < 3; j++) {
      for (let k = 0; k < 3; k++) product[3 * i + j]! += a[3 * i + k]! * b[3 * k + j]!;
    }
  }
  return product;
}

/** Returns the quaternion (w, x, y, z), w not negative, of a rotation (Shepperd 1978). */
export function matrixToQuaternion(m: Matrix3): [number, number, number, number] {
  const at = (i: number, j: number): number => m[3 * i + j]!;
  const trace = at(0, 0) + at(1, 1) + at(2, 2);
  const diagonal = [1 + trace, ...[0, 1, 2].map((k) => 1 + 2 * at(k, k) - trace)];
  const best = diagonal.indexOf(Math.max(...diagonal));
  const w = [at(2, 1) - at(1, 2), at(0, 2) - at(2, 0), at(1, 0) - at(0, 1)] as const;
  const [xy, xz, yz] = [at(0, 1) + at(1, 0), at(0, 2) + at(2, 0), at(1, 2) + at(2, 1)] as const;
  const rows = [
    [diagonal[0]!, ...w], [w[0], diagonal[1]!, xy, xz], [w[1], xy, diagonal[2]!, yz],
    [w[2], xz, yz, diagonal[3]!],
  ];
  const chosen = rows[best]!;
  const norm = Math.hypot(...chosen) * (chosen[0]! < 0 ? -1 : 1);
  return [chosen[0]! / norm, chosen[1]! / norm, chosen[2]! / norm, chosen[3]! / norm];
}

/** Returns the axis-angle vector in radians, its angle in [0, pi], of a rotation. */
export function matrixToAxisAngle(m: Matrix3): [number, number, number] {
  const [w, x, y, z] = matrixToQuaternion(m);
  const norm = Math.hypot(x, y, z);
  const factor = norm * norm < SMALL_SQUARE ? 2 / w : (2 * Math.atan2(norm, w)) / norm;
  return [x * factor, y * factor, z * factor];
}

/** Returns the rotation matrix of a quaternion (w, x, y, z) of any length. */
export function quaternionToMatrix(quaternion: ArrayLike<number>): Matrix3 {
  const norm = Math.hypot(quaternion[0]!, quaternion[1]!, quaternion[2]!, quaternion[3]!);
  const [w, x, y, z] = [0, 1, 2, 3].map((k) => quaternion[k]! / norm) as [number, number, number, number];
  return Float64Array.of(
    1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
    2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
    2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y),
  );
}
